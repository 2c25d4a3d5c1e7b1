//! The checks that run without a test, and whether they could run.

use std::{path::Path, process::Command};

use anyhow::Result;
use xtask::{ebpf, toolchain::Toolchain};

use crate::{
    arch::{self, Arch},
    setup::{self, Needs},
    step,
};

/// The words of clippy's command line, as `cargo clippy` hands them to its driver.
const CLIPPY_ARGS: (&str, &str) = ("CLIPPY_ARGS", "-D__CLIPPY_HACKERY__warnings__CLIPPY_HACKERY__");

pub(super) fn format(root: &Path) -> Result<()> {
    step::run("rustfmt", &mut cargo(root, "fmt --all --check"))
}

pub(super) fn deny(root: &Path, advisories: bool) -> Result<()> {
    let advisories = if advisories { " advisories" } else { "" };
    let check = format!("deny check --hide-inclusion-graph bans licenses sources{advisories}");
    step::run("cargo deny", &mut cargo(root, &check))
}

/// Returns whether the code was checked for the other architecture, too.
pub(super) fn lint(root: &Path) -> Result<bool> {
    let (arch, mut clippy) = checked(root, "clippy --workspace --exclude edge-ebpf --all-targets");
    step::run(&format!("clippy for {}", arch.name()), clippy.args(["--", "-D", "warnings"]))?;
    if arch == Arch::foreign() {
        return Ok(true);
    }
    println!("SKIPPED: whether it compiles for {}: see above", Arch::foreign().name());
    Ok(false)
}

/// Documents everything. It uses all that clippy has checked before: rustdoc reads the same crates, if they have the same features,
/// which they have with the examples' dependencies, and were checked by the same program.
pub(super) fn docs(root: &Path) -> Result<()> {
    let words = "doc --workspace --exclude edge-ebpf --lib --bin edge --examples --no-deps \
                 --document-private-items";
    let (_, mut rustdoc) = checked(root, words);
    rustdoc.env("RUSTDOCFLAGS", "-D warnings");
    let sysroot = Command::new("rustc").args(["--print", "sysroot"]).current_dir(root).output()?;
    let sysroot = String::from_utf8_lossy(&sysroot.stdout).trim().to_owned();
    let driver = Path::new(&sysroot).join("bin/clippy-driver");
    if driver.is_file() {
        rustdoc.env("RUSTC_WORKSPACE_WRAPPER", driver).env(CLIPPY_ARGS.0, CLIPPY_ARGS.1);
    }
    step::run("rustdoc", &mut rustdoc)
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

/// Returns whether there is a clippy for BPF.
pub(super) fn lint_ebpf(root: &Path) -> Result<bool> {
    let toolchain = Toolchain::require()?;
    let Some(driver) = toolchain.clippy_driver() else {
        println!("SKIPPED: {toolchain} has no clippy of its own version");
        return Ok(false);
    };
    let mut check = ebpf::cargo(&toolchain, root)?;
    check
        .args(["check", "--release", "--package", "edge-ebpf", "--bins", "--target-dir"])
        .arg(ebpf::target_dir(root))
        .env("RUSTC_WORKSPACE_WRAPPER", driver)
        // `cargo clippy` would set it, of which Debian's compiler has none for rustup's cargo.
        .env(CLIPPY_ARGS.0, CLIPPY_ARGS.1)
        .env("CLIPPY_CONF_DIR", root);
    step::run("clippy for BPF", &mut check)?;
    Ok(true)
}

fn cargo(root: &Path, words: &str) -> Command {
    let mut cargo = step::cargo();
    cargo.current_dir(root).args(words.split_whitespace());
    cargo
}
