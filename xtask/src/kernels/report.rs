//! The guests' results, as tables.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context as _, Result};

use super::{
    guest_tests::GuestTest,
    log::{Log, Ran},
    matrix::{Kernel, MATRIX, NEWEST},
};
use crate::arch::Arch;

/// The most instructions that the verifier reads of a program (`BPF_COMPLEXITY_LIMIT_INSNS`).
const LIMIT: u64 = 1_000_000;
const BUDGET: &str = "tests/tests/kernel/verifier-budget.json";
const README: &str = "README.md";
const BEGIN: &str = "<!-- cargo xtask kernels --record writes this table -->\n";
const END: &str = "<!-- end -->\n";

/// A kernel, and the results of its tests.
pub(super) struct Row {
    kernel: Kernel,
    version: String,
    /// The tests in the order in which they ran. Those that the guest never got to have no result.
    tests: Vec<(String, Option<Ran>)>,
    log: Log,
}

impl Row {
    /// Reads a guest's console.
    pub(super) fn new(kernel: Kernel, version: String, log: &str, tests: &[&GuestTest]) -> Self {
        let mut log = Log::parse(log);
        let tests = tests
            .iter()
            .map(|test| (test.name.clone(), log.tests.remove(&test.name)))
            .collect::<Vec<_>>();
        Self { kernel, version, tests, log }
    }

    /// A kernel that no guest ran: none of its tests has a result.
    pub(super) fn of_no_guest(kernel: Kernel, names: Vec<String>, error: &anyhow::Error) -> Self {
        let tests = names.into_iter().map(|name| (name, None)).collect();
        let log = Log { outside: format!("{error:#}"), ..Log::default() };
        Self { kernel, version: kernel.name.to_owned(), tests, log }
    }

    /// Prints a line as soon as a guest has ended.
    pub(super) fn print_progress(&self) {
        let seconds: u32 = self.tests.iter().flat_map(|(_, ran)| ran).map(|ran| ran.seconds).sum();
        let passed = self.passed();
        println!(
            "    {} ({}): {passed} of {} passed, {seconds} s in tests",
            self.kernel,
            self.version,
            self.tests.len()
        );
    }

    /// Tests that failed, with the kernel's name.
    pub(super) fn failures(&self) -> Vec<String> {
        let failed = self.tests.iter().filter(|(_, ran)| !ran.as_ref().is_some_and(Ran::is_passed));
        failed.map(|(name, _)| format!("{name} on {}", self.kernel)).collect()
    }

    /// Prints the output of tests that failed, or the end of the console where a guest died.
    pub(super) fn print_failures(&self) {
        for (name, ran) in &self.tests {
            match ran {
                Some(ran) if ran.is_passed() => {}
                Some(ran) => {
                    println!(
                        "\n---- {name} on {} ({}), {}{}\n{}",
                        self.kernel,
                        self.version,
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

    /// Its line in README's table.
    fn line(&self) -> String {
        let passed = if self.kernel.is_too_old {
            "refused, in one sentence".to_owned()
        } else {
            format!("{} of {}", self.passed(), self.tests.len())
        };
        let share =
            self.largest().map_or("–".to_owned(), |n| format!("{:.1} %", share_percent(n)));
        let (version, arch) = (&self.version, self.kernel.arch.name());
        format!("| {version} | {} | {arch} | {passed} | {share} |\n", self.kernel.suite.title())
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
        let _ = write!(table, " {} {} |", row.version, row.kernel.arch.name());
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

/// Instructions that the verifiers read, and the largest share of their limit.
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

/// Writes the verifier's figures for the test of the budget, and README's table.
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
        budgets.insert(format!("{} {arch}", series(&row.version)), programs.into());
    }
    fs::write(&path, serde_json::to_string_pretty(&budgets)? + "\n")?;

    let path = root.join(README);
    let text = fs::read_to_string(&path)?;
    let (before, rest) = text.split_once(BEGIN).context("README.md has no place for the table")?;
    let (known, after) = rest.split_once(END).context("README.md has no end of the table")?;
    fs::write(&path, format!("{before}{BEGIN}{}{END}{after}", readme(rows, known)))?;
    Ok(())
}

/// Kernels and architectures, for README, in the order of the matrix. Rows of kernels that did not run
/// stay as they are `known`.
fn readme(rows: &[Row], known: &str) -> String {
    let mut table = String::from(
        "\n| Linux | package of | architecture | guest tests passed | largest program, of the verifier's \
         limit |\n|---|---|---|---:|---:|\n",
    );
    for kernel in MATRIX {
        if let Some(row) = rows.iter().find(|row| row.kernel == kernel) {
            table.push_str(&row.line());
        } else if let Some(line) = known.lines().find(|line| is_of(line, &kernel)) {
            table.push_str(line);
            table.push('\n');
        }
    }
    table.push('\n');
    table
}

/// Whether a line of README's table is this kernel's. The newest kernel is the last of its
/// architecture.
fn is_of(line: &str, kernel: &Kernel) -> bool {
    let mut cells = line.split('|').map(str::trim).skip(1);
    let (version, _, arch) = (cells.next(), cells.next(), cells.next());
    let is_known = |series: &str| MATRIX.iter().any(|kernel| kernel.name == series);
    let series = version.map(series).unwrap_or_default();
    arch == Some(kernel.arch.name())
        && (series == kernel.name || kernel.name == NEWEST && !is_known(&series))
}

/// `6.18` of `6.18.15`.
fn series(version: &str) -> String {
    version.split('.').take(2).collect::<Vec<_>>().join(".")
}
