//! Another configuration, looked at and applied.

use std::{
    fs,
    process::Output,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use edge_api::{ChangeKind, Client, ConfigChanges, ConfigThing};
use edge_tests::{
    daemon::{CONFIG_PATH, Daemon, detach, edge, status},
    ends::{Ends, contoso, lab},
    http::CONTROL,
    notation::frame_of,
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
    let daemon = Daemon::spawn(&lab, edge_tests::daemon::edge_binary())?;
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
    ensure!(client.apply(&twice, "any").is_err_and(|error| error.is_callers()), "by the API");
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
    ensure!(client.apply(&no_port, &client.changes(&good)?.from).is_err(), "no such interface");
    is_as_before()?;

    // Another configuration than the client has seen runs.
    let stale = client.apply(&good, &client.changes(&good)?.to);
    ensure!(stale.is_err_and(|error| error.to_string().contains("another configuration runs")));
    is_as_before()?;

    // The daemon's file is not where it was.
    let away = format!("{CONFIG_PATH}.away");
    fs::rename(CONFIG_PATH, &away)?;
    let seen = client.changes(&good)?.from;
    let unsaved = client.apply(&good, &seen).err().context("it was saved")?.to_string();
    ensure!(unsaved.contains("can't be saved, and nothing was changed"), "{unsaved}");
    fs::rename(&away, CONFIG_PATH)?;
    is_as_before()?;
    let applied = client.apply(&good, &seen)?;
    assert_eq!(applied.changes.changes.len(), 2, "{applied:?}");
    assert_eq!(running()?.len(), 2);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
