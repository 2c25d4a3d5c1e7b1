//! What the guests said, as tables.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};

use super::{
    guest_tests::GuestTest,
    log::{Log, Ran},
    matrix::Kernel,
};
use crate::arch::Arch;

/// The verifier reads no more instructions of a program (`BPF_COMPLEXITY_LIMIT_INSNS`).
const LIMIT: u64 = 1_000_000;
const BUDGET: &str = "tests/tests/verifier-budget.json";
const README: &str = "README.md";
const BEGIN: &str = "<!-- cargo xtask kernels --record writes this table -->\n";
const END: &str = "<!-- end -->\n";

/// A kernel, and what became of its tests.
pub(super) struct Row {
    kernel: Kernel,
    release: String,
    /// In the order in which they ran; those that the guest never came to have no result.
    tests: Vec<(String, Option<Ran>)>,
    log: Log,
}

impl Row {
    /// Reads a guest's console.
    pub(super) fn new(kernel: Kernel, release: String, log: &str, tests: &[&GuestTest]) -> Self {
        let mut log = Log::parse(log);
        let tests = tests
            .iter()
            .map(|test| (test.name.clone(), log.tests.remove(&test.name)))
            .collect::<Vec<_>>();
        Self { kernel, release, tests, log }
    }

    /// A kernel that no guest ran: none of its tests has a result.
    pub(super) fn of_no_guest(kernel: Kernel, names: Vec<String>, error: &anyhow::Error) -> Self {
        let tests = names.into_iter().map(|name| (name, None)).collect();
        let log = Log { outside: format!("{error:#}"), ..Log::default() };
        Self { kernel, release: kernel.name.to_owned(), tests, log }
    }

    /// A line as soon as a guest has ended.
    pub(super) fn print_progress(&self) {
        let seconds: u32 = self.tests.iter().flat_map(|(_, ran)| ran).map(|ran| ran.seconds).sum();
        let passed = self.passed();
        println!(
            "    {} ({}): {passed} of {} passed, {seconds} s in tests",
            self.kernel,
            self.release,
            self.tests.len()
        );
    }

    /// Tests that failed, with the kernel's name.
    pub(super) fn failures(&self) -> Vec<String> {
        let failed = self.tests.iter().filter(|(_, ran)| !ran.as_ref().is_some_and(Ran::is_passed));
        failed.map(|(name, _)| format!("{name} on {}", self.kernel)).collect()
    }

    /// The output of tests that failed, or the end of the console where a guest died.
    pub(super) fn print_failures(&self) {
        for (name, ran) in &self.tests {
            match ran {
                Some(ran) if ran.is_passed() => {}
                Some(ran) => {
                    println!(
                        "\n---- {name} on {} ({}), {}{}\n{}",
                        self.kernel,
                        self.release,
                        ran.status.map_or(
                            "the guest died in it".to_owned(),
                            |status| match status {
                                137 => "ended after its time was up".to_owned(),
                                status => format!("exit status {status}"),
                            }
                        ),
                        if ran.left.is_empty() {
                            String::new()
                        } else {
                            format!(", left {}", ran.left.join(", "))
                        },
                        ran.output.trim_end(),
                    );
                }
                None => {
                    println!("\n---- {name} on {}: not run, as the guest had ended", self.kernel);
                }
            }
        }
        if self.tests.iter().any(|(_, ran)| ran.as_ref().is_none_or(|ran| ran.status.is_none())) {
            let lines: Vec<&str> = self.log.outside.lines().collect();
            let last = lines.get(lines.len().saturating_sub(60)..).unwrap_or_default();
            println!(
                "\n---- the console of {} outside of tests, its end\n{}",
                self.kernel,
                last.join("\n")
            );
        }
    }

    fn passed(&self) -> usize {
        self.tests.iter().filter(|(_, ran)| ran.as_ref().is_some_and(Ran::is_passed)).count()
    }

    /// The program that the verifier read most of.
    fn largest(&self) -> Option<u64> {
        self.log.verified.iter().map(|verified| verified.instructions).max()
    }
}

/// Kernels by tests, in Markdown.
pub(super) fn table(rows: &[Row]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|row| &row.tests) {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut notes = Vec::new();
    let mut table = String::from("| test |");
    for row in rows {
        let _ = write!(table, " {} {} |", version(&row.release), row.kernel.arch.name());
    }
    table.push_str("\n|---|");
    table.push_str(&"---:|".repeat(rows.len()));
    for name in names {
        let _ = write!(table, "\n| {name} |");
        for row in rows {
            let found = row.tests.iter().find(|(known, _)| known == name);
            let cell = match found.map(|(_, ran)| ran) {
                None => "–".to_owned(),
                Some(Some(ran)) if ran.is_passed() => {
                    let mark = if ran.skipped.is_empty() { "" } else { "*" };
                    notes.extend(
                        ran.skipped.iter().map(|why| format!("{name} on {}: {why}", row.kernel)),
                    );
                    format!("ok{mark} {} s", ran.seconds)
                }
                Some(_) => "FAILED".to_owned(),
            };
            let _ = write!(table, " {cell} |");
        }
    }
    table.push('\n');
    for note in notes {
        let _ = writeln!(table, "* skipped: {note}");
    }
    table
}

/// Instructions that the verifiers read, and the largest share of what they would.
pub(super) fn budget(rows: &[Row]) -> String {
    let mut text = String::new();
    let with_figures = || rows.iter().filter(|row| !row.log.verified.is_empty());
    for row in with_figures() {
        let figures = row.log.verified.iter().filter(|verified| !verified.program.contains('#'));
        let figures: Vec<String> = figures
            .map(|verified| format!("{} {}", verified.program, verified.instructions))
            .collect();
        let _ = writeln!(text, "verified on {}: {}", row.kernel, figures.join(", "));
    }
    let largest =
        with_figures().filter_map(|row| Some((row.largest()?, row.kernel))).max_by_key(|(n, _)| *n);
    if let Some((instructions, kernel)) = largest {
        let _ = writeln!(
            text,
            "the most that a verifier reads is {instructions} instructions, {:.1} % of its limit ({kernel})",
            share_percent(instructions)
        );
    }
    text
}

#[expect(clippy::cast_precision_loss, reason = "a share of a million")]
fn share_percent(instructions: u64) -> f64 {
    instructions as f64 * 100.0 / LIMIT as f64
}

/// Writes the verifier's figures where the test of the budget finds them, and README's table.
pub(super) fn record(root: &Path, rows: &[Row]) -> Result<()> {
    let path = root.join(BUDGET);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let mut budgets: BTreeMap<String, serde_json::Value> = serde_json::from_str(&text)?;
    for row in rows.iter().filter(|row| !row.log.verified.is_empty()) {
        let programs: serde_json::Map<String, serde_json::Value> = row
            .log
            .verified
            .iter()
            .filter(|verified| !verified.program.contains('#'))
            .map(|verified| {
                let figures = serde_json::json!({
                    "verified_instructions": verified.instructions,
                    "translated_bytes": verified.translated_bytes,
                });
                (verified.program.clone(), figures)
            })
            .collect();
        let arch = match row.kernel.arch {
            Arch::X86_64 => "x86_64",
            Arch::Arm64 => "aarch64",
        };
        budgets.insert(format!("{} {arch}", series(&row.release)), programs.into());
    }
    fs::write(&path, serde_json::to_string_pretty(&budgets)? + "\n")?;

    let path = root.join(README);
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(BEGIN).context("README.md has no place for the table")?;
    let (_, after) = rest.split_once(END).context("README.md has no end of the table")?;
    fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", readme(rows)))?;
    Ok(())
}

/// Kernels and architectures, for README.
fn readme(rows: &[Row]) -> String {
    let mut table = String::from(
        "| Linux | package of | architecture | guest tests passed | largest program, of the verifier's limit |\n\
         |---|---|---|---:|---:|\n",
    );
    for row in rows {
        let passed = if row.kernel.is_too_old {
            "refused, in one sentence".to_owned()
        } else {
            format!("{} of {}", row.passed(), row.tests.len())
        };
        let share =
            row.largest().map_or("–".to_owned(), |n| format!("{:.1} %", share_percent(n)));
        let _ = writeln!(
            table,
            "| {} | {} | {} | {passed} | {share} |",
            version(&row.release),
            row.kernel.suite.title(),
            row.kernel.arch.name(),
        );
    }
    table
}

/// `6.18.15` of `6.18.15+deb13-cloud-amd64`.
fn version(release: &str) -> &str {
    release.split(['+', '-']).next().unwrap_or(release)
}

/// `6.18` of `6.18.15+deb13-cloud-amd64`.
fn series(release: &str) -> String {
    version(release).split('.').take(2).collect::<Vec<_>>().join(".")
}
