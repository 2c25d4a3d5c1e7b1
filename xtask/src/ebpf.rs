//! Builds the eBPF objects.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use crate::toolchain::{Toolchain, require_bpf_linker};

/// The BPF target, little-endian.
pub const TARGET: &str = "bpfel-unknown-none";
/// The objects that edge-ebpf has, by the names of its binaries.
pub const OBJECTS: [&str; 3] = ["edge", "traced", "lab"];

/// Builds edge-ebpf in `root`, and returns the directory that has its objects, [`OBJECTS`].
///
/// Messages of compiler and linker go straight to standard error.
pub fn build(root: &Path) -> Result<PathBuf> {
    let toolchain = Toolchain::require()?;
    let target_dir = target_dir(root);
    let mut cargo = cargo(&toolchain, root)?;
    cargo
        .args(["build", "--release", "--package", "edge-ebpf", "--bins", "--target-dir"])
        .arg(&target_dir);
    if has_other_layout() {
        cargo.args(["--features", "other-layout"]);
    }
    let status = cargo.status().with_context(|| format!("starting {cargo:?}"))?;
    ensure!(status.success(), "building the eBPF objects with {toolchain} failed; see above");

    let objects = target_dir.join(TARGET).join("release");
    for name in OBJECTS {
        let object = objects.join(name);
        ensure!(object.is_file(), "edge-ebpf was built, but {} is missing", object.display());
    }
    Ok(objects)
}

/// A cargo command for the BPF target, without the variables that an outer cargo or clippy has set
/// for its own compilers.
pub fn cargo(toolchain: &Toolchain, root: &Path) -> Result<Command> {
    let linker = require_bpf_linker()?;
    let mut cargo = toolchain.cargo();
    let outer: Vec<_> = env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_str().is_some_and(is_of_an_outer_cargo))
        .filter(|name| cargo.get_envs().all(|(own, _)| own != name))
        .collect();
    for name in outer {
        cargo.env_remove(name);
    }

    // `-C target-cpu=v3` has the atomics that return a value. The target panics by aborting without
    // being told.
    let flags = ["-Ctarget-cpu=v3", "-Cdebuginfo=2", "-Clink-arg=--btf"];
    cargo
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", linker)
        .env("CARGO_BUILD_TARGET", TARGET)
        // aya-ebpf lays out the kernel's registers by the architecture of the machine that loads the
        // object. Among the flags it would have `core` compiled once more for each.
        .env("AYA_BPF_TARGET_ARCH", arch())
        .arg("-Zbuild-std=core");
    Ok(cargo)
}

/// A directory of its own: the outer cargo holds the lock of the usual one.
pub fn target_dir(root: &Path) -> PathBuf {
    let outer = env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    root.join(outer).join("ebpf")
}

/// The architecture of the machine that loads the objects.
fn arch() -> String {
    env::var("CARGO_CFG_TARGET_ARCH").unwrap_or_else(|_| env::consts::ARCH.to_owned())
}

/// Whether the calling build script belongs to a package with this feature.
fn has_other_layout() -> bool {
    env::var_os("CARGO_FEATURE_OTHER_LAYOUT").is_some()
}

/// Whether a variable is for a compiler of another target, or for a build script of another
/// package.
fn is_of_an_outer_cargo(name: &str) -> bool {
    const PREFIXES: [&str; 7] = [
        "CARGO_BUILD_",
        "CARGO_CFG_",
        "CARGO_FEATURE_",
        "CARGO_MANIFEST_",
        "CARGO_PKG_",
        "CARGO_PROFILE_",
        "CARGO_TARGET_BPFEL_",
    ];
    const NAMES: [&str; 14] = [
        "CARGO_ENCODED_RUSTDOCFLAGS",
        "CARGO_ENCODED_RUSTFLAGS",
        "CARGO_MAKEFLAGS",
        "CLIPPY_ARGS",
        "MAKEFLAGS",
        "MFLAGS",
        "RUSTC",
        "RUSTC_LINKER",
        "RUSTC_WORKSPACE_WRAPPER",
        "RUSTC_WRAPPER",
        "RUSTDOC",
        "RUSTDOCFLAGS",
        "RUSTFLAGS",
        "TARGET",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_outer_cargo_sets_is_left_behind() {
        for name in ["RUSTC", "RUSTFLAGS", "CARGO_BUILD_TARGET", "CARGO_PROFILE_RELEASE_LTO"] {
            assert!(is_of_an_outer_cargo(name), "{name}");
        }
        for name in ["PATH", "HOME", "CARGO_HOME", "CARGO_TARGET_DIR", "CARGO_NET_OFFLINE"] {
            assert!(!is_of_an_outer_cargo(name), "{name}");
        }
    }
}
