//! Another configuration, looked at and applied.

use std::{
    fs,
    path::Path,
    process::Output,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use edge_api::{ChangeKind, Client, ConfigChanges, ConfigThing, RevisionOrigin};
use edge_tests::{
    daemon::{
        CONFIG_PATH, Daemon, configure, detach, edge, edge_binary, reload, set_bandwidth, status,
    },
    ends::{Ends, contoso, lab},
    faults::disk::STATE_DIR,
    http::CONTROL,
    notation::frame_of,
    speaker::wait,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::{Lab, root_or_skip},
};

/// The file of the other configuration.
const OTHER_PATH: &str = "/run/edge/other.toml";

fn fabrikam() -> SampleCircuit {
    SampleCircuit::new("fabrikam", "50 Mbps").s_tag(200).peering("private", 10)
}

fn said(output: &Output) -> (Option<i32>, String) {
    let text =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    (output.status.code(), text.concat())
}

fn differences(lab: &Lab) -> Result<ConfigChanges> {
    let output = edge(lab, &["diff", "-c", OTHER_PATH, "--json"])?;
    ensure!(output.status.success(), "{output:?}");
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// The circuits that run, with their bandwidths.
fn running() -> Result<Vec<(String, u64)>> {
    Ok(status()?.circuits.into_iter().map(|it| (it.name, it.bandwidth_bps)).collect())
}

#[test]
fn a_difference_is_shown_with_its_traffic_and_applied_as_a_whole() -> Result<()> {
    if !root_or_skip("a_difference_is_shown_with_its_traffic_and_applied_as_a_whole") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let before = Sample::lab().circuit(contoso()).circuit(fabrikam());
    let daemon = Daemon::start(&lab, &before)?;
    let ends = Ends::open(&lab)?;
    let file = fs::read_to_string(CONFIG_PATH)?;
    let runs = running()?;
    let after = Sample::lab().circuit(contoso().key("bandwidth", "2 Gbps"));
    fs::write(OTHER_PATH, after.to_string())?;

    let sent = frame_of("88a8:200 8100:10 ipv4")?;
    let is_over = AtomicBool::new(false);
    let looked = thread::scope(|scope| -> Result<_> {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) && ends.customer.0.send(&sent).is_ok() {
                thread::sleep(Duration::from_millis(1));
            }
        });
        let looked = (|| {
            let changes = differences(&lab)?;
            let refused = said(&edge(&lab, &["apply", "-c", OTHER_PATH])?);
            Ok::<_, anyhow::Error>((changes, refused))
        })();
        is_over.store(true, Ordering::Relaxed);
        looked
    });
    let (changes, refused) = looked?;
    let of = |name: &str| changes.changes.iter().find(|it| it.name == name).context("a change");
    let gone = of("fabrikam")?;
    assert_eq!((gone.thing, gone.change), (ConfigThing::Circuit, ChangeKind::Removed));
    let traffic = gone.traffic.context("traffic")?;
    ensure!(gone.ends_traffic() && traffic.bits_per_s > 8 * 60 * traffic.frames_per_s, "{gone:?}");
    assert_eq!(of("fabrikam/private")?.traffic, gone.traffic);
    let more = of("contoso")?;
    assert_eq!((more.change, more.values[0].key.as_str()), (ChangeKind::Changed, "bandwidth"));
    ensure!(more.traffic.is_some_and(edge_api::TrafficNow::is_none), "{more:?}");
    assert_eq!((changes.changes.len(), &changes.refused), (3, &None));

    // Nobody is there to say yes to the end of traffic.
    assert_eq!(refused.0, Some(2), "{refused:?}");
    ensure!(refused.1.contains("traffic would end") && refused.1.contains("--yes"), "{refused:?}");
    assert_eq!((running()?, fs::read_to_string(CONFIG_PATH)?), (runs, file));

    let applied = said(&edge(&lab, &["apply", "-c", OTHER_PATH, "--yes"])?);
    assert_eq!(applied.0, Some(0), "{applied:?}");
    ensure!(applied.1.contains("- circuit fabrikam: removed"), "{applied:?}");
    ensure!(applied.1.contains(&format!("saved to {CONFIG_PATH}")), "{applied:?}");
    assert_eq!(running()?, [("contoso".to_owned(), 2_000_000_000)]);
    assert_eq!(fs::read_to_string(CONFIG_PATH)?, after.to_string());
    let same = said(&edge(&lab, &["diff", "-c", OTHER_PATH])?);
    assert_eq!(same, (Some(0), "nothing is different\n".to_owned()));
    // The next start has it, too.
    daemon.stop()?;
    let daemon = Daemon::spawn(&lab, edge_binary())?;
    daemon.wait_until_ready()?;
    assert_eq!(running()?, [("contoso".to_owned(), 2_000_000_000)]);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn a_configuration_that_is_refused_changes_nothing() -> Result<()> {
    if !root_or_skip("a_configuration_that_is_refused_changes_nothing") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &Sample::lab().circuit(contoso()))?;
    let (file, runs) = (fs::read_to_string(CONFIG_PATH)?, running()?);
    let is_as_before = || -> Result<()> {
        assert_eq!((running()?, fs::read_to_string(CONFIG_PATH)?), (runs.clone(), file.clone()));
        Ok(())
    };
    let client = Client::new(CONTROL.as_ref());
    let good = Sample::lab().circuit(contoso()).circuit(fabrikam()).to_string();

    let twice = Sample::lab().circuit(contoso()).circuit(fabrikam().s_tag(100)).to_string();
    fs::write(OTHER_PATH, &twice)?;
    for verb in ["diff", "apply"] {
        let refused = said(&edge(&lab, &[verb, "-c", OTHER_PATH])?);
        ensure!(refused.0 == Some(2) && refused.1.contains("100"), "{verb}: {refused:?}");
    }
    ensure!(
        client.apply(&twice, "any", None, None).is_err_and(|error| error.is_callers()),
        "by the API"
    );
    is_as_before()?;

    // Another place for the pins.
    let elsewhere = Sample::lab().edge("pin_dir", "/sys/fs/bpf/elsewhere").circuit(contoso());
    fs::write(OTHER_PATH, elsewhere.to_string())?;
    let shown = said(&edge(&lab, &["diff", "-c", OTHER_PATH])?);
    ensure!(shown.0 == Some(0) && shown.1.contains("! this can't be applied"), "{shown:?}");
    ensure!(shown.1.contains("pin_dir"), "{shown:?}");
    let refused = said(&edge(&lab, &["apply", "-c", OTHER_PATH])?);
    ensure!(refused.0 == Some(1) && refused.1.contains("restart the daemon"), "{refused:?}");
    is_as_before()?;

    // An interface that is not there.
    let no_port = good.replace("core0\"", "core7\"");
    ensure!(
        client.apply(&no_port, &client.changes(&good)?.from, None, None).is_err(),
        "no such interface"
    );
    is_as_before()?;

    // Another configuration than the client has seen runs.
    let stale = client.apply(&good, &client.changes(&good)?.to, None, None);
    ensure!(stale.is_err_and(|error| error.to_string().contains("another configuration runs")));
    is_as_before()?;

    // The daemon's file is not where it was.
    let away = format!("{CONFIG_PATH}.away");
    fs::rename(CONFIG_PATH, &away)?;
    let seen = client.changes(&good)?.from;
    let unsaved = client.apply(&good, &seen, None, None).err().context("it was saved")?.to_string();
    ensure!(unsaved.contains("can't be saved, and nothing was changed"), "{unsaved}");
    fs::rename(&away, CONFIG_PATH)?;
    is_as_before()?;
    let applied = client.apply(&good, &seen, None, None)?;
    assert_eq!(applied.changes.changes.len(), 2, "{applied:?}");
    assert_eq!(running()?.len(), 2);

    // One that can't be kept runs all the same, and the log says so.
    let revisions = Path::new(STATE_DIR).join("revisions");
    fs::remove_dir_all(&revisions)?;
    fs::write(&revisions, "")?;
    let other = Sample::lab().circuit(contoso().key("bandwidth", "2 Gbps")).to_string();
    client.apply(&other, &client.changes(&other)?.from, None, None)?;
    assert_eq!(running()?, [("contoso".to_owned(), 2_000_000_000)]);
    ensure!(daemon.said().contains("has no place in `edge history`"), "{}", daemon.said());
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

#[test]
fn every_configuration_is_kept_and_can_come_back() -> Result<()> {
    if !root_or_skip("every_configuration_is_kept_and_can_come_back") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let first = Sample::lab().circuit(contoso());
    let daemon = Daemon::start(&lab, &first)?;
    let client = Client::new(CONTROL.as_ref());
    let bandwidths = || -> Result<Vec<u64>> { Ok(running()?.into_iter().map(|it| it.1).collect()) };

    let second = Sample::lab().circuit(contoso()).circuit(fabrikam());
    fs::write(OTHER_PATH, second.to_string())?;
    let applied = said(&edge(&lab, &["apply", "-c", OTHER_PATH, "-m", "order 4711: \u{fc}"])?);
    assert_eq!(applied.0, Some(0), "{applied:?}");
    set_bandwidth("contoso", 3_000_000_000)?;
    // It is kept after the answer.
    wait(|| Ok((client.history()?.revisions.len() == 3).then_some(())))?;
    // Nothing is different: this is no revision.
    client.apply(&second.to_string(), &client.changes(&second.to_string())?.from, None, None)?;
    configure(&second.clone().change_circuit("fabrikam", |circuit| circuit.key("enabled", false)))?;
    reload()?;
    reload()?;
    let history = client.history()?.revisions;
    let told: Vec<_> = history
        .iter()
        .map(|it| (it.revision, it.by, it.message.as_deref(), it.summary.as_str()))
        .collect();
    let rate = "contoso: 1 Gbps -> 3 Gbps, burst 3125000 -> 9375000 bytes";
    assert_eq!(
        told,
        [
            (5, RevisionOrigin::Reload, None, "1 changed"),
            (4, RevisionOrigin::Apply, None, "1 changed"),
            (3, RevisionOrigin::SetBandwidth, None, rate),
            (2, RevisionOrigin::Apply, Some("order 4711: \u{fc}"), "2 added"),
            (1, RevisionOrigin::Start, None, "a start"),
        ]
    );
    // The one who has logged in, who is root or has become it.
    ensure!(history[0].user.as_ref().is_some_and(|user| !user.is_empty()), "{history:?}");
    assert_eq!(history[4].user, None);

    let back = said(&edge(&lab, &["rollback", "3"])?);
    assert_eq!((back.0, bandwidths()?), (Some(0), vec![3_000_000_000, 50_000_000]), "{back:?}");
    ensure!(fs::read_to_string(CONFIG_PATH)?.contains("3 Gbps"), "the file has it, too");
    let back = said(&edge(&lab, &["rollback"])?);
    assert_eq!((back.0, bandwidths()?), (Some(0), vec![1_000_000_000, 50_000_000]), "{back:?}");
    ensure!(!status()?.circuits[1].enabled, "it is as in revision 5");
    let none = said(&edge(&lab, &["rollback", "99"])?);
    ensure!(none.0 == Some(2) && none.1.contains("no such revision"), "{none:?}");
    client.roll_back(Some(1))?;
    assert_eq!(bandwidths()?, [1_000_000_000]);
    let newest = client.history()?.revisions.into_iter().next().context("a revision")?;
    assert_eq!((newest.revision, newest.by), (8, RevisionOrigin::Rollback));
    assert_eq!(
        (&newest.digest, newest.message.as_deref()),
        (&history[4].digest, Some("back to revision 1"))
    );

    // A start with the same is no revision, and one with another file is.
    daemon.kill()?;
    let daemon = Daemon::spawn(&lab, edge_binary())?;
    daemon.wait_until_ready()?;
    assert_eq!(client.history()?.revisions[0], newest);
    daemon.kill()?;
    let daemon = Daemon::start(&lab, &second)?;
    let newest = client.history()?.revisions.into_iter().next().context("a revision")?;
    assert_eq!((newest.revision, newest.by), (9, RevisionOrigin::Start));
    let shown = said(&edge(&lab, &["history"])?);
    ensure!(shown.0 == Some(0) && shown.1.contains("order 4711"), "{shown:?}");
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
