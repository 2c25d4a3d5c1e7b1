//! Pins belong to the network namespace of their interfaces.

use std::{
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::{Daemon, detach, edge_binary},
    wires::{PORTS, WAIT, WIRES, Wires, config, port, wait_until_sound},
};
use edge_user::{
    kernel::Pins,
    lab::{private_mounts, root_or_skip},
};

/// The programs on the interfaces, as `ip` tells.
fn programs(wires: &Wires) -> Result<Vec<String>> {
    let text = wires.ip("-o -d link show")?;
    let ids = text.lines().filter_map(|line| {
        let (_, id) = line.split_once("prog/xdp id ")?;
        Some(id.split(' ').next()?.to_owned())
    });
    Ok(ids.collect())
}

/// Two namespaces have interfaces with the same names and indices, and see the same pins.
#[test]
fn a_data_plane_belongs_to_its_namespace() -> Result<()> {
    if !root_or_skip("a_data_plane_belongs_to_its_namespace") {
        return Ok(());
    }
    private_mounts()?;
    let (mut theirs, mut ours) = (Wires::new(&[])?, Wires::new(&[])?);
    for (_, interface) in PORTS {
        assert_eq!(theirs.ifindex(interface)?, ours.ifindex(interface)?);
    }
    let all = [0, 1];
    let daemon = Daemon::start(&theirs.lab, &config(&PORTS, &WIRES))?;
    theirs.pass(&all)?;
    daemon.stop()?;
    let before = (programs(&theirs)?, Pins::new(Path::new("/sys/fs/bpf/edge")).links()?);
    assert_eq!(before.0.len(), PORTS.len());

    theirs.under_traffic(&all, |_| {
        let refused = Daemon::spawn(&ours.lab, edge_binary())?;
        let said = format!("{:#}", refused.wait_until_ready().err().context("a refusal")?);
        assert!(said.contains("belongs to another network namespace"), "{said}");
        assert_eq!(refused.refusal()?, Some(1));
        Ok(())
    })?;
    assert_eq!(programs(&ours)?, [""; 0]);
    let after = (programs(&theirs)?, Pins::new(Path::new("/sys/fs/bpf/edge")).links()?);
    assert_eq!(after, before);
    ours.is_quiet()?;

    // Its own daemon goes on.
    let daemon = Daemon::start(&theirs.lab, &config(&PORTS, &WIRES))?;
    theirs.pass(&all)?;
    theirs.check_books()?;
    daemon.stop()?;

    // A namespace that is gone is in nobody's way; the kernel removes it in its own time.
    drop(theirs);
    let deadline = Instant::now() + WAIT;
    let daemon = loop {
        match Daemon::start(&ours.lab, &config(&PORTS, &WIRES)) {
            Ok(daemon) => break daemon,
            Err(error) => ensure!(Instant::now() < deadline, "{error:#}"),
        }
        thread::sleep(Duration::from_millis(50));
    };
    ours.pass(&all)?;
    assert_eq!(port("P1")?.xdp_mode, "native");
    daemon.stop()?;
    // The pins are of this namespace now: an interface that leaves it is no reason to refuse.
    let elsewhere = edge_user::lab::NetNs::new()?;
    ours.ip(&format!("link set cust0 netns {}", elsewhere.path().display()))?;
    let daemon = Daemon::start(&ours.lab, &config(&PORTS, &WIRES))?;
    let fault = port("P1")?.fault.unwrap_or_default();
    assert!(fault.contains("no interface cust0"), "{fault}");
    elsewhere.output(
        "ip",
        &["link", "set", "cust0", "netns", &ours.lab.edge().path().display().to_string()],
    )?;
    ours.ip("link set cust0 up")?;
    wait_until_sound("P1")?;
    ours.pass(&all)?;
    daemon.stop()?;
    detach(&ours.lab)?;
    Ok(())
}
