//! The unit for systemd in `contrib`: its commands, as systemd runs them, in its sandbox's absence.

use std::{os::unix::net::UnixDatagram, process::Command};

use anyhow::{Context as _, Result, ensure};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, detach, edge_binary},
    wires::{PORTS, WAIT, WIRES, Wires, config},
};
use edge_user::lab::{private_mounts, root_or_skip};

const UNIT: &str = include_str!("../../../contrib/edge.service");
/// Where the unit has the binary and the configuration.
const BINARY: &str = "/usr/bin/edge";
const CONFIG: &str = "/etc/edge/edge.toml";

#[test]
fn the_unit_checks_starts_reloads_and_stops() -> Result<()> {
    if !root_or_skip("the_unit_checks_starts_reloads_and_stops") {
        return Ok(());
    }
    private_mounts()?;
    let mut wires = Wires::new(&[])?;
    configure(&config(&PORTS, &WIRES))?;
    let run = |key: &str| -> Result<()> {
        let mut command = wires.lab.edge().command(edge_binary());
        let status = command.args(arguments(key)?).status()?;
        ensure!(status.success(), "{key}: {status}");
        Ok(())
    };
    run("ExecStartPre")?;

    assert_eq!(value("Type")?, "notify");
    // BIRD, and the directory with its socket, outlive the daemon.
    assert_eq!((value("KillMode")?, value("RuntimeDirectoryPreserve")?), ("process", "yes"));
    assert_eq!(arguments("ExecStart")?, ["run", "-c", CONFIG_PATH]);
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("notify");
    let notified = UnixDatagram::bind(&socket)?;
    notified.set_read_timeout(Some(WAIT))?;
    let mut command: Command = wires.lab.edge().command("sh");
    // systemd names the process that it watches, too.
    command.args(["-c", "WATCHDOG_PID=$$ exec \"$0\" \"$@\""]).arg(edge_binary());
    command.env("NOTIFY_SOCKET", &socket).env("WATCHDOG_USEC", "400000");
    let daemon = Daemon::spawn_by(command)?;
    let mut told = [0; 64];
    let len = notified.recv(&mut told).context("the daemon does not tell that it is ready")?;
    assert!(told[..len].starts_with(b"READY=1"));
    for _ in 0..3 {
        let len = notified.recv(&mut told).context("the daemon does not feed the watchdog")?;
        assert!(told[..len].starts_with(b"WATCHDOG=1"));
    }

    run("ExecReload")?;
    wires.pass(&[0, 1])?;
    daemon.stop()?;
    wires.pass(&[0, 1])?;
    detach(&wires.lab).map(drop)
}

/// A command of the unit, without the binary, and with our configuration.
fn arguments(key: &str) -> Result<Vec<&'static str>> {
    let mut lines = UNIT.lines().filter_map(|line| line.split_once('='));
    let words =
        lines.find_map(|(known, value)| (known == key).then(|| value.strip_prefix(BINARY))?);
    let words = words.with_context(|| format!("{key} runs {BINARY}"))?;
    let words = words.split_whitespace();
    Ok(words.map(|word| if word == CONFIG { CONFIG_PATH } else { word }).collect())
}

/// The value of a key of the unit.
fn value(key: &str) -> Result<&'static str> {
    let mut lines = UNIT.lines().filter_map(|line| line.split_once('='));
    let found = lines.find(|(known, _)| *known == key);
    Ok(found.with_context(|| format!("the unit has no {key}"))?.1)
}
