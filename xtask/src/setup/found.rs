//! The tools that a machine has.

use std::{path::Path, process::Command};

use xtask::toolchain::{Toolchain, find_bpf_linker, search_path};

use super::Needs;
use crate::{arch::Arch, step};

/// The tools that edge needs and that a machine has.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about a machine, of no state")]
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// Tools on `PATH`, of those that [`super::plan`] knows a package for.
    pub(super) tools: Vec<&'static str>,
    pub(super) toolchain: Option<Toolchain>,
    /// Whether the toolchain has a clippy of its version.
    pub(super) bpf_clippy: bool,
    /// Whether the toolchain has Miri.
    pub(super) miri: bool,
    pub(super) bpf_linker: bool,
    pub(super) rustup: bool,
    pub(super) apt: bool,
    pub(super) clippy: bool,
    pub(super) rustfmt: bool,
    pub(super) cargo_deny: bool,
    pub(super) cargo_fuzz: bool,
    pub(super) cargo_deb: bool,
    /// Whether the default toolchain can compile for the other architecture.
    pub(super) foreign_target: bool,
}

impl Found {
    /// Looks at this machine. It looks for linters only where `needs` has them.
    pub(super) fn here(needs: Needs) -> Self {
        let toolchain = Toolchain::find();
        let is_dev = needs.has(Needs::Dev);
        Self {
            tools: super::plan::PACKAGES
                .iter()
                .map(|package| package.tool)
                .filter(|tool| is_on_path(tool))
                .collect(),
            bpf_clippy: is_dev
                && toolchain.as_ref().is_some_and(|found| found.clippy_driver().is_some()),
            miri: is_dev && toolchain.as_ref().is_some_and(Toolchain::has_miri),
            toolchain,
            bpf_linker: find_bpf_linker().is_some(),
            rustup: is_on_path("rustup"),
            apt: is_on_path("apt-get"),
            // rustup has stand-ins for programs that are not installed, so a file of that name is
            // not enough.
            clippy: is_dev && step::works("cargo-clippy", &["--version"]),
            rustfmt: is_dev && step::works("rustfmt", &["--version"]),
            cargo_deny: needs.has(Needs::Deny) && is_on_path("cargo-deny"),
            cargo_fuzz: is_on_path("cargo-fuzz"),
            cargo_deb: is_on_path("cargo-deb"),
            foreign_target: needs.has(Needs::ForeignBuild) && has_target(Arch::foreign()),
        }
    }
}

/// Whether the default toolchain has a library for `arch`.
fn has_target(arch: Arch) -> bool {
    let libdir = ["--print", "target-libdir", "--target", arch.rust()];
    let output = Command::new("rustc").args(libdir).output();
    output.is_ok_and(|output| {
        let libdir = String::from_utf8_lossy(&output.stdout);
        output.status.success() && Path::new(libdir.trim()).is_dir()
    })
}

fn is_on_path(tool: &str) -> bool {
    search_path().any(|directory| directory.join(tool).is_file())
}
