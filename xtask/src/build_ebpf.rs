//! `cargo xtask build-ebpf`.

use std::path::Path;

use anyhow::Result;
use xtask::{
    ebpf::{self, OBJECTS},
    toolchain::Toolchain,
};

use crate::{
    setup::{self, Needs},
    step,
};

/// Builds the objects, and prints their place.
pub(crate) fn build_ebpf(root: &Path) -> Result<()> {
    setup::ensure(Needs::Build)?;
    objects(root)
}

/// Builds the objects where all tools are known to be there.
///
/// edge-user's build script does it, too, but cargo hides the output of build scripts. After this
/// build, the script has nothing left to do.
pub(crate) fn objects(root: &Path) -> Result<()> {
    let toolchain = Toolchain::require()?;
    let built = step::step(&format!("eBPF objects, by {toolchain}"), || ebpf::build(root))?;
    for name in OBJECTS {
        println!("    {}", built.join(name).display());
    }
    Ok(())
}
