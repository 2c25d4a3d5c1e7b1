//! Bandwidths that end at a time.

use std::{fs, path::Path, thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use edge_api::{Client, TimedBandwidthStatus};
use edge_tests::{
    daemon::{
        CONFIG_PATH, Daemon, book, configure, detach, edge, edge_binary, reload, set_bandwidth,
        status,
    },
    ends::{contoso, lab},
    faults::disk::STATE_DIR,
    http::{CONTROL, at_the_socket},
    speaker::wait,
};
use edge_user::{
    billing::ledger::Ledger,
    config::sample::Sample,
    lab::{Lab, root_or_skip},
};
use jiff::Timestamp;

fn config(bandwidth: &str) -> Sample {
    Sample::lab().circuit(contoso().key("bandwidth", bandwidth))
}

fn for_a_time(lab: &Lab, bandwidth: &str, arguments: &[&str]) -> Result<(Option<i32>, String)> {
    let arguments = [&["set-bandwidth", "contoso", bandwidth][..], arguments].concat();
    let output = edge(lab, &arguments)?;
    let said =
        [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text).into_owned());
    Ok((output.status.code(), said.concat()))
}

/// The bandwidth that runs, and the one that ends at a time.
fn now() -> Result<(u64, Option<TimedBandwidthStatus>)> {
    let status = status()?;
    ensure!(status.config.file_fault.is_none(), "{:?}", status.config);
    Ok((status.circuits[0].bandwidth_bps, status.config.timed_bandwidths.into_iter().next()))
}

/// Waits until no bandwidth has an end any more.
fn ended(bandwidth_bps: u64) -> Result<()> {
    wait(|| Ok((now()? == (bandwidth_bps, None)).then_some(())))?;
    ensure!(!Path::new(STATE_DIR).join("timed-bandwidths.json").exists());
    Ok(())
}

#[test]
fn a_bandwidth_for_a_time_ends_by_itself() -> Result<()> {
    if !root_or_skip("a_bandwidth_for_a_time_ends_by_itself") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let mut daemon = Daemon::start(&lab, &config("1 Gbps"))?;
    for wrong in [
        &["--for", "0s"][..],
        &["--for", "367d"],
        &["--until", "2020-01-01"],
        &["--until", "2020"],
        &["--for", "2h", "--save"],
        &["--for", "2h", "--until", "2100-01-01"],
    ] {
        let refused = for_a_time(&lab, "2 Gbps", wrong)?;
        assert_eq!(refused.0, Some(2), "{wrong:?}: {refused:?}");
    }
    assert_eq!(now()?, (1_000_000_000, None));

    let told = for_a_time(&lab, "2 Gbps", &["--for", "1h"])?;
    ensure!(
        told.0 == Some(0) && told.1.contains("1 Gbps -> 2 Gbps") && told.1.contains("until 20"),
        "{told:?}"
    );
    let (bandwidth_bps, timed) = now()?;
    let timed = timed.context("an end")?;
    assert_eq!((bandwidth_bps, timed.then_bps), (2_000_000_000, 1_000_000_000));
    let shown = edge(&lab, &["status"])?;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    ensure!(shown.contains("circuit contoso has 2 Gbps until 20"), "{shown}");
    // No file has it, so that no revision does.
    let client = Client::new(CONTROL.as_ref());
    assert_eq!(client.history()?.revisions.len(), 1);

    // A request for the same without an end that is refused changes nothing, and is no revision either.
    let stale = [("If-Match", "\"stale\"")];
    let refused = at_the_socket("PATCH /v1/circuits/contoso", &stale, r#"{"bandwidth":"2 Gbps"}"#)?;
    assert_eq!(refused.status, 412, "{refused:?}");
    // The engine does one thing after the other.
    reload()?;
    assert_eq!(client.history()?.revisions.len(), 1);

    // It holds over a reload that changes the bandwidth under it, which the difference shows, and over a kill.
    let other = config("1.5 Gbps");
    let changes = client.changes(&other.to_string())?.changes;
    assert_eq!(changes[0].values[0].after.as_deref(), Some("1.5 Gbps"), "{changes:?}");
    configure(&other)?;
    reload()?;
    daemon.kill()?;
    daemon = Daemon::spawn(&lab, edge_binary())?;
    daemon.wait_until_ready()?;
    let (bandwidth_bps, timed) = now()?;
    assert_eq!((bandwidth_bps, timed.context("an end")?.then_bps), (2_000_000_000, 1_500_000_000));
    assert_eq!(client.history()?.revisions.len(), 2);

    // Another end takes its place, and comes; meanwhile nothing else does.
    let told = for_a_time(&lab, "3 Gbps", &["--for", "2s"])?;
    assert_eq!(told.0, Some(0), "{told:?}");
    ended(1_500_000_000)?;
    let said = "the time of contoso's bandwidth is over: contoso: 3 Gbps -> 1.5 Gbps";
    wait(|| Ok(daemon.said().contains(said).then_some(())))?;
    assert_eq!(fs::read_to_string(CONFIG_PATH)?, other.to_string());

    // The end passes without a daemon.
    for_a_time(&lab, "3 Gbps", &["--for", "1s"])?;
    daemon.kill()?;
    thread::sleep(Duration::from_millis(1_100));
    daemon = Daemon::spawn(&lab, edge_binary())?;
    daemon.wait_until_ready()?;
    ended(1_500_000_000)?;

    // Another bandwidth without an end, and a configuration without the circuit, end it, too.
    for_a_time(&lab, "3 Gbps", &["--for", "1h"])?;
    set_bandwidth("contoso", 4_000_000_000)?;
    let status = status()?;
    assert_eq!(status.circuits[0].bandwidth_bps, 4_000_000_000);
    ensure!(status.config.timed_bandwidths.is_empty());
    for_a_time(&lab, "3 Gbps", &["--for", "1h"])?;
    configure(&Sample::lab().circuit(contoso().key("name", "fabrikam").key("service_key", "k")))?;
    let warnings = edge_tests::daemon::warned_reload()?;
    ensure!(
        warnings.iter().any(|it| it.contains("the timed bandwidth of contoso ends")),
        "{warnings:?}"
    );
    ended(1_000_000_000)?;
    book()?;
    daemon.stop()?;
    // Each bandwidth was booked for as long as it was there.
    let ledger = Ledger::open(Path::new(STATE_DIR))?;
    let spans = ledger.terms(Timestamp::MIN, Timestamp::MAX)?.into_iter();
    let spans = spans.filter(|span| span.terms.circuit == "contoso");
    let mut rates: Vec<u64> = spans.map(|span| span.terms.bandwidth_bps / 1_000_000).collect();
    rates.dedup();
    assert_eq!(rates, [1_000, 2_000, 3_000, 1_500, 3_000, 1_500, 3_000, 4_000, 3_000]);
    detach(&lab)?;
    Ok(())
}
