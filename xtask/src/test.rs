//! `cargo xtask test`: what CI runs.

use std::{env, path::Path, process::Command, time::Instant};

use anyhow::{Context as _, Result, ensure};
use clap::{Args, ValueEnum};
use xtask::{ebpf, toolchain::Toolchain};

use crate::{
    arch::{self, Arch},
    build, build_ebpf,
    executables::{Executable, build_programs, build_tests},
    kernels,
    lane::{Job, Lane},
    miri,
    setup::{self, Needs},
    step,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Runs one stage.
    #[arg(long, value_enum, value_name = "STAGE")]
    only: Option<Stage>,
    /// Looks for known vulnerabilities, too, which needs the network.
    #[arg(long)]
    advisories: bool,
}

/// A stage of the tests, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Formatting.
    Format,
    /// The eBPF objects build. In a whole run, they are built with the tests.
    Objects,
    /// The path's tests under Miri. They use one CPU, so they start first beside the other tests.
    Miri,
    /// Clippy, for the other architecture that edge runs on, so that the same pass over all
    /// dependencies shows that they compile there.
    Lint,
    /// Clippy for BPF.
    LintEbpf,
    /// The documentation builds without warnings.
    Docs,
    /// Licences, sources and duplicates of dependencies.
    Deny,
    /// Unit, property, kernel and namespace tests.
    Tests,
    /// Tests on the oldest and the newest stock kernel, in virtual machines.
    Kernels,
}

/// The outcome of a stage.
#[derive(Default)]
struct Outcome {
    /// Number of skipped stages: this one, or those that ran beside it.
    skipped: usize,
}

impl Outcome {
    const PASSED: Self = Self { skipped: 0 };
    const SKIPPED: Self = Self { skipped: 1 };
}

/// Runs all stages, or one, up to the first that fails.
///
/// Tests that send traffic wait more than they compute: stages that only compute run beside them.
pub(crate) fn test(root: &Path, options: &Options) -> Result<()> {
    let started = Instant::now();
    setup::ensure(options.only.map_or(Needs::Dev, Stage::needs))?;
    let stages: Vec<Stage> = Stage::value_variants()
        .iter()
        .copied()
        .filter(|stage| options.only.map_or(*stage != Stage::Objects, |only| only == *stage))
        .collect();
    let is_beside = |stage: &Stage| options.only.is_none() && stage.only_computes();
    let mut skipped = 0;
    for (done, stage) in stages.iter().enumerate().filter(|(_, stage)| !is_beside(stage)) {
        println!("\n==== {} of {}: {stage:?}", done + 1, stages.len());
        let beside =
            stages.iter().copied().filter(|other| *stage == Stage::Tests && is_beside(other));
        let outcome = run(root, *stage, options.advisories, &beside.collect::<Vec<_>>())
            .with_context(|| {
                format!(
                    "stopped at stage {stage:?} after {:.0} s; again: cargo xtask test --only {}",
                    started.elapsed().as_secs_f64(),
                    stage.name()
                )
            })?;
        skipped += outcome.skipped;
    }
    let without_root = if step::is_root() { "" } else { ", without the tests that need root" };
    println!(
        "\nOK: {} stages passed, {skipped} skipped{without_root}, in {:.0} s",
        stages.len() - skipped,
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

impl Stage {
    fn name(self) -> String {
        self.to_possible_value().expect("no stage is hidden").get_name().to_owned()
    }

    /// Whether no check in it depends on how soon it gets a CPU.
    fn only_computes(self) -> bool {
        match self {
            Self::Lint | Self::LintEbpf | Self::Miri | Self::Docs | Self::Deny => true,
            // The first one is over at once, and without the second one nothing else can run.
            Self::Format | Self::Objects | Self::Tests | Self::Kernels => false,
        }
    }

    fn needs(self) -> Needs {
        match self {
            Self::Objects => Needs::Build,
            // The last stage reports whether its tools can't be had.
            Self::Tests | Self::Kernels => Needs::Test,
            Self::Format | Self::Lint | Self::LintEbpf | Self::Miri | Self::Docs => Needs::Dev,
            Self::Deny => Needs::Deny,
        }
    }
}

fn run(root: &Path, stage: Stage, advisories: bool, beside: &[Stage]) -> Result<Outcome> {
    match stage {
        Stage::Format => step::run("rustfmt", &mut cargo(root, "fmt --all --check"))?,
        Stage::Objects => build_ebpf::objects(root)?,
        Stage::Lint => return lint(root),
        Stage::LintEbpf => return lint_ebpf(root),
        Stage::Miri if !miri::miri(root)? => return Ok(Outcome::SKIPPED),
        Stage::Docs => step::run(
            "rustdoc",
            checked(root, "doc --workspace --exclude edge-ebpf --no-deps --document-private-items")
                .1
                .env("RUSTDOCFLAGS", "-D warnings"),
        )?,
        Stage::Deny => {
            let advisories = if advisories { " advisories" } else { "" };
            let check =
                format!("deny check --hide-inclusion-graph bans licenses sources{advisories}");
            step::run("cargo deny", &mut cargo(root, &check))?;
        }
        Stage::Tests => return tests(root, beside, advisories),
        Stage::Kernels if !kernels::stage(root)? => return Ok(Outcome::SKIPPED),
        Stage::Miri | Stage::Kernels => {}
    }
    Ok(Outcome::PASSED)
}

fn lint(root: &Path) -> Result<Outcome> {
    let (arch, mut clippy) = checked(root, "clippy --workspace --exclude edge-ebpf --all-targets");
    step::run(&format!("clippy for {}", arch.name()), clippy.args(["--", "-D", "warnings"]))?;
    if arch == Arch::foreign() {
        return Ok(Outcome::PASSED);
    }
    println!("SKIPPED: whether it compiles for {}: see above", Arch::foreign().name());
    Ok(Outcome::SKIPPED)
}

/// A check by cargo for the other architecture, if its library can be had. So all dependencies are
/// checked once for the stages that need it, and seen to compile there.
fn checked(root: &Path, words: &str) -> (Arch, Command) {
    let arch = match setup::ensure(Needs::ForeignBuild) {
        Ok(()) => Arch::foreign(),
        Err(error) => {
            println!("checking for {}: {error:#}", Arch::host().name());
            Arch::host()
        }
    };
    let mut check = arch::cargo(root, arch, words);
    // A check runs no SQLite, so that it need not be optimised.
    check.args(["--config", "profile.dev.package.libsqlite3-sys.opt-level=0"]);
    (arch, check)
}

fn lint_ebpf(root: &Path) -> Result<Outcome> {
    let toolchain = Toolchain::require()?;
    let Some(driver) = toolchain.clippy_driver() else {
        println!("SKIPPED: {toolchain} has no clippy of its own version");
        return Ok(Outcome::SKIPPED);
    };
    let mut check = ebpf::cargo(&toolchain, root)?;
    check
        .args(["check", "--release", "--package", "edge-ebpf", "--bins", "--target-dir"])
        .arg(ebpf::target_dir(root))
        .env("RUSTC_WORKSPACE_WRAPPER", driver)
        // As `cargo clippy` does, of which Debian's compiler has none for rustup's cargo.
        .env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__")
        .env("CLIPPY_CONF_DIR", root);
    step::run("clippy for BPF", &mut check)?;
    Ok(Outcome::PASSED)
}

/// Executables of which one module runs after the other: some judge rates, which others would
/// disturb.
const BY_MODULE: [&str; 3] = ["edge_user", "kernel", "netns"];
/// Modules of these that judge rates; those of `netns` do, too.
const JUDGING: [&str; 2] = ["edge_user::lab", "kernel::policer_rate"];

/// Whether the tests of an executable or a module only compute: they run beside those that send traffic.
fn only_compute(name: &str) -> bool {
    let is_by_module = name.starts_with("edge_user::") || name.starts_with("kernel::");
    let is_whole = ["edge_common", "host", "model"].contains(&name);
    is_whole || is_by_module && !JUDGING.contains(&name)
}

fn tests(root: &Path, beside: &[Stage], advisories: bool) -> Result<Outcome> {
    if !step::is_root() {
        println!(
            "NOT ROOT: tests that load programs or make namespaces are skipped; all of them: \
             sudo --preserve-env env \"PATH=$PATH\" cargo xtask test"
        );
    }
    let built = build_tests(root, Arch::host())?;
    build_programs(root, Arch::host())?;
    let mut all = Vec::new();
    for executable in &built {
        all.extend(test_jobs(executable)?);
    }
    let (mut jobs, other): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|job| only_compute(&job.name));
    jobs.push(Job {
        name: "examples in the documentation".to_owned(),
        program: env::var_os("CARGO").unwrap_or_else(|| "cargo".into()).into(),
        words: ["test", "--doc", "--workspace", "--exclude", "edge-ebpf"].map(Into::into).into(),
        directory: root.to_owned(),
        env: Vec::new(),
    });
    for stage in beside {
        let mut words = vec!["test".to_owned(), "--only".to_owned(), stage.name()];
        words.extend(advisories.then(|| "--advisories".to_owned()));
        jobs.push(Job {
            name: format!("{stage:?}"),
            program: env::current_exe()?,
            words,
            directory: root.to_owned(),
            env: Vec::new(),
        });
    }
    let lane = Lane::start(jobs, &build::target_dir(root).join("beside.log"))?;
    let tested = other.into_iter().try_for_each(|Job { name, program, words, directory, env }| {
        let mut command = Command::new(program);
        step::run(&name, command.args(words).current_dir(directory).envs(env))
    });
    println!("==> beside them");
    let said = lane.finish();
    tested?;
    let skipped = said?.lines().filter(|line| line.starts_with("SKIPPED: ")).count();
    Ok(Outcome { skipped })
}

/// The tests of an executable, all at once or by module.
fn test_jobs(test: &Executable) -> Result<Vec<Job>> {
    if !BY_MODULE.contains(&test.name.as_str()) {
        return Ok(vec![test_job(test, None)]);
    }
    let modules = test.modules()?;
    ensure!(!modules.is_empty(), "{} has no tests", test.name);
    Ok(modules.iter().map(|module| test_job(test, Some(module))).collect())
}

fn test_job(test: &Executable, module: Option<&str>) -> Job {
    let mut env = vec![
        // It builds nothing: all that it runs is there.
        ("CARGO".to_owned(), "true".to_owned()),
        ("CARGO_MANIFEST_DIR".to_owned(), test.package.display().to_string()),
    ];
    if step::is_root() {
        // Tests that can run must: a run that skipped everything proves nothing.
        env.push(("EDGE_REQUIRE_ROOT".to_owned(), "1".to_owned()));
    }
    Job {
        name: module.map_or(test.name.clone(), |module| format!("{}::{module}", test.name)),
        program: test.path.clone(),
        words: module.map(|module| format!("{module}::")).into_iter().collect(),
        directory: test.package.clone(),
        env,
    }
}

fn cargo(root: &Path, words: &str) -> Command {
    let mut cargo = step::cargo();
    cargo.current_dir(root).args(words.split_whitespace());
    cargo
}
