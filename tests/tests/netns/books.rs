//! From the meters to the ledger, with a real daemon: every count is booked once, and under its
//! owner, through faults of the daemon, the configuration and the disk.

use std::{
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::LedgerState;
use edge_tests::{
    books::{self, Edge, STATE_DIR, config, of_ledger, of_status},
    daemon::{book, configure, detach, edge_binary, reload, set_bandwidth, status},
    notation::frame_of,
};
use edge_user::{
    billing::ledger::{self, Ledger, UsageQuery, UsageRecord},
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
};
use jiff::Timestamp;
use nix::mount::{MntFlags, MsFlags, mount, umount2};

/// Longest time for the daemon to notice what happened to its ledger.
const NOTICED: Duration = Duration::from_secs(15);
const WAIT: Duration = Duration::from_secs(5);

#[test]
fn the_ledger_has_what_status_counts() -> Result<()> {
    if !root_or_skip("the_ledger_has_what_status_counts") {
        return Ok(());
    }
    let mut edge = Edge::start(&config())?;
    edge.send(5)?;
    book()?;
    assert_eq!(of_ledger(&edge.check()?), of_status(&status()?));

    // A daemon that ends books before.
    edge.send(3)?;
    let counted = of_status(&status()?);
    edge.daemon()?.stop()?;
    assert_eq!(of_ledger(&edge.check()?), counted);

    // The next daemon books what passes without one, and what one that was killed had no time for.
    edge.send(2)?;
    edge.restart(&config())?;
    edge.send(4)?;
    edge.daemon()?.kill()?;
    edge.send(1)?;
    edge.restart(&config())?;
    book()?;
    assert_eq!(of_ledger(&edge.check()?), of_status(&status()?));

    let records = edge.check()?;
    for record in &records {
        let billed = record.circuit == "contoso" && record.direction == "outbound";
        assert_eq!(record.billed_bytes, if billed { record.bytes } else { 0 }, "{record:?}");
    }
    edge.daemon()?.stop()?;
    detach(&edge.lab)?;
    edge.check().map(drop)
}

#[test]
fn usage_stays_where_it_belongs() -> Result<()> {
    if !root_or_skip("usage_stays_where_it_belongs") {
        return Ok(());
    }
    let mut edge = Edge::start(&config())?;
    edge.send(1)?;
    let contoso =
        |change: fn(SampleCircuit) -> SampleCircuit| config().change_circuit("contoso", change);
    let fabrikam =
        |change: fn(SampleCircuit) -> SampleCircuit| config().change_circuit("fabrikam", change);
    let changes = [
        // Made unlimited, and metered again.
        (contoso(|own| own.key("billing", "unlimited")), "unlimited"),
        (config(), "as it was"),
        (contoso(|own| own.key("name", "contoso-2")), "renamed"),
        (fabrikam(|own| own.key("service_key", "f-2")), "another service key"),
        (config().edge("name", "lab-2"), "another edge"),
        (config().change_port("core0", |core| core.key("link", "secondary")), "another link"),
        (contoso(|own| own.key("accounting", "l1")), "another accounting"),
        (fabrikam(|own| own.of_peering("private", "kind", "public")), "a peering"),
    ];
    for (config, what) in changes {
        configure(&config)?;
        reload().context(what)?;
        edge.send(1)?;
    }
    // A circuit that goes, is nobody's for a while, and comes back.
    configure(&Sample::lab().circuit(books::contoso()))?;
    reload()?;
    configure(&config())?;
    reload()?;
    edge.send(1)?;
    book()?;

    let records = Ledger::open_read_only(Path::new(STATE_DIR))?.usage(&UsageQuery::default())?;
    // Frames of a round: four each way, ten rounds.
    let frames = |wanted: &dyn Fn(&UsageRecord) -> bool| -> u64 {
        records.iter().filter(|record| wanted(record)).map(|record| record.frames).sum()
    };
    assert_eq!(frames(&|_| true), 10 * 8);
    let contoso = |record: &UsageRecord| record.circuit == "contoso";
    assert_eq!(frames(&|r| contoso(r) && r.billing == "unlimited"), 6);
    assert_eq!(frames(&|r| r.circuit == "contoso-2"), 6);
    assert_eq!(frames(&|r| r.service_key.as_deref() == Some("f-2")), 2);
    assert_eq!(frames(&|r| r.edge == "lab-2"), 8);
    assert_eq!(frames(&|r| r.link == "secondary"), 4);
    assert_eq!(frames(&|r| contoso(r) && r.accounting == "l1"), 6);
    assert_eq!(frames(&|r| r.circuit == "fabrikam" && r.peering == "public"), 2);
    let l1_bytes: u64 =
        records.iter().filter(|r| r.accounting == "l1").map(|record| record.bytes).sum();
    assert_eq!(l1_bytes, 2 * (222 + 1022 + 82 + 3 * 24));
    let billed: u64 = records.iter().map(|record| record.billed_bytes).sum();
    // Outbound of contoso in nine rounds, of which one by L1.
    assert_eq!(billed, 9 * (222 + 1022 + 82) + 3 * 24);

    let counted: u64 = of_status(&status()?).values().sum();
    let of_present: u64 = records
        .iter()
        .filter(|r| r.circuit != "contoso-2" && r.link == "primary" && r.peering != "public")
        .map(|record| record.bytes)
        .sum();
    assert_eq!(counted, of_present, "status has what the circuits of now have counted");
    edge.daemon()?.stop()?;
    detach(&edge.lab)?;
    Ok(())
}

/// Waits until the daemon says that of its ledger.
fn wait_for(wanted: LedgerState) -> Result<String> {
    let deadline = Instant::now() + NOTICED;
    loop {
        let ledger = status()?.ledger;
        if ledger.state == wanted {
            return Ok(ledger.error.unwrap_or_default());
        }
        ensure!(Instant::now() < deadline, "the ledger is {ledger:?}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_ledger_that_fails_costs_nothing_once_it_is_repaired() -> Result<()> {
    if !root_or_skip("a_ledger_that_fails_costs_nothing_once_it_is_repaired") {
        return Ok(());
    }
    let mut edge = Edge::start(&config())?;
    edge.send(1)?;
    book()?;
    edge.check()?;

    // Read-only, as a file system is after an error of its disk: one that hides the ledger.
    let none: Option<&str> = None;
    mount(Some("tmpfs"), STATE_DIR, Some("tmpfs"), MsFlags::MS_RDONLY, none)?;
    edge.send(2)?;
    let error = wait_for(LedgerState::Failing)?;
    ensure!(error.contains("Read-only"), "{error}");
    let binary = edge_binary().to_str().context("a path")?;
    let said = edge.lab.edge().output(binary, &["status"])?;
    ensure!(said.contains("! usage is not booked: "), "{said}");
    // Also while the daemon changes.
    edge.daemon()?.kill()?;
    edge.restart(&config())?;
    edge.send(1)?;
    umount2(STATE_DIR, MntFlags::MNT_DETACH)?;
    wait_for(LedgerState::Ok)?;
    edge.check()?;

    // Full.
    mount(Some("tmpfs"), STATE_DIR, Some("tmpfs"), MsFlags::empty(), Some("size=1m"))?;
    fs::write(format!("{STATE_DIR}/filler"), vec![0; 2 << 20]).expect_err("it fills up");
    edge.send(2)?;
    let error = wait_for(LedgerState::Failing)?;
    ensure!(error.contains("room") || error.contains("space"), "{error}");
    umount2(STATE_DIR, MntFlags::MNT_DETACH)?;
    wait_for(LedgerState::Ok)?;
    edge.check()?;

    // Damaged, and replaced by a backup.
    let backup = tempfile::tempdir()?;
    let copy = backup.path().join("ledger.db");
    Ledger::open_read_only(Path::new(STATE_DIR))?.backup(&copy)?;
    edge.send(1)?;
    book()?;
    let path = format!("{STATE_DIR}/ledger.db");
    edge.daemon()?.stop()?;
    fs::write(&path, vec![0x5a; 64 << 10])?;
    edge.restart(&config())?;
    edge.send(1)?;
    let error = wait_for(LedgerState::Failing)?;
    ensure!(error.contains("damaged") && error.contains("edge ledger restore"), "{error}");
    edge.daemon()?.kill()?;
    let copy = copy.to_str().context("a path")?;
    edge.lab.edge().output(binary, &["ledger", "restore", copy, "--state-dir", STATE_DIR])?;
    edge.restart(&config())?;
    edge.send(1)?;
    book()?;
    edge.check()?;

    // Gone: what the meters know is booked anew.
    let id = Ledger::open_read_only(Path::new(STATE_DIR))?.id();
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        let _not_there = fs::remove_file(format!("{STATE_DIR}/{name}"));
    }
    edge.send(1)?;
    book()?;
    edge.check()?;
    assert_ne!(Ledger::open_read_only(Path::new(STATE_DIR))?.id(), id);
    edge.daemon()?.stop()?;
    detach(&edge.lab)?;
    Ok(())
}

/// Two daemons with one `state_dir`, as where both have the default one.
#[test]
fn who_comes_second_books_and_says_so() -> Result<()> {
    if !root_or_skip("who_comes_second_books_and_says_so") {
        return Ok(());
    }
    let mut edge = Edge::start(&config())?;
    edge.send(1)?;
    edge.daemon()?.kill()?;
    let first = ledger::lock(Path::new(STATE_DIR))?;
    edge.restart(&config())?;
    edge.send(2)?;
    book()?;
    edge.check()?;
    let notice = status()?.ledger.notice.context("a notice")?;
    ensure!(notice.contains("state_dir"), "{notice}");
    drop(first);
    book()?;
    assert_eq!(status()?.ledger.notice, None);
    edge.check()?;
    edge.daemon()?.stop()?;
    detach(&edge.lab)?;
    Ok(())
}

/// A circuit's bandwidth and since when, in order of time.
fn sold(circuit: &str) -> Result<Vec<(u64, Timestamp)>> {
    let ledger = Ledger::open_read_only(Path::new(STATE_DIR))?;
    let spans = ledger.terms(Timestamp::MIN, Timestamp::MAX)?.into_iter();
    let spans = spans.filter(|span| span.terms.circuit == circuit);
    Ok(spans.map(|span| (span.terms.bandwidth_bps, span.from)).collect())
}

/// A change has the time when it was made, not the time when it could be written.
#[test]
fn terms_outlive_a_daemon_that_could_not_book_them() -> Result<()> {
    const G: u64 = 1_000_000_000;
    if !root_or_skip("terms_outlive_a_daemon_that_could_not_book_them") {
        return Ok(());
    }
    let mut edge = Edge::start(&config())?;
    edge.send(1)?;
    book()?;
    let holder = rusqlite::Connection::open(format!("{STATE_DIR}/ledger.db"))?;
    holder.execute_batch("BEGIN EXCLUSIVE")?;
    configure(&config().change_circuit("fabrikam", |own| own.key("name", "fabrikam-2")))?;
    reload()?;
    set_bandwidth("contoso", 2 * G)?;
    let changed = Timestamp::now();
    edge.daemon()?.kill()?;
    holder.execute_batch("ROLLBACK")?;
    drop(holder);
    edge.restart(&config())?;
    book()?;
    let told = sold("contoso")?;
    ensure!(
        matches!(told[..], [(G, _), (other, at), (G, after)]
            if other == 2 * G && at <= changed && after > changed),
        "{told:?}"
    );
    ensure!(sold("fabrikam-2")?[0].1 <= changed);
    edge.check()?;
    edge.daemon()?.stop()?;
    detach(&edge.lab)?;
    Ok(())
}

/// Circuits whose names tell the round.
fn many(round: usize) -> Sample {
    let circuits = (1..=300u16).map(|tag| {
        let circuit = SampleCircuit::new(format!("c{round}-{tag}"), "50 Mbps").s_tag(1000 + tag);
        circuit.peering("private", 7)
    });
    Sample::lab().ledger("checkpoint", "1s").circuits(circuits)
}

#[test]
fn counters_that_are_not_booked_keep_their_place() -> Result<()> {
    if !root_or_skip("counters_that_are_not_booked_keep_their_place") {
        return Ok(());
    }
    let mut edge = Edge::start(&many(0))?;
    let sent = frame_of("8100:1007 8100:7 ipv4")?;
    let mut round = 0;
    let mut next = |edge: &Edge| -> Result<()> {
        edge.ends.customer.0.send(&sent)?;
        ensure!(edge.ends.core.1.collect(1, WAIT)?.len() == 1, "it arrives");
        round += 1;
        configure(&many(round))?;
        reload()
    };
    let none: Option<&str> = None;
    mount(Some("tmpfs"), STATE_DIR, Some("tmpfs"), MsFlags::MS_RDONLY, none)?;
    wait_for(LedgerState::Failing)?;
    // 600 places a round, of 1,200: the second one turns to other tables.
    next(&edge)?;
    next(&edge)?;
    umount2(STATE_DIR, MntFlags::MNT_DETACH)?;
    reload()?;
    book()?;
    let records = Ledger::open_read_only(Path::new(STATE_DIR))?.usage(&UsageQuery::default())?;
    let by_circuit: Vec<(&str, u64)> =
        records.iter().map(|record| (record.circuit.as_str(), record.frames)).collect();
    assert_eq!(by_circuit, [("c0-7", 1), ("c1-7", 1)]);
    assert_eq!(Ledger::open_read_only(Path::new(STATE_DIR))?.check()?, Vec::<String>::new());
    edge.daemon()?.stop()?;
    detach(&edge.lab)?;
    Ok(())
}
