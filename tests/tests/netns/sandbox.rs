//! The sandbox that a daemon gives itself.

use std::{fs, os::unix::fs::symlink, path::Path};

use anyhow::{Context as _, Result, ensure};
use edge_api::ExportStatus;
use edge_tests::{
    books::STATE_DIR,
    daemon::{Daemon, book, configure, detach, edge, edge_binary, status},
    ends::{Ends, contoso, lab},
    notation::frame_of,
    speaker::wait,
};
use edge_user::{
    billing::ledger::Ledger,
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, root_or_skip},
    time,
};
use jiff::SignedDuration;
use tempfile::TempDir;

fn config(archive: &Path) -> Sample {
    let export = format!("[[export]]\nname = \"archive\"\ndir = \"{}\"\n", archive.display());
    Sample::lab().circuit(contoso()).ledger("checkpoint", "1s").tables(&export)
}

fn export() -> Result<ExportStatus> {
    status()?.ledger.exports.pop().context("an export")
}

/// Each thread has been told to gain no rights, which is a part of entering a sandbox.
fn ensure_of_each_thread(daemon: &Daemon) -> Result<()> {
    for task in fs::read_dir(format!("/proc/{}/task", daemon.pid()?))? {
        let told = fs::read_to_string(task?.path().join("status"))?;
        ensure!(told.lines().any(|line| line == "NoNewPrivs:\t1"), "{told}");
    }
    Ok(())
}

/// Has the ledger close what was booked, so that there is a file to export.
fn seal(lab: &Lab) -> Result<()> {
    let ends = Ends::open(lab)?;
    ends.customer.0.send(&frame_of("8100:100 8100:10 ipv4")?)?;
    wait(|| {
        let total = &status()?.circuits[0].peerings[0].total;
        Ok((total.forwarded_frames > 0).then_some(()))
    })
    .context("a frame")?;
    book()?;
    let until = time::wall() + SignedDuration::from_hours(24);
    ensure!(Ledger::open(Path::new(STATE_DIR))?.seal(until)? > 0, "nothing to export");
    // A booking has the export look for it.
    book()
}

fn is_empty(directory: &Path) -> Result<bool> {
    Ok(fs::read_dir(directory)?.next().is_none())
}

#[test]
fn a_daemon_writes_only_below_the_directories_that_it_was_started_with() -> Result<()> {
    if !root_or_skip("a_daemon_writes_only_below_the_directories_that_it_was_started_with") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let (own, elsewhere) = (TempDir::new_in("/run")?, TempDir::new_in("/run")?);
    let [archive, other] = [own.path(), elsewhere.path()].map(|path| path.join("archive"));
    let here = config(&archive);
    configure(&here)?;
    let daemon = Daemon::spawn_with(lab.edge().command(edge_binary()), &["--sandbox"])?;
    daemon.wait_until_ready()?;
    if daemon.said().contains("no Landlock") {
        eprintln!("skipped: this kernel has no Landlock");
        return Ok(());
    }
    ensure!(
        daemon.said().contains("sandbox (Landlock): edge writes only below"),
        "{}",
        daemon.said()
    );
    ensure_of_each_thread(&daemon)?;

    // A configuration that needs more is refused before anything is changed, and another one is not.
    let routed = here.clone().routing("daemon", "none").routing("asn", 12076);
    for (wanted, why) in [
        (config(&other), "export archive would write to "),
        (routed, "circuits are routed from now on"),
    ] {
        configure(&wanted)?;
        let refused = edge(&lab, &["reload"])?;
        let told = String::from_utf8_lossy(&refused.stderr).into_owned();
        ensure!(!refused.status.success() && told.contains(why), "{refused:?}");
        ensure!(told.contains("nothing was changed; restart the daemon"), "{told}");
    }
    configure(
        &here
            .clone()
            .circuit(SampleCircuit::new("fabrikam", "1 Gbps").s_tag(200).peering("private", 10)),
    )?;
    let reloaded = edge(&lab, &["reload"])?;
    ensure!(reloaded.status.success(), "{reloaded:?}");

    // A way out of its directories leads nowhere.
    fs::create_dir(&other)?;
    fs::remove_dir(&archive)?;
    symlink(&other, &archive)?;
    seal(&lab)?;
    let error = wait(|| Ok(export()?.last_error)).with_context(|| daemon.said())?;
    ensure!(error.contains("ermission denied") && is_empty(&other)?, "{error}");
    fs::remove_file(&archive)?;
    fs::create_dir(&archive)?;
    book()?;
    wait(|| Ok((!is_empty(&archive)?).then_some(()))).with_context(|| daemon.said())?;
    ensure_of_each_thread(&daemon)?;
    drop(daemon);

    let daemon = Daemon::start(&lab, &here)?;
    ensure!(!daemon.said().contains("sandbox"), "{}", daemon.said());
    configure(&config(&other))?;
    ensure!(edge(&lab, &["reload"])?.status.success(), "{}", daemon.said());
    drop(daemon);
    detach(&lab).map(drop)
}
