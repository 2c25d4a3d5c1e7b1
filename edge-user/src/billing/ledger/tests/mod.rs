//! The ledger as the daemon sees it.

mod booking;
mod clocks;
mod dropping;
mod exporting;
mod failing;
mod journal;
mod keeping;
mod links;
mod looking;
mod model;
mod opening;
mod restoring;
mod selling;
mod terms;
mod watermarks;

use std::{path::PathBuf, time::Duration};

use edge_common::Reason;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;
use crate::{
    model::{Accounting, Billing, Direction, Link, PeeringKind},
    time::Moment,
};

const HOUR: Duration = Duration::from_hours(1);
const HOURLY: Policy = Policy { period: HOUR, gap: Duration::from_mins(10) };

/// A ledger in a directory of its own.
struct Place {
    directory: TempDir,
    ledger: Ledger,
}

impl Place {
    fn new() -> Self {
        let directory = TempDir::new().unwrap();
        let ledger = Ledger::open(directory.path()).unwrap();
        Self { directory, ledger }
    }

    fn database(&self) -> PathBuf {
        self.directory.path().join("ledger.db")
    }

    fn book(&mut self, reading: &Reading) -> BookedReading {
        let booked = self.ledger.book(reading, &HOURLY).unwrap();
        assert_eq!(self.ledger.check().unwrap(), [""; 0]);
        booked
    }

    /// Time passes, with a reading every hour, until `wall`.
    fn pass(&mut self, wall: Timestamp) {
        let boot = boots::find(&self.ledger.connection, Uuid::from_u128(7)).unwrap();
        let mut boot_us = boot.map_or(0, |boot| boot.belief.read_us);
        let last = moment(wall);
        while boot_us < last.boot_us {
            boot_us = (boot_us + 3_600_000_000).min(last.boot_us);
            let before_s = (last.boot_us - boot_us) / 1_000_000;
            let moment = Moment { boot_us, wall: later(wall, -before_s), ..last };
            self.ledger.observe(&moment).unwrap();
        }
    }

    /// With a clock that is believed for good.
    fn settled() -> Self {
        let mut place = Self::new();
        place.ledger.observe(&moment(at("09:00:00"))).unwrap();
        place.ledger.observe(&moment(at("09:30:00"))).unwrap();
        place
    }

    /// Start, bytes and whether it is estimated, of each record.
    fn usage(&self, grain: Grain) -> Vec<(String, u64, bool)> {
        let query = UsageQuery { grain, ..UsageQuery::default() };
        let records = self.ledger.usage(&query).unwrap();
        let told = |r: UsageRecord| (r.start.to_string(), r.bytes, r.estimated);
        records.into_iter().map(told).collect()
    }
}

/// A moment of the first of January 2026.
fn at(clock: &str) -> Timestamp {
    time(&format!("2026-01-01T{clock}Z"))
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn later(time: Timestamp, seconds: i64) -> Timestamp {
    time.saturating_add(SignedDuration::from_secs(seconds)).unwrap()
}

/// By a clock that was always right and is known to be, of a boot at the beginning of 2025.
fn moment(wall: Timestamp) -> Moment {
    let boot_us = wall.as_microsecond() - time("2025-01-01T00:00:00Z").as_microsecond();
    Moment { wall, boot_id: Uuid::from_u128(7), boot_us, is_synchronized: true }
}

/// One of many owners.
fn owner(number: u32) -> Owner {
    Owner {
        edge: "edge-1".to_owned(),
        circuit: format!("circuit-{}", number / 2),
        service_key: (!number.is_multiple_of(3)).then(|| format!("key-{number}")),
        peering: PeeringKind::ALL[number as usize % 3],
        link: Link::ALL[number as usize / 2 % 2],
        direction: Direction::ALL[number as usize % 2],
        billing: Billing::ALL[number as usize / 3 % 2],
        accounting: Accounting::ALL[number as usize % 4],
    }
}

/// An epoch made at 10:00.
fn epoch(number: u128) -> EpochInfo {
    EpochInfo {
        id: Uuid::from_u128(number),
        boot_id: Uuid::from_u128(7),
        pin_dir: PathBuf::from("/sys/fs/bpf/edge"),
        layout_version: 1,
        created: at("10:00:00"),
    }
}

fn class(name: &str, frames: u64, bytes: u64) -> ClassReading {
    ClassReading { class: name.to_owned(), frames, bytes }
}

fn dropped(reason: Reason, class: Option<&str>, frames: u64) -> DropReading {
    DropReading { reason, class: class.map(str::to_owned), frames, bytes: 100 * frames }
}

fn slot(slot: u32, generation: u64, classes: Vec<ClassReading>) -> SlotReading {
    SlotReading { slot, generation, owner: owner(slot), classes, drops: Vec::new() }
}

/// Of epoch 1 and one slot, whose frames are of 100 bytes.
fn reading(taken: Timestamp, bytes: u64) -> Reading {
    let slots = vec![slot(1, 1, vec![class("default", bytes / 100, bytes)])];
    Reading { epoch: epoch(1), taken: moment(taken), slots, is_final: false }
}

fn row(start: &str, bytes: u64, is_estimated: bool) -> (String, u64, bool) {
    (at(start).to_string(), bytes, is_estimated)
}
