//! Changes that are taken back unless somebody confirms them.

use std::{fs, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use edge_api::{Client, RevisionOrigin};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, configure, detach, edge, edge_binary, reload, status},
    ends::{Ends, contoso, lab},
    faults::disk::STATE_DIR,
    http::{CONTROL, METRICS, at_the_address},
    notation::frame_of,
    speaker::wait,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, root_or_skip},
};

/// The file of the other configuration.
const OTHER_PATH: &str = "/run/edge/other.toml";
const BEFORE_BPS: u64 = 1_000_000_000;
const AFTER_BPS: u64 = 2_000_000_000;

fn with(circuit: SampleCircuit) -> Sample {
    Sample::lab().edge("metrics", METRICS.to_string()).circuit(circuit)
}

fn before() -> Sample {
    with(contoso())
}

fn after() -> Sample {
    with(contoso().key("bandwidth", "2 Gbps"))
}

fn metrics(lab: &Lab) -> Result<String> {
    Ok(at_the_address(lab, "GET /metrics", &[], "")?.body)
}

/// The bandwidth that runs, and whether a change waits for its confirmation.
fn now() -> Result<(u64, bool)> {
    let status = status()?;
    Ok((status.circuits[0].bandwidth_bps, status.config.unconfirmed.is_some()))
}

/// The exit code of a verb, and everything that it has said.
fn edge_said(lab: &Lab, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let output = edge(lab, arguments)?;
    let said =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    Ok((output.status.code(), said.concat()))
}

/// Applies a change that is taken back after this time.
fn apply(lab: &Lab, file: &str, confirm: &str) -> Result<()> {
    let applied = edge_said(lab, &["apply", "-c", file, "--confirm", confirm, "-m", "order 7"])?;
    ensure!(applied.0 == Some(0), "{applied:?}");
    ensure!(applied.1.contains("unless `edge confirm` keeps it"), "{applied:?}");
    Ok(())
}

fn is_as_before() -> Result<()> {
    wait(|| Ok((now()? == (BEFORE_BPS, false)).then_some(())))?;
    assert_eq!(fs::read_to_string(CONFIG_PATH)?, before().to_string());
    ensure!(!Path::new(STATE_DIR).join("unconfirmed.json").exists());
    let status = status()?;
    assert_eq!((status.config.file_fault, status.config.unconfirmed), (None, None));
    Ok(())
}

fn newest() -> Result<RevisionOrigin> {
    let history = Client::new(CONTROL.as_ref()).history()?;
    Ok(history.revisions.first().context("a revision")?.by)
}

#[test]
fn a_change_that_nobody_confirms_is_taken_back() -> Result<()> {
    if !root_or_skip("a_change_that_nobody_confirms_is_taken_back") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &before())?;
    let ends = Ends::open(&lab)?;
    fs::write(OTHER_PATH, after().to_string())?;
    let none = edge_said(&lab, &["confirm"])?;
    ensure!(none.0 == Some(1) && none.1.contains("no change waits"), "{none:?}");
    for wrong in ["0s", "8d", "soon"] {
        let refused = edge_said(&lab, &["apply", "-c", OTHER_PATH, "--confirm", wrong])?;
        ensure!(refused.0 == Some(2) && refused.1.contains("from 1s to 7d"), "{refused:?}");
    }
    is_as_before()?;

    apply(&lab, OTHER_PATH, "20s")?;
    assert_eq!(now()?, (AFTER_BPS, true));
    assert_eq!(fs::read_to_string(CONFIG_PATH)?, after().to_string());
    let shown = edge_said(&lab, &["status"])?.1;
    ensure!(
        shown.contains("! the last change") && shown.contains("(order 7) is taken back"),
        "{shown}"
    );
    ensure!(metrics(&lab)?.contains("\nedge_config_confirmed 0\n"));
    // Nothing else is changed meanwhile.
    fs::write(OTHER_PATH, before().circuit(contoso().key("name", "x").s_tag(7)).to_string())?;
    for refused in [
        &["reload"][..],
        &["apply", "-c", OTHER_PATH],
        &["set-bandwidth", "contoso", "3 Gbps"],
        &["rollback", "1"],
    ] {
        let refused = edge_said(&lab, refused)?;
        ensure!(
            refused.0 == Some(1) && refused.1.contains("waits for its confirmation"),
            "{refused:?}"
        );
    }
    // The way back, taken by hand.
    let back = edge_said(&lab, &["rollback"])?;
    ensure!(back.0 == Some(0) && back.1.contains("bandwidth: 2 Gbps -> 1 Gbps"), "{back:?}");
    is_as_before()?;
    assert_eq!(newest()?, RevisionOrigin::Rollback);
    ensure!(metrics(&lab)?.contains("\nedge_config_confirmed 1\n"));

    // And by the deadline, while frames pass.
    fs::write(OTHER_PATH, after().to_string())?;
    apply(&lab, OTHER_PATH, "2s")?;
    let frame = frame_of("88a8:100 8100:10 ipv4")?;
    let mut sent = 0;
    while now()?.1 {
        ends.customer.0.send(&frame)?;
        sent += 1;
        thread::sleep(Duration::from_millis(2));
    }
    is_as_before()?;
    assert_eq!(newest()?, RevisionOrigin::Deadline);
    let total = &status()?.circuits[0].peerings[0].total;
    assert_eq!((total.forwarded_frames, total.dropped_frames), (sent, 0));
    ensure!(daemon.said().contains("nobody has confirmed the last change in time"));
    let late = edge_said(&lab, &["confirm"])?;
    assert_eq!(late.0, Some(1), "{late:?}");
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn a_confirmed_change_stays() -> Result<()> {
    if !root_or_skip("a_confirmed_change_stays") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &before())?;
    // An operator has edited the daemon's own file.
    configure(&after())?;
    ensure!(edge_said(&lab, &["status"])?.1.contains("has another configuration than the one"));
    apply(&lab, CONFIG_PATH, "5s")?;
    // It waits over a restart, too.
    daemon.kill()?;
    let daemon = Daemon::spawn(&lab, edge_binary())?;
    daemon.wait_until_ready()?;
    let confirmed = edge_said(&lab, &["confirm"])?;
    if confirmed.0 == Some(0) {
        thread::sleep(Duration::from_secs(6));
        assert_eq!(now()?, (AFTER_BPS, false));
        assert_eq!(fs::read_to_string(CONFIG_PATH)?, after().to_string());
        ensure!(status()?.config.file_fault.is_none());
        daemon.kill()?;
        let daemon = Daemon::spawn(&lab, edge_binary())?;
        daemon.wait_until_ready()?;
        assert_eq!(now()?, (AFTER_BPS, false));
        daemon.stop()?;
    } else {
        // A machine that takes 5 s for a start: the change is gone, as nobody has confirmed it in time.
        ensure!(confirmed.1.contains("no change waits for a confirmation"), "{confirmed:?}");
        is_as_before()?;
        daemon.stop()?;
    }
    detach(&lab)?;
    Ok(())
}

#[test]
fn whatever_is_killed_an_unconfirmed_change_goes() -> Result<()> {
    if !root_or_skip("whatever_is_killed_an_unconfirmed_change_goes") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut daemon = Daemon::start(&lab, &before())?;
    fs::write(OTHER_PATH, after().to_string())?;
    // The deadline passes while no daemon is there, and while the next one is.
    for (confirm, pause_s) in [("1s", 2), ("4s", 0)] {
        apply(&lab, OTHER_PATH, confirm)?;
        daemon.kill()?;
        thread::sleep(Duration::from_secs(pause_s));
        daemon = Daemon::spawn(&lab, edge_binary())?;
        daemon.wait_until_ready()?;
        is_as_before()?;
        assert_eq!(newest()?, RevisionOrigin::Deadline);
    }
    // A machine that was booted anew takes it back at once.
    apply(&lab, OTHER_PATH, "1h")?;
    daemon.kill()?;
    let record = Path::new(STATE_DIR).join("unconfirmed.json");
    let text = fs::read_to_string(&record)?;
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    ensure!(text.contains(boot.trim()), "{text}");
    fs::write(&record, text.replace(boot.trim(), "00000000-0000-4000-8000-000000000000"))?;
    daemon = Daemon::spawn(&lab, edge_binary())?;
    daemon.wait_until_ready()?;
    is_as_before()?;
    // A file that somebody has edited since is theirs.
    apply(&lab, OTHER_PATH, "1s")?;
    let edited = with(contoso().key("bandwidth", "3 Gbps"));
    configure(&edited)?;
    wait(|| Ok((now()? == (BEFORE_BPS, false)).then_some(())))?;
    assert_eq!(fs::read_to_string(CONFIG_PATH)?, edited.to_string());
    let fault = status()?.config.file_fault.context("the file is another one")?;
    ensure!(fault.contains("`edge diff -c"), "{fault}");
    ensure!(metrics(&lab)?.contains("\nedge_config_saved 0\n"));
    reload()?;
    assert_eq!(now()?, (3_000_000_000, false));
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
