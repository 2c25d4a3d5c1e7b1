//! The lab's needs of the machine, checked before anything is built.

use std::{
    env, fs,
    io::{self, Write as _},
};

use anyhow::{Context as _, Result, bail};

/// Programs that the lab runs, and the Debian packages that have them.
const TOOLS: [(&str, &str); 3] = [("ip", "iproute2"), ("tc", "iproute2"), ("ethtool", "ethtool")];
/// Capabilities by their number in `linux/capability.h`.
const CAPABILITIES: [(&str, u32); 3] =
    [("CAP_NET_ADMIN", 12), ("CAP_NET_RAW", 13), ("CAP_SYS_ADMIN", 21)];
/// With this set to 1, tests that need root fail without it instead of being skipped.
const REQUIRE_ROOT: &str = "EDGE_REQUIRE_ROOT";

/// Checks that this machine can have a lab. An error names what is missing, and the cure.
pub fn preflight() -> Result<()> {
    let held = effective_capabilities()?;
    let missing: Vec<_> = CAPABILITIES
        .iter()
        .filter(|(_, number)| held & (1 << number) == 0)
        .map(|(name, _)| *name)
        .collect();
    if !missing.is_empty() {
        bail!(
            "the lab makes network namespaces and loads eBPF programs, and this process lacks {}; \
             run it as root (sudo), or in a container with --privileged",
            missing.join(", ")
        );
    }
    for (tool, package) in TOOLS {
        if !on_path(tool) {
            bail!(
                "the lab needs `{tool}`, which is not on PATH; install it (Debian: apt-get install \
                 {package}) and see that PATH has /usr/sbin"
            );
        }
    }
    Ok(())
}

/// Whether a test that needs root can run. Where it cannot, says so loudly; with
/// `EDGE_REQUIRE_ROOT=1` that is a failure.
///
/// # Panics
///
/// Where the test cannot run though `EDGE_REQUIRE_ROOT` is 1.
#[must_use]
pub fn root_or_skip(test: &str) -> bool {
    let Err(error) = preflight() else {
        return true;
    };
    assert!(
        env::var_os(REQUIRE_ROOT).is_none_or(|value| value != "1"),
        "{test} cannot run, and {REQUIRE_ROOT}=1: {error:#}"
    );
    // Not `eprintln!`: the test harness hides its output for a test that passes.
    writeln!(io::stderr(), "SKIPPED: needs root: {test}: {error:#}").expect("stderr takes a line");
    false
}

fn effective_capabilities() -> Result<u64> {
    let status =
        fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("CapEff:"))
        .context("/proc/self/status has no CapEff line")?;
    u64::from_str_radix(mask.trim(), 16).context("CapEff in /proc/self/status is not a number")
}

/// Whether a folder of PATH has this program.
pub(super) fn on_path(tool: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(tool).is_file())
}
