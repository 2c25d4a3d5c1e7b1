//! Builds the eBPF objects.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, anyhow, ensure};

use crate::toolchain::{BPF_LINKER_VERSION, Toolchain, find_bpf_linker};

/// The BPF target, little-endian.
pub const TARGET: &str = "bpfel-unknown-none";

/// Builds edge-ebpf in `root`, and returns the directory that has its objects, `edge` and `lab`.
pub fn build(root: &Path) -> Result<PathBuf> {
    let toolchain = Toolchain::require()?;
    let target_dir = target_dir(root);
    let mut cargo = cargo(&toolchain, root)?;
    cargo
        .args(["build", "--release", "--package", "edge-ebpf", "--bins", "--target-dir"])
        .arg(&target_dir);
    let status = cargo.status().with_context(|| format!("starting {cargo:?}"))?;
    ensure!(status.success(), "building the eBPF object with {toolchain} failed");
    Ok(target_dir.join(TARGET).join("release"))
}

/// A cargo command for the BPF target, free of what an outer cargo has set up for its own.
pub fn cargo(toolchain: &Toolchain, root: &Path) -> Result<Command> {
    let linker = find_bpf_linker().ok_or_else(|| {
        anyhow!(
            "no bpf-linker 0.10.2 to 0.10.x; `cargo xtask setup`, or `cargo install \
             bpf-linker@{BPF_LINKER_VERSION} --locked`"
        )
    })?;
    let mut cargo = toolchain.cargo();
    for (name, _) in env::vars_os() {
        let name = name.to_string_lossy();
        let is_outer = name.starts_with("CARGO_PKG_")
            || name.starts_with("CARGO_CFG_")
            || name.starts_with("CARGO_FEATURE_")
            || name.starts_with("CARGO_PROFILE_")
            || [
                "CARGO_BUILD_TARGET",
                "CARGO_ENCODED_RUSTFLAGS",
                "CARGO_MAKEFLAGS",
                "CLIPPY_ARGS",
                "RUSTC_WRAPPER",
                "RUSTC_WORKSPACE_WRAPPER",
                "RUSTDOC",
                "RUSTDOCFLAGS",
                "RUSTFLAGS",
                "TARGET",
            ]
            .contains(&name.as_ref());
        if is_outer {
            cargo.env_remove(name.as_ref());
        }
    }
    if matches!(toolchain, Toolchain::Rustup(_)) {
        cargo.env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
    }
    // aya-ebpf wants the architecture of the kernel; v3 has the atomics that return a value.
    let flags = [
        format!("--cfg=bpf_target_arch=\"{}\"", env::consts::ARCH),
        "-Ctarget-cpu=v3".to_owned(),
        "-Cdebuginfo=2".to_owned(),
        "-Clink-arg=--btf".to_owned(),
        format!("-Clinker={}", linker.display()),
    ];
    cargo
        .current_dir(root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"))
        .env("CARGO_TARGET_BPFEL_UNKNOWN_NONE_LINKER", &linker);

    cargo.arg("-Zbuild-std=core").env("CARGO_BUILD_TARGET", TARGET);
    Ok(cargo)
}

/// A directory of its own: the outer cargo holds the lock of the usual one.
pub fn target_dir(root: &Path) -> PathBuf {
    let outer = env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let outer = if outer.is_absolute() { outer } else { root.join(outer) };
    outer.join("ebpf")
}
