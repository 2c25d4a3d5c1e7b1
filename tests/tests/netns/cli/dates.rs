//! Commands that go by today's date take it from the ledger, which may know better than the clock.

use std::{path::PathBuf, process::Command, time::Duration};

use anyhow::Result;
use edge_tests::daemon::edge_binary;
use edge_user::{
    billing::ledger::{ClassReading, EpochInfo, Ledger, Owner, Policy, Reading, SlotReading},
    model::{Accounting, Billing, Direction, Link, PeeringKind},
    time::{self, Moment},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::told;

const BYTES: u64 = 3_750_000;

/// A reading `before` the present moment, as of a boot whose clock says that this is `date`.
fn reading(now: &Moment, date: Timestamp, before: SignedDuration, bytes: u64) -> Reading {
    let boot_us = now.boot_us - i64::try_from(before.as_micros()).expect("less than an age");
    let taken = Moment { wall: date - before, boot_us, ..*now };
    let slot = SlotReading {
        slot: 1,
        generation: 1,
        owner: Owner {
            edge: "lab".to_owned(),
            circuit: "contoso".to_owned(),
            service_key: None,
            peering: PeeringKind::Private,
            link: Link::Primary,
            direction: Direction::Outbound,
            billing: Billing::Metered,
            accounting: Accounting::L2,
        },
        classes: vec![ClassReading { class: "default".to_owned(), frames: bytes / 1000, bytes }],
        drops: Vec::new(),
    };
    Reading {
        epoch: EpochInfo {
            id: now.boot_id,
            boot_id: now.boot_id,
            pin_dir: PathBuf::from("/nowhere"),
            layout_version: 1,
            created: date - before,
        },
        taken,
        slots: vec![slot],
        is_final: bytes > 0,
    }
}

#[test]
fn the_month_of_a_percentile_is_that_of_the_ledgers_date() -> Result<()> {
    let directory = TempDir::new()?;
    let mut ledger = Ledger::open(directory.path())?;
    // Another month than the clock's, half a minute after a sample of five minutes is over.
    let (now, date) = (time::now()?, "2026-03-15T12:05:30Z".parse()?);
    let policy = Policy { period: Duration::from_hours(1), gap: Duration::from_mins(10) };
    for (before_s, bytes) in [(120, 0), (60, BYTES)] {
        let before = SignedDuration::from_secs(before_s);
        ledger.book(&reading(&now, date, before, bytes), &policy)?;
    }
    drop(ledger);
    let mut edge = Command::new(edge_binary());
    let output = edge
        .args(["usage", "--p95", "--format", "json", "--state-dir"])
        .arg(directory.path())
        .output()?;
    let (code, out, err) = told(&output);
    assert_eq!(code, 0, "{out}{err}");
    let percentiles = &serde_json::from_str::<Value>(&out)?["percentiles"];
    let outbound = percentiles
        .as_array()
        .and_then(|all| all.iter().find(|percentile| percentile["direction"] == json!("outbound")));
    let outbound = outbound.unwrap_or(&Value::Null);
    assert_eq!(outbound["start"], json!("2026-03-15T12:00:00Z"), "{out}{err}");
    assert_eq!(outbound["p95_bps"], json!(BYTES * 8 / 300), "{out}{err}");
    Ok(())
}
