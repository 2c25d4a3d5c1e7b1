//! Embeds the eBPF objects: builds them if they have changed.

use std::{env, fs, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use xtask::{ebpf, toolchain};

/// The sources of the objects, relative to the workspace's root.
const INPUTS: [&str; 5] =
    ["edge-ebpf", "edge-common/src", "edge-common/Cargo.toml", "Cargo.toml", "Cargo.lock"];

fn main() -> ExitCode {
    // An error here, such as missing tools, is one line for the user.
    if let Err(error) = tools() {
        println!("cargo::error={error:#}");
        return ExitCode::SUCCESS;
    }
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn tools() -> Result<()> {
    toolchain::Toolchain::require()?;
    toolchain::require_bpf_linker()?;
    Ok(())
}

fn embed() -> Result<()> {
    let manifest_dir = env::var("CARGO_MANIFEST_DIR")?;
    let root = Path::new(&manifest_dir).parent().context("the workspace's root")?;
    for input in INPUTS {
        println!("cargo::rerun-if-changed={}", root.join(input).display());
    }
    let objects = ebpf::build(root)?;
    let out_dir = env::var("OUT_DIR")?;
    for object in ebpf::OBJECTS {
        let embedded = Path::new(&out_dir).join(format!("{object}.o"));
        fs::copy(objects.join(object), &embedded)
            .with_context(|| format!("copying the object {object}"))?;
    }
    Ok(())
}
