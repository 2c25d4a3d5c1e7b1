//! Interfaces that are renamed, that have two names, or whose names others get.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, detach, edge, reload},
    somebody::{detach_link, link_on},
    wires::{PORTS, WIRES, Wires, config, port, wait_for_port, wait_until, wait_until_sound},
};
use edge_user::{
    config::sample::SamplePort,
    lab::{private_mounts, root_or_skip},
};

/// Long enough for the daemon to have looked at its ports once more.
const ANOTHER_LOOK: Duration = Duration::from_millis(1300);

#[test]
fn a_port_stays_with_its_interface_when_that_is_renamed() -> Result<()> {
    if !root_or_skip("a_port_stays_with_its_interface_when_that_is_renamed") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&["other0"])?;
    let plain = config(&PORTS, &WIRES);
    let daemon = Daemon::start(&wires.lab, &plain)?;
    let all = [0, 1];
    wires.under_traffic(&all, |lab| {
        lab.edge().output("ip", &["link", "set", "core0", "name", "renamed0"])?;
        wait_for_port("C1", |port| port.interface == "renamed0" && port.xdp_mode == "native")?;
        Ok(())
    })?;
    let fault = port("C1")?.fault.context("a fault")?;
    assert!(fault.contains("core0 is called renamed0 now"), "{fault}");

    // Another one takes the name, and that is no reason to attach the port to it; nor is it one
    // when the programs of this port and of others are taken off.
    wires.ip("link set other0 name core0")?;
    for interface in ["cust1", "renamed0"] {
        detach_link(&link_on(&wires.lab, interface)?.0)?;
        let said = format!("somebody has taken the program off {interface}");
        wait_until(|| daemon.said().contains(&said))?;
    }
    wait_for_port("C1", |port| port.xdp_mode == "native" && port.interface == "renamed0")?;
    wait_until_sound("P2")?;
    wires.pass(&all)?;
    assert!(link_on(&wires.lab, "core0").is_err());
    // Without another one with that name, a reload does not change that, either.
    wires.ip("link set core0 name other0")?;
    reload()?;
    wires.pass(&all)?;
    daemon.kill()?;
    let daemon = Daemon::start(&wires.lab, &plain)?;
    wires.pass(&all)?;
    // With one, it does: alpha's core port gets the interface that has the name now.
    wires.ip("link set other0 name core0")?;
    reload()?;
    assert_eq!(wait_until_sound("C1")?.interface, "core0");
    assert!(link_on(&wires.lab, "renamed0").is_err());
    for side in [0, 1] {
        wires.try_send(0, side)?;
    }
    wires.pass(&[1])?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

/// A reload that finds nothing to do for a port but its interface's other name, and then a start that
/// finds no interface of that name.
#[test]
fn a_port_is_known_by_the_name_that_the_last_reload_gave_it() -> Result<()> {
    if !root_or_skip("a_port_is_known_by_the_name_that_the_last_reload_gave_it") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let daemon = Daemon::start(&wires.lab, &config(&PORTS, &WIRES))?;
    let all = [0, 1];
    wires.pass(&all)?;
    wires.ip("link set core0 name uplink0")?;
    let renamed = PORTS.map(|(port, interface)| match interface {
        "core0" => (port, "uplink0"),
        _ => (port, interface),
    });
    let named = WIRES.map(|wire| wire.map(|end| if end == "core0" { "uplink0" } else { end }));
    let renamed = config(&renamed, &named);
    configure(&renamed)?;
    reload()?;
    wait_until_sound("C1")?;
    wires.ip("link set uplink0 name renamed0")?;
    daemon.kill()?;
    let daemon = Daemon::start(&wires.lab, &renamed)?;
    wait_for_port("C1", |port| port.interface == "renamed0" && port.xdp_mode == "native")?;
    wires.pass(&all)?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

#[test]
fn an_interface_has_one_port_by_whichever_of_its_names() -> Result<()> {
    if !root_or_skip("an_interface_has_one_port_by_whichever_of_its_names") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    wires.ip("link property add dev cust0 altname alpha-cust")?;
    let named = [["alpha-cust", "core0"], ["cust1", "core1"]];
    let ports = [("P1", "alpha-cust"), ("P2", "cust1"), ("C1", "core0"), ("C2", "core1")];
    let by_altname = config(&ports, &named);
    let daemon = Daemon::start(&wires.lab, &by_altname)?;
    let all = [0, 1];
    wires.pass(&all)?;
    assert_eq!(wait_until_sound("P1")?.interface, "alpha-cust");
    wires.under_traffic(&all, |lab| {
        lab.edge().output("ip", &["link", "set", "cust0", "name", "renamed0"])?;
        thread::sleep(ANOTHER_LOOK);
        reload()
    })?;
    assert_eq!(wait_until_sound("P1")?.interface, "alpha-cust");

    // Under two names.
    configure(&by_altname.port(SamplePort::new("P3", "customer").interface("renamed0")))?;
    let refused = format!("{:#}", reload().err().context("two ports on one interface")?);
    assert!(refused.contains("port \"P3\"") && refused.contains("\"P1\""), "{refused}");
    wires.pass(&all)?;
    daemon.stop()?;
    let refused = edge(&wires.lab, &["run", "-c", CONFIG_PATH])?;
    assert_eq!(refused.status.code(), Some(1));
    wires.pass(&all)?;
    detach(&wires.lab)?;
    Ok(())
}
