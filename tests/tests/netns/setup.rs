//! `edge setup`: its look at a machine, and the file that it writes.

use std::{fs, os::unix::fs::PermissionsExt as _, process::Output};

use anyhow::Result;
use edge_tests::{
    daemon::{Daemon, detach, edge},
    ends::lab,
};
use edge_user::lab::{Lab, root_or_skip};
use serde_json::Value;

const FILE: &str = "/run/edge/first.toml";

fn look(lab: &Lab) -> Result<Value> {
    let looked = edge(lab, &["setup", "--look", "--json"])?;
    assert!(looked.status.success(), "{looked:?}");
    Ok(serde_json::from_slice(&looked.stdout)?)
}

fn interface<'a>(look: &'a Value, name: &str) -> &'a Value {
    let interfaces = look["machine"]["interfaces"].as_array().expect("interfaces");
    interfaces.iter().find(|one| one["name"] == name).unwrap_or(&Value::Null)
}

fn said(output: &Output) -> String {
    let both = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&both).into_owned()
}

#[test]
fn setup_writes_a_file_that_check_takes_and_run_starts_on() -> Result<()> {
    if !root_or_skip("setup_writes_a_file_that_check_takes_and_run_starts_on") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let written = edge(&lab, &["setup", "-o", FILE])?;
    assert!(written.status.success(), "{written:?}");
    assert!(said(&written).contains(&format!("wrote {FILE}")), "{written:?}");
    assert_eq!(fs::metadata(FILE)?.permissions().mode() & 0o777, 0o640);
    let text = fs::read_to_string(FILE)?;
    for part in ["interface = \"customer0\"", "interface = \"core0\"", "forward   = \"core0\""] {
        assert!(text.contains(part), "{text}");
    }
    assert!(edge(&lab, &["check", "-c", FILE])?.status.success());
    let again = edge(&lab, &["setup", "-o", FILE])?;
    assert_eq!(again.status.code(), Some(1), "{again:?}");
    assert!(said(&again).contains("is there already and stays as it is"), "{again:?}");
    assert_eq!(fs::read_to_string(FILE)?, text);
    let printed = edge(&lab, &["setup", "-o", "-"])?;
    assert_eq!(String::from_utf8_lossy(&printed.stdout), text);

    let daemon = Daemon::start(&lab, &text)?;
    // Interfaces of a running edge are no choice for another one.
    let with_edge = look(&lab)?;
    assert_eq!(interface(&with_edge, "core0")["programs"][0]["mode"], "native", "{with_edge}");
    let refused = edge(&lab, &["setup", "-o", "/run/edge/other.toml"])?;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(said(&refused).contains("no interface here can be a port"), "{refused:?}");
    assert!(!fs::exists("/run/edge/other.toml")?);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn setup_leaves_the_hosts_own_interfaces_alone() -> Result<()> {
    if !root_or_skip("setup_leaves_the_hosts_own_interfaces_alone") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let ip = |arguments: &str| {
        lab.edge().output("ip", &arguments.split(' ').collect::<Vec<_>>()).map(drop)
    };
    for (one, other) in [("addr0", "addr1"), ("slave0", "slave1"), ("down0", "down1")] {
        ip(&format!("link add {one} type veth peer name {other}"))?;
    }
    ip("address add 192.0.2.1/24 dev addr0")?;
    ip("link add bridge0 type bridge")?;
    ip("link set slave0 master bridge0")?;
    let looked = look(&lab)?;
    for (name, unfit) in [
        ("addr0", "the host has the address 192.0.2.1 there"),
        ("slave0", "it is a part of bridge0"),
        ("bridge0", "it is no port's cable, but a device of the kind bridge"),
    ] {
        assert_eq!(interface(&looked, name)["unfit"], unfit, "{looked}");
    }
    for name in ["customer0", "core0", "down0"] {
        let fit = interface(&looked, name);
        assert_eq!(
            (&fit["unfit"], &fit["driver"]),
            (&Value::Null, &Value::from("veth")),
            "{looked}"
        );
    }
    assert_eq!(interface(&looked, "down0")["up"], false);
    assert_eq!(interface(&looked, "customer0")["speed_bps"], 10_000_000_000_u64);
    assert_eq!(*interface(&looked, "lo"), Value::Null);

    for (arguments, says) in [
        (&["--customer", "nobody"][..], "there is no interface nobody"),
        (&["--customer", "core0", "--core", "core0"], "core0 can be one port, not two"),
        (&["--json", "-o", "-"], "both print to the standard output"),
        (&["--look", "--core", "core0"], "cannot be used with"),
    ] {
        let arguments = [&["setup"], arguments].concat();
        let refused = edge(&lab, &arguments)?;
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(said(&refused).contains(says), "{refused:?}");
    }
    let named = ["setup", "-o", FILE, "--customer", "core0", "--customer", "addr0"];
    assert!(edge(&lab, &named)?.status.success());
    let text = fs::read_to_string(FILE)?;
    let ports: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("interface = ")).collect();
    assert_eq!(ports, ["\"core0\"", "\"addr0\"", "\"customer0\""]);
    Ok(())
}
