//! Embeds the eBPF objects: builds them if they have changed.

use std::{env, fs, path::Path, process::ExitCode};

use anyhow::{Context as _, Result};

fn main() -> ExitCode {
    match embed() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn embed() -> Result<()> {
    let manifest_dir = env::var("CARGO_MANIFEST_DIR")?;
    let root = Path::new(&manifest_dir).parent().context("the workspace's root")?;
    for input in ["edge-ebpf", "edge-common/src", "edge-common/Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={}", root.join(input).display());
    }
    let objects = xtask::ebpf::build(root)?;
    let out_dir = env::var("OUT_DIR")?;
    for object in ["edge", "lab"] {
        let target = Path::new(&out_dir).join(format!("{object}.o"));
        fs::copy(objects.join(object), &target)
            .with_context(|| format!("copying the object {object}"))?;
    }
    Ok(())
}
