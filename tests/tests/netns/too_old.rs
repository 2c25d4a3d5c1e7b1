//! A kernel that is too old: one sentence with the least version, exit code 1, and nothing changed.
//! Runs on such a kernel alone, in a virtual machine (`cargo xtask kernels --only 5.10`).

use std::{fs, io::Write as _, path::Path};

use anyhow::{Context as _, Result};
use edge_tests::{
    daemon::{CONFIG_PATH, configure, edge_binary},
    ends::contoso,
};
use edge_user::{
    config::sample::Sample,
    kernel::object::load_error::{LEAST, Version},
    lab::{NetNs, private_mounts, root_or_skip},
};
use nix::sys::utsname::uname;

#[test]
fn an_old_kernel_is_refused_in_one_sentence() -> Result<()> {
    let test = "an_old_kernel_is_refused_in_one_sentence";
    if !root_or_skip(test) {
        return Ok(());
    }
    let release = uname()?.release().to_string_lossy().into_owned();
    if Version::of_release(&release) >= Some(LEAST) {
        writeln!(std::io::stderr(), "SKIPPED: needs a kernel before {LEAST}: {test}")?;
        return Ok(());
    }
    private_mounts()?;
    let ns = NetNs::new()?;
    for port in ["customer0", "core0"] {
        ns.output("ip", &["link", "add", port, "type", "veth"])?;
        ns.output("ip", &["link", "set", port, "up"])?;
        ns.output("ethtool", &["-K", port, "rxvlan", "on"])?;
    }
    configure(&Sample::lab().circuit(contoso()))?;

    let output = ns.command(edge_binary()).args(["run", "-c", CONFIG_PATH]).output()?;
    let said = String::from_utf8(output.stderr)?;
    let expected =
        format!("error: Linux {release} is too old: edge needs Linux {LEAST} or later\n");
    let last = said.lines().last().context("it says something")?;
    assert_eq!(format!("{last}\n"), expected, "{said}");
    assert_eq!(output.status.code(), Some(1));

    // Nothing is left of it: no pin, no program, no setting.
    let pins = Path::new("/sys/fs/bpf/edge");
    let left = if pins.exists() { fs::read_dir(pins)?.count() } else { 0 };
    assert_eq!(left, 0, "pins are left");
    for port in ["customer0", "core0"] {
        assert!(!ns.output("ip", &["link", "show", port])?.contains("xdp"));
        let offloads = ns.output("ethtool", &["-k", port])?;
        assert!(offloads.contains("rx-vlan-offload: on"), "{offloads}");
    }
    Ok(())
}
