//! `cargo xtask build`.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};
use xtask::toolchain::search_path;

use crate::{
    build_ebpf,
    setup::{self, Needs},
    step,
};

/// Builds objects and binary.
pub(crate) fn build(root: &Path, release: bool) -> Result<()> {
    setup::ensure(Needs::Build)?;
    let edge = binary(root, release)?;
    println!("    {}", edge.display());
    Ok(())
}

/// Builds, and runs `edge VERB ARGS` as root.
pub(crate) fn run_edge(root: &Path, verb: &str, args: &[String]) -> Result<()> {
    setup::ensure(Needs::Run)?;
    let edge = binary(root, true)?;
    let mut command = if step::is_root() {
        Command::new(edge)
    } else if search_path().any(|directory| directory.join("sudo").is_file()) {
        let mut sudo = Command::new("sudo");
        sudo.arg(edge);
        sudo
    } else {
        bail!(
            "`edge {verb}` needs root, and there is no sudo here; type, as root: {} {verb} {}",
            edge.display(),
            args.join(" ")
        );
    };
    step::run(&format!("edge {verb}"), command.arg(verb).args(args))
}

/// The directory of cargo's outputs for the workspace `root`.
pub(crate) fn target_dir(root: &Path) -> PathBuf {
    root.join(env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into()))
}

/// Builds the binary where all tools are known to be there, and returns its path.
pub(crate) fn binary(root: &Path, release: bool) -> Result<PathBuf> {
    build_ebpf::objects(root)?;
    let mut cargo = step::cargo();
    cargo.current_dir(root).args(["build", "--package", "edge-user", "--bin", "edge"]);
    if release {
        cargo.arg("--release");
    }
    step::run("edge", &mut cargo)?;
    Ok(target_dir(root).join(if release { "release" } else { "debug" }).join("edge"))
}
