//! `cargo xtask test`: what CI runs.

use std::{path::Path, process::Command, time::Instant};

use anyhow::{Context as _, Result};
use clap::{Args, ValueEnum};
use xtask::{ebpf, toolchain::Toolchain};

use crate::{
    arch::{self, Arch},
    build_ebpf, kernels, miri,
    setup::{self, Needs},
    step,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Runs one stage.
    #[arg(long, value_enum, value_name = "STAGE")]
    only: Option<Stage>,
    /// Looks for known vulnerabilities too, which takes the network.
    #[arg(long)]
    advisories: bool,
}

/// A stage of the tests, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Stage {
    /// Formatting.
    Format,
    /// The eBPF objects build.
    Objects,
    /// Clippy for the host.
    Lint,
    /// Clippy for BPF.
    LintEbpf,
    /// The path's tests under Miri.
    Miri,
    /// The documentation builds without warnings.
    Docs,
    /// Licences, sources and duplicates of dependencies.
    Deny,
    /// Unit, property, kernel and namespace tests.
    Tests,
    /// The binary builds for the other architecture that edge runs on.
    Foreign,
    /// Tests on the oldest and the newest stock kernel, in virtual machines.
    Kernels,
}

enum Outcome {
    Passed,
    Skipped,
}

/// Runs all stages, or one, up to the first that fails.
pub(crate) fn test(root: &Path, options: &Options) -> Result<()> {
    let started = Instant::now();
    setup::ensure(options.only.map_or(Needs::Dev, Stage::needs))?;
    let stages: Vec<Stage> = Stage::value_variants()
        .iter()
        .copied()
        .filter(|stage| options.only.is_none_or(|only| only == *stage))
        .collect();
    let mut skipped = 0;
    for (done, stage) in stages.iter().enumerate() {
        println!("\n==== {} of {}: {stage:?}", done + 1, stages.len());
        let outcome = run(root, *stage, options.advisories).with_context(|| {
            format!(
                "stopped at stage {stage:?} after {:.0} s; again: cargo xtask test --only {}",
                started.elapsed().as_secs_f64(),
                stage.to_possible_value().expect("no stage is hidden").get_name()
            )
        })?;
        skipped += usize::from(matches!(outcome, Outcome::Skipped));
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
    fn needs(self) -> Needs {
        match self {
            Self::Objects => Needs::Build,
            // Whether the last two can't be had is for them to say.
            Self::Tests | Self::Foreign | Self::Kernels => Needs::Test,
            Self::Format | Self::Lint | Self::LintEbpf | Self::Miri | Self::Docs | Self::Deny => {
                Needs::Dev
            }
        }
    }
}

fn run(root: &Path, stage: Stage, advisories: bool) -> Result<Outcome> {
    match stage {
        Stage::Format => step::run("rustfmt", &mut cargo(root, "fmt --all --check"))?,
        Stage::Objects => build_ebpf::objects(root)?,
        Stage::Lint => step::run(
            "clippy for the host",
            &mut cargo(root, "clippy --workspace --exclude edge-ebpf --all-targets -- -D warnings"),
        )?,
        Stage::LintEbpf => return lint_ebpf(root),
        Stage::Miri if !miri::miri(root)? => return Ok(Outcome::Skipped),
        Stage::Docs => step::run(
            "rustdoc",
            cargo(root, "doc --workspace --exclude edge-ebpf --no-deps --document-private-items")
                .env("RUSTDOCFLAGS", "-D warnings"),
        )?,
        Stage::Deny => {
            let advisories = if advisories { " advisories" } else { "" };
            let check =
                format!("deny check --hide-inclusion-graph bans licenses sources{advisories}");
            step::run("cargo deny", &mut cargo(root, &check))?;
        }
        Stage::Tests => tests(root)?,
        Stage::Foreign if !foreign(root)? => return Ok(Outcome::Skipped),
        Stage::Kernels if !kernels::stage(root)? => return Ok(Outcome::Skipped),
        Stage::Miri | Stage::Foreign | Stage::Kernels => {}
    }
    Ok(Outcome::Passed)
}

fn lint_ebpf(root: &Path) -> Result<Outcome> {
    let toolchain = Toolchain::require()?;
    let Some(driver) = toolchain.clippy_driver() else {
        println!("SKIPPED: {toolchain} has no clippy of its own version");
        return Ok(Outcome::Skipped);
    };
    let mut check = ebpf::cargo(&toolchain, root)?;
    check
        .args(["check", "--release", "--package", "edge-ebpf", "--bins", "--target-dir"])
        .arg(ebpf::target_dir(root).join("clippy"))
        .env("RUSTC_WORKSPACE_WRAPPER", driver)
        // What `cargo clippy` does, of which Debian's compiler has none for rustup's cargo.
        .env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__")
        .env("CLIPPY_CONF_DIR", root);
    step::run("clippy for BPF", &mut check)?;
    Ok(Outcome::Passed)
}

fn tests(root: &Path) -> Result<()> {
    let mut tests = cargo(root, "test --workspace --exclude edge-ebpf");
    if step::is_root() {
        // What can run must: a run that skipped everything proves nothing.
        tests.env("EDGE_REQUIRE_ROOT", "1");
    } else {
        println!(
            "NOT ROOT: tests that load programs or make namespaces are skipped; all of them: \
             sudo --preserve-env env \"PATH=$PATH\" cargo xtask test"
        );
    }
    step::run("tests", &mut tests)
}

/// Builds the binary for the other architecture, and returns whether there is a compiler for it.
fn foreign(root: &Path) -> Result<bool> {
    if let Err(error) = setup::ensure(Needs::ForeignBuild) {
        println!("SKIPPED: {error:#}");
        return Ok(false);
    }
    let arch = Arch::foreign();
    let mut build = arch::cargo(root, arch, "build --package edge-user --bin edge");
    step::run(&format!("edge for {}", arch.name()), &mut build)?;
    Ok(true)
}

fn cargo(root: &Path, words: &str) -> Command {
    let mut cargo = step::cargo();
    cargo.current_dir(root).args(words.split_whitespace());
    cargo
}
