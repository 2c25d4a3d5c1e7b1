//! A version with another layout of the tables takes over while interfaces are gone or renamed.

use anyhow::{Context as _, Result};
use edge_tests::{
    daemon::{
        CONFIG_PATH, Daemon, book, configure, detach, edge_binary, other_layout_binary, reload,
    },
    faults::disk::Disk,
    wires::{PORTS, WIRES, Wires, config, port, wait_for_port, wait_until_sound},
};
use edge_user::lab::{private_mounts, root_or_skip};

#[test]
fn a_takeover_by_another_version_knows_whose_the_interfaces_are() -> Result<()> {
    if !root_or_skip("a_takeover_by_another_version_knows_whose_the_interfaces_are") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    let plain = config(&PORTS, &WIRES);
    let all = [0, 1];
    let names = ["core1", "renamed0", "renamed1"];
    let mut daemon = Daemon::start(&wires.lab, &plain)?;
    wires.pass(&all)?;
    for (number, binary) in [other_layout_binary(), edge_binary()].into_iter().enumerate() {
        let [before, renamed] = [names[number], names[number + 1]];
        wires.ip(&format!("link set {before} name {renamed}"))?;
        wires.ip("link del cust0")?;
        wait_for_port("P1", |port| port.xdp_mode == "none")?;
        if number == 0 {
            daemon.stop()?;
        } else {
            daemon.kill()?;
        }

        // An interface that no configuration has had yet is a mistake to this version, too.
        configure(&plain.clone().change_port("C1", |port| port.interface("core9")))?;
        let run = wires.lab.edge().command(binary).args(["run", "-c", CONFIG_PATH]).output()?;
        let said = String::from_utf8_lossy(&run.stderr);
        assert_eq!(run.status.code(), Some(1), "{said}");
        assert!(said.contains("there is no interface core9"), "{said}");

        daemon = Daemon::start_as(&wires.lab, binary, &plain)?;
        assert_eq!(port("C2")?.interface, renamed);
        wires.pass(&[1])?;
        let fault = port("P1")?.fault.context("a fault")?;
        assert!(fault.contains("there is no interface cust0"), "{fault}");
        wires.cable_again("cust0", None)?;
        wait_until_sound("P1")?;
        wires.pass(&all)?;
    }
    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

/// Ports of the other version, with the customers' ends swapped.
const SWAPPED: [(&str, &str); 4] =
    [("P1", "cust1"), ("P2", "cust0"), ("C1", "core0"), ("C2", "core1")];

/// Leaves tables behind that can't be booked, and has the other version run with [`SWAPPED`]. When
/// their version comes back, they get programs again, and their notes are older than those of the
/// version between.
fn leave_behind(wires: &mut Wires, disk: &mut Disk) -> Result<Daemon> {
    let plain = config(&PORTS, &WIRES);
    let daemon = Daemon::start(&wires.lab, &plain)?;
    wires.pass(&[0, 1])?;
    book()?;
    disk.fill()?;
    daemon.stop()?;
    let daemon = Daemon::start_as(&wires.lab, other_layout_binary(), &plain)?;
    configure(&config(&SWAPPED, &WIRES))?;
    reload()?;
    wires.pass(&[0, 1])?;
    Ok(daemon)
}

#[test]
fn tables_that_were_left_behind_have_no_say() -> Result<()> {
    if !root_or_skip("tables_that_were_left_behind_have_no_say") {
        return Ok(());
    }
    private_mounts()?;
    let mut disk = Disk::new()?;
    let mut wires = Wires::new(&[])?;
    let daemon = leave_behind(&mut wires, &mut disk)?;
    wires.ip("link set cust0 name renamed")?;
    daemon.stop()?;

    let daemon = Daemon::start_as(&wires.lab, edge_binary(), &config(&SWAPPED, &WIRES))?;
    assert_eq!(port("P2")?.interface, "renamed");
    wires.pass(&[0, 1])?;
    disk.repair()?;
    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}

/// A port without an interface does not use an earlier one, which is another customer's now.
#[test]
fn tables_that_were_left_behind_forward_to_no_former_interface() -> Result<()> {
    if !root_or_skip("tables_that_were_left_behind_forward_to_no_former_interface") {
        return Ok(());
    }
    private_mounts()?;
    let mut disk = Disk::new()?;
    let mut wires = Wires::new(&[])?;
    let daemon = leave_behind(&mut wires, &mut disk)?;
    wires.ip("link del cust1")?;
    wait_for_port("P1", |port| port.xdp_mode == "none")?;
    daemon.stop()?;

    let daemon = Daemon::start_as(&wires.lab, edge_binary(), &config(&SWAPPED, &WIRES))?;
    for _ in 0..5 {
        wires.try_send(1, 1)?;
    }
    wires.pass(&[0])?;
    let dropped = port("C2")?.reasons.get("no-egress").copied();
    assert_eq!(dropped, Some(5));
    wires.cable_again("cust1", None)?;
    wait_until_sound("P1")?;
    wires.pass(&[0, 1])?;
    disk.repair()?;
    wires.check_books()?;
    daemon.stop()?;
    detach(&wires.lab)?;
    Ok(())
}
