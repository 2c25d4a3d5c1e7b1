//! The stage `miri` of `cargo xtask test`.

use std::path::Path;

use anyhow::Result;
use xtask::toolchain::Toolchain;

use crate::{build, step};

/// Runs the tests of the path under Miri, and returns whether the toolchain has Miri.
///
/// Miri would see undefined behaviour in the path's dependencies, unaligned or uninitialised reads
/// in the shared types, and overflows that an optimised build does not check for.
pub(crate) fn miri(root: &Path) -> Result<bool> {
    let toolchain = Toolchain::require()?;
    if !toolchain.has_miri() {
        println!("SKIPPED: {toolchain} has no Miri; rustup's has: cargo xtask setup --dev");
        return Ok(false);
    }
    let mut cargo = toolchain.cargo();
    cargo
        .current_dir(root)
        .args(["miri", "test", "--package", "edge-common", "--test", "host", "--target-dir"])
        // A directory of its own, as flags and compiler are not the usual ones.
        .arg(build::target_dir(root).join("miri"))
        // Seconds at 100 Gbps take Miri hours, and there is nothing in them but arithmetic.
        // Those that send millions of frames stay out.
        .args(["--", "--skip", "police", "--skip", "each_bucket", "--skip", "no_flow"])
        .args(["--skip", "uptime", "--skip", "ecn_capable", "--skip", "a_refusal", "--skip", "fib"])
        // Nor do packets of every length, and tables with routes, which take it minutes each.
        .args(["--skip", "answers", "--skip", "mutants", "--skip", "oracle", "--skip", "groups"])
        .args(["--skip", "routed", "--skip", "router_frames"])
        // Nor do eighty tables in one test.
        .args(["--skip", "with_a_priority_tag_can_be_claimed"])
        // proptest looks for cases that failed before in a file.
        .env("MIRIFLAGS", "-Zmiri-disable-isolation")
        .env("PROPTEST_CASES", "1");
    step::run("Miri", &mut cargo)?;
    Ok(true)
}
