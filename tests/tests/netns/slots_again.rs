//! Slots in the tables that one owner after another gets: each owner is billed for its own usage,
//! although the counters of the last one had to make room.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use anyhow::Result;
use edge_tests::{
    daemon::{Daemon, book, configure, detach, reload},
    ends::{Ends, lab},
    faults::disk::STATE_DIR,
    notation::frame_of,
};
use edge_user::{
    billing::ledger::{Grain, Ledger, UsageQuery},
    config::sample::{Sample, SampleCircuit},
    lab::root_or_skip,
};

/// With both ports, 800 places; there is room for 2,047.
const CIRCUITS: usize = 400;
const ROUNDS: usize = 9;
const WAIT: Duration = Duration::from_secs(5);

#[test]
fn a_place_that_is_used_again_bills_nobody_for_another() -> Result<()> {
    if !root_or_skip("a_place_that_is_used_again_bills_nobody_for_another") {
        return Ok(());
    }
    let lab = lab(1600)?;
    let daemon = Daemon::start(&lab, &config(0))?;
    let ends = Ends::open(&lab)?;
    let is_over = AtomicBool::new(false);
    let sent = frame_of("88a8:4000 8100:10 ipv4")?;
    thread::scope(|scope| -> Result<()> {
        let sender = scope.spawn(|| -> Result<()> {
            while !is_over.load(Ordering::Relaxed) {
                ends.customer.0.send(&sent)?;
                thread::sleep(Duration::from_micros(200));
            }
            Ok(())
        });
        let booker = scope.spawn(|| -> Result<()> {
            while !is_over.load(Ordering::Relaxed) {
                book()?;
            }
            Ok(())
        });
        let reloaded = (1..ROUNDS).try_for_each(|round| {
            configure(&config(round))?;
            reload()
        });
        is_over.store(true, Ordering::Relaxed);
        for thread in [sender, booker] {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        }
        reloaded
    })?;
    assert!(lab.settle(WAIT)?);
    book()?;

    let query = UsageQuery { grain: Grain::Total, ..UsageQuery::default() };
    let usage = Ledger::open_read_only(Path::new(STATE_DIR))?.usage(&query)?;
    let mut by_owner: BTreeMap<(String, String), u64> = BTreeMap::new();
    for record in &usage {
        let owner = (record.edge.clone(), record.circuit.clone());
        *by_owner.entry(owner).or_default() += record.frames;
    }
    // One circuit a round has had the frames, and nobody else.
    let owners: Vec<_> = by_owner.keys().cloned().collect();
    let expected: Vec<_> = (0..ROUNDS).map(|round| (edge(round), busy(round))).collect();
    let mut expected_in_order = expected.clone();
    expected_in_order.sort();
    assert_eq!(owners, expected_in_order);
    let wire = lab.far_end("core0")?.received()?.tagged(4000, 10);
    let frames: u64 = usage.iter().map(|record| record.frames).sum();
    let bytes: u64 = usage.iter().map(|record| record.bytes).sum();
    assert_eq!((frames, bytes), (wire.frames, wire.bytes), "{by_owner:?}");
    daemon.stop()?;
    detach(&lab)?;
    Ok(())
}

/// Every round has other owners in every place: another edge, and another circuit with the frames.
fn config(round: usize) -> Sample {
    let circuits = (0..CIRCUITS).map(|number| {
        let name = name(number);
        let s_tag = if name == busy(round) { 4000 } else { number + 1 };
        SampleCircuit::new(name, "10 Gbps").s_tag(s_tag).peering("private", 10)
    });
    Sample::lab().edge("name", edge(round)).circuits(circuits)
}

fn edge(round: usize) -> String {
    format!("edge-{round:02}")
}

fn busy(round: usize) -> String {
    name((round * 37 + 5) % CIRCUITS)
}

fn name(number: usize) -> String {
    format!("circuit-{number:03}")
}
