//! Readers, changes and the end of a daemon do not wait for each other.

use std::{thread, time::Duration};

use anyhow::Result;
use edge_tests::{
    daemon::{Daemon, book, configure, detach, reload, status},
    ends::lab,
    faults::disk::STATE_DIR,
    http::at_the_socket,
};
use edge_user::{
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
};
use nix::sys::signal::{Signal, kill};
use rusqlite::Connection;

/// With both ports, 600 slots; there is room for 1,200.
const CIRCUITS: usize = 300;

/// Every round has other owners in every slot.
fn config(round: usize) -> Sample {
    Sample::lab().circuits((1..=CIRCUITS).map(|number| {
        let name = format!("circuit-{round}-{number:03}");
        SampleCircuit::new(name, "10 Gbps").s_tag(number).peering("private", 10)
    }))
}

#[test]
fn a_reload_that_waits_for_the_ledger_holds_up_neither_readers_nor_the_end() -> Result<()> {
    if !root_or_skip("a_reload_that_waits_for_the_ledger_holds_up_neither_readers_nor_the_end") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config(0))?;
    // From now on every slot has had an owner: the next ones wait for the counters to be booked.
    configure(&config(1))?;
    reload()?;
    book()?;
    let holder = Connection::open(format!("{STATE_DIR}/ledger.db"))?;
    holder.execute_batch("BEGIN EXCLUSIVE")?;
    configure(&config(2))?;
    let reloading = thread::spawn(|| at_the_socket("POST /v1/config/reload", &[], ""));
    thread::sleep(Duration::from_millis(500));
    for _ in 0..3 {
        let circuits = status()?.circuits;
        assert_eq!((circuits[6].name.as_str(), circuits.len()), ("circuit-1-007", CIRCUITS));
        assert!(!reloading.is_finished(), "it does not wait: {:?}", reloading.join());
    }
    assert_eq!(at_the_socket("GET /v1/circuits/circuit-1-007", &[], "")?.status, 200);
    assert!(!reloading.is_finished());

    kill(daemon.pid()?, Signal::SIGTERM)?;
    let refused = reloading.join().expect("no panic")?;
    assert_eq!(refused.status, 503, "{refused:?}");
    assert!(refused.body.contains("nothing was changed"), "{refused:?}");
    drop(holder);
    daemon.stop()?;
    // The next start finds everything as it was.
    let daemon = Daemon::start(&lab, &config(1))?;
    assert_eq!(status()?.circuits.len(), CIRCUITS);
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}
