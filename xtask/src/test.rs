//! `cargo xtask test`: what CI runs.

use std::{path::Path, process::Command, time::Instant};

use anyhow::Result;
use clap::ValueEnum;
use xtask::{
    ebpf,
    toolchain::Toolchain,
};

use crate::{
    setup::{self, Needs},
    step,
};

/// A stage of the tests, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stage {
    /// Formatting.
    Format,
    /// Clippy, for the host.
    Lint,
    /// Clippy, for BPF.
    LintEbpf,
    /// Documentation builds without warnings.
    Docs,
    /// Licences, sources and duplicates of dependencies.
    Deny,
    /// Unit, property, kernel and namespace tests.
    Tests,
}

/// Runs all stages, or one.
pub(crate) fn test(root: &Path, only: Option<Stage>) -> Result<()> {
    let started = Instant::now();
    setup::setup(Needs::Test, false)?;
    for stage in Stage::value_variants() {
        if only.is_none_or(|only| only == *stage) {
            run(root, *stage)?;
        }
    }
    println!("all passed in {:.0} s", started.elapsed().as_secs_f64());
    Ok(())
}

fn run(root: &Path, stage: Stage) -> Result<()> {
    let cargo = |words: &str| {
        let mut cargo = step::cargo();
        cargo.current_dir(root).args(words.split_whitespace());
        cargo
    };
    match stage {
        Stage::Format => step::run("formatting", &mut cargo("fmt --all --check")),
        Stage::Lint => step::run(
            "clippy",
            &mut cargo("clippy --workspace --exclude edge-ebpf --all-targets -- -D warnings"),
        ),
        Stage::LintEbpf => lint_ebpf(root),
        Stage::Docs => step::run(
            "documentation",
            cargo("doc --workspace --exclude edge-ebpf --no-deps --document-private-items")
                .env("RUSTDOCFLAGS", "-D warnings"),
        ),
        // Advisories come from the network; `cargo deny check` looks at them too.
        Stage::Deny => step::run("cargo deny", &mut cargo("deny check bans licenses sources")),
        Stage::Tests => {
            let mut tests = cargo("test --workspace --exclude edge-ebpf");
            if setup::is_root() {
                tests.env("EDGE_REQUIRE_ROOT", "1");
            } else {
                println!("not root: tests against the kernel are skipped; `sudo -E` runs them");
            }
            step::run("tests", &mut tests)
        }
    }
}

fn lint_ebpf(root: &Path) -> Result<()> {
    let toolchain = Toolchain::require()?;
    let Some(driver) = toolchain.clippy_driver() else {
        println!("SKIPPED: clippy for BPF: {toolchain} has none");
        return Ok(());
    };
    let mut check: Command = ebpf::cargo(&toolchain, root)?;
    check
        .args(["check", "--release", "--package", "edge-ebpf", "--bins", "--target-dir"])
        .arg(ebpf::target_dir(root).join("clippy"))
        .env("RUSTC_WORKSPACE_WRAPPER", driver)
        .env("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__")
        .env("CLIPPY_CONF_DIR", root);
    step::run("clippy for BPF", &mut check)
}
