//! Interfaces that go and come, and programs that somebody takes off. The status names the fault
//! until the port is attached again, which takes about a second, and no frame goes astray
//! meanwhile.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
};

use anyhow::{Result, ensure};
use aya::programs::xdp::XdpLinkId;
use edge_tests::{
    daemon::{Daemon, configure, detach, edge, warned_reload},
    somebody::{Foreign, PIN_DIR, detach_link, link_on, open_link},
    wires::{PORTS, WIRES, Wires, config, port, wait_for_port, wait_until, wait_until_sound},
};
use edge_user::{
    config::sample::Sample,
    lab::{NetNs, private_mounts, root_or_skip},
};

const ALPHA: usize = 0;
const ZETA: usize = 1;
const METRICS: &str = "127.0.0.1:9478";

/// Number of times that the daemon has said something.
fn times_said(daemon: &Daemon, words: &str) -> usize {
    daemon.said().lines().filter(|line| line.contains(words)).count()
}

/// The daemon has said a line with these words once. Status may tell of a port before a reader has
/// the daemon's line of it.
fn said_once(daemon: &Daemon, words: &str) -> Result<()> {
    wait_until(|| times_said(daemon, words) > 0)?;
    ensure!(times_said(daemon, words) == 1, "{words}: {}", daemon.said());
    Ok(())
}

/// Waits for the port to have a fault with these words, and no program.
fn wait_for_fault(name: &str, words: &str) -> Result<()> {
    let has_it = |fault: &Option<String>| fault.as_ref().is_some_and(|text| text.contains(words));
    wait_for_port(name, |port| has_it(&port.fault) && port.xdp_mode == "none").map(drop)
}

/// While alpha's interface is not there: its frames arrive nowhere, and zeta's as ever.
fn alpha_is_cut_off(wires: &mut Wires) -> Result<()> {
    for side in [0, 1] {
        // The far end may be gone, too.
        let _sent = wires.try_send(ALPHA, side);
    }
    wires.pass(&[ZETA])
}

#[test]
fn an_interface_that_goes_is_named_and_attached_when_it_returns() -> Result<()> {
    if !root_or_skip("an_interface_that_goes_is_named_and_attached_when_it_returns") {
        return Ok(());
    }
    let all = [ALPHA, ZETA];
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let plain = config(&PORTS, &WIRES).edge("metrics", METRICS);
    let daemon = Daemon::start(&wires.lab, &plain)?;
    wires.pass(&all)?;
    let gone = "there is no interface cust0";

    // Made again with another index. Meanwhile, the configuration is read again, with changes for
    // which the programs of the others change, and another daemon starts.
    wires.ip("link del cust0")?;
    wait_for_fault("P1", gone)?;
    said_once(&daemon, gone)?;
    let metrics = metrics(&wires)?;
    assert!(metrics.contains("edge_port_attached{port=\"P1\"} 0\n"), "{metrics}");
    assert!(metrics.contains("edge_port_attached{port=\"P2\"} 1\n"), "{metrics}");
    alpha_is_cut_off(&mut wires)?;
    let slower = plain.clone().change_circuits(|circuit| circuit.key("bandwidth", "9 Gbps"));
    for config in [slower, moved(&["P1", "C1", "P2", "C2"])] {
        configure(&config.edge("metrics", METRICS))?;
        let warnings = warned_reload()?;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(warnings[0].contains("port \"P1\" waits: there is no interface cust0"));
        alpha_is_cut_off(&mut wires)?;
    }
    let said = edge(&wires.lab, &["reload"])?;
    assert!(said.status.success());
    assert!(String::from_utf8(said.stderr)?.contains("port \"P1\" waits: there is no interface"));
    let text = String::from_utf8(edge(&wires.lab, &["status"])?.stdout)?;
    assert!(text.contains("! port P1: there is no interface cust0"), "{text}");
    daemon.kill()?;
    let daemon = Daemon::start(&wires.lab, &plain)?;
    wait_for_fault("P1", gone)?;
    said_once(&daemon, gone)?;
    alpha_is_cut_off(&mut wires)?;
    wires.cable_again("cust0", Some(77))?;
    wait_until_sound("P1")?;
    said_once(&daemon, "port \"P1\": its program runs on cust0")?;
    wires.pass(&all)?;

    // With the same index, before and after anybody has looked.
    for (interface, name) in [("cust0", "P1"), ("core0", "C1")] {
        let ifindex = wires.ifindex(interface)?;
        wires.ip(&format!("link del {interface}"))?;
        if interface == "core0" {
            wait_for_fault(name, "there is no interface core0")?;
            alpha_is_cut_off(&mut wires)?;
        }
        wires.cable_again(interface, Some(ifindex))?;
        wait_until_sound(name)?;
        wires.pass(&all)?;
    }

    // To another network namespace and back.
    let elsewhere = NetNs::new()?;
    let (there, back) = (elsewhere.path(), wires.lab.edge().path());
    wires.ip(&format!("link set cust0 netns {}", there.display()))?;
    wait_for_fault("P1", gone)?;
    alpha_is_cut_off(&mut wires)?;
    let back = back.display().to_string();
    elsewhere.output("ip", &["link", "set", "cust0", "netns", &back])?;
    wires.ip("link set cust0 up")?;
    wait_until_sound("P1")?;
    wires.pass(&all)?;

    // Down and up: the program stays, and no frames come.
    wires.ip("link set core0 down")?;
    let down = |fault: &Option<String>| fault.as_ref().is_some_and(|text| text.contains("is down"));
    wait_for_port("C1", |port| down(&port.fault) && port.xdp_mode == "native")?;
    alpha_is_cut_off(&mut wires)?;
    wires.ip("link set core0 up")?;
    wait_until_sound("C1")?;
    wires.wait_for_far_end("core0")?;
    wires.pass(&all)?;

    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

/// The answer of the metrics address.
fn metrics(wires: &Wires) -> Result<String> {
    wires.lab.edge().run(|| {
        let mut stream = TcpStream::connect(METRICS)?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: edge\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    })
}

/// Names of ports in another order, and one of zeta's ports with another name.
fn moved(order: &[&str]) -> Sample {
    let interface = |port: &str| PORTS.iter().find(|(name, _)| *name == port).map(|(_, i)| *i);
    let ports: Vec<_> = order
        .iter()
        .map(|port| (if *port == "C2" { "C9" } else { *port }, interface(port).unwrap_or_default()))
        .collect();
    config(&ports, &WIRES)
}

#[test]
fn a_program_that_somebody_takes_off_is_attached_again() -> Result<()> {
    if !root_or_skip("a_program_that_somebody_takes_off_is_attached_again") {
        return Ok(());
    }
    let all = [ALPHA, ZETA];
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let daemon = Daemon::start(&wires.lab, &config(&PORTS, &WIRES))?;
    wires.pass(&all)?;
    let mut foreign = Foreign::load()?;

    // The link is detached.
    let (pin, _) = link_on(&wires.lab, "cust0")?;
    detach_link(&pin)?;
    // A client that asks now is told of it, if it has not been attached already.
    let seen = port("P1")?;
    assert_eq!(seen.xdp_mode == "none", seen.fault.is_some(), "{seen:?}");
    wait_until_sound("P1")?;
    said_once(&daemon, "somebody has taken the program off cust0")?;
    wires.pass(&all)?;

    // Its pin is removed, and with it the link.
    let (pin, _) = link_on(&wires.lab, "core0")?;
    fs::remove_file(&pin)?;
    said_once(&daemon, "somebody has taken the program off core0")?;
    wait_until_sound("C1")?;
    wires.pass(&all)?;

    // Its pin is removed, and somebody holds it: the same link is pinned again.
    let (pin, program) = link_on(&wires.lab, "core0")?;
    let held = open_link(&pin)?;
    fs::remove_file(&pin)?;
    wait_until(|| pin.exists())?;
    drop(held);
    assert_eq!(link_on(&wires.lab, "core0")?, (pin, program));
    wires.pass(&all)?;

    // It has another program.
    let (pin, _) = link_on(&wires.lab, "cust0")?;
    foreign.replace(&pin)?;
    said_once(&daemon, "somebody has put another program in the place")?;
    wait_until_sound("P1")?;
    wires.pass(&all)?;

    // Another program is where it was, which edge leaves alone: all else goes on, also what comes
    // back meanwhile.
    let (pin, _) = link_on(&wires.lab, "cust0")?;
    let theirs = take_the_place(&mut foreign, &wires, &pin)?;
    wait_for_fault("P1", "another XDP program is attached to cust0")?;
    wires.ip("link del core1")?;
    wires.cable_again("core1", None)?;
    wait_until_sound("C2")?;
    wires.pass(&[ZETA])?;
    assert!(times_said(&daemon, "another XDP program is attached to cust0") <= 1);
    foreign.detach(theirs)?;
    wait_until_sound("P1")?;
    wires.pass(&all)?;

    // All pins are removed, after what was counted is booked.
    wires.check_books()?;
    for set in fs::read_dir(PIN_DIR)? {
        fs::remove_dir_all(set?.path())?;
    }
    said_once(&daemon, "somebody has removed the pins in")?;
    for (name, _) in PORTS {
        wait_until_sound(name)?;
    }
    wires.pass(&all)?;
    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

/// Detaches the link, and attaches another program before edge does.
fn take_the_place(foreign: &mut Foreign, wires: &Wires, pin: &Path) -> Result<XdpLinkId> {
    detach_link(pin)?;
    foreign.attach(&wires.lab, "cust0")
}
