//! The test of a package in a Debian that boots.

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result};

use crate::step;

/// The Debian that is booted.
const SUITE: &str = "bookworm";
/// Its packages, beside the least that boots. The last one is for routed circuits.
const PACKAGES: &str = "systemd,systemd-sysv,dbus,iproute2,procps,bird2";

/// Makes a root file system, unless there is one, and runs the test on it.
pub(super) fn test(root: &Path, directory: &Path, before: &Path, deb: &Path) -> Result<()> {
    let system = directory.join(format!("{SUITE}.tar"));
    if !system.exists() {
        // mmdebstrap gives it this name when it is whole.
        let new = directory.join(format!("{SUITE}-new.tar"));
        let mut mmdebstrap = Command::new("mmdebstrap");
        mmdebstrap.args(["--variant=minbase", "--quiet"]).arg(format!("--include={PACKAGES}"));
        step::run(&format!("a root of {SUITE}"), mmdebstrap.arg(SUITE).arg(&new))?;
        fs::rename(&new, &system).with_context(|| format!("renaming {}", new.display()))?;
    }
    let mut cargo = step::cargo();
    cargo
        .current_dir(root)
        .args([
            "test",
            "--package",
            "edge-tests",
            "--test",
            "netns",
            "packaged::",
            "--",
            "--nocapture",
        ])
        .env("EDGE_REQUIRE_ROOT", "1")
        .env("EDGE_DEBIAN_ROOT", system)
        .env("EDGE_PACKAGE_BEFORE", fs::canonicalize(before)?)
        .env("EDGE_PACKAGE", fs::canonicalize(deb)?);
    step::run("the package in a Debian that boots", &mut cargo)
}
