//! Builds the binary, and runs it.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

use crate::{
    setup::{self, Needs},
    step,
};

/// Builds object and binary, and returns the binary's path.
pub(crate) fn build(root: &Path, release: bool) -> Result<PathBuf> {
    setup::setup(Needs::Build, false)?;
    let mut cargo = step::cargo();
    cargo.current_dir(root).args(["build", "--package", "edge-user", "--bin", "edge"]);
    if release {
        cargo.arg("--release");
    }
    step::run("building edge", &mut cargo)?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    Ok(root.join(target).join(if release { "release" } else { "debug" }).join("edge"))
}

/// Builds, and runs `edge VERB ARGS` as root.
pub(crate) fn run_edge(root: &Path, verb: &str, args: &[String]) -> Result<()> {
    setup::setup(Needs::Run, false)?;
    let edge = build(root, true)?;
    let mut command = if setup::is_root() {
        Command::new(edge)
    } else if setup::has_sudo() {
        let mut sudo = Command::new("sudo");
        sudo.arg(edge);
        sudo
    } else {
        bail!("`edge {verb}` needs root; run: sudo {} {verb}", edge.display());
    };
    command.arg(verb).args(args);
    step::run(&format!("edge {verb}"), &mut command)
}
