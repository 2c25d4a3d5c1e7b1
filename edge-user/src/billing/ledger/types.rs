//! Types of the ledger's input and output.

use std::time::Duration;

pub use edge_api::UsageRecord;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    model::{Direction, Link},
    time::Moment,
};

pub use crate::model::{
    ClassReading, DropReading, EpochInfo, Owner, Reading, Series, SlotReading, Terms,
};

/// The rules by which readings become usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Length of a period of usage: it divides a day, and is a multiple of five minutes.
    pub period: Duration,
    /// Time between two readings above which the usage of each period in between is estimated.
    pub gap: Duration,
}

/// The most that a circuit's policer let through, since the peaks before were taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeakReading {
    /// The time when they were taken.
    pub taken: Moment,
    /// The edge's name.
    pub edge: String,
    /// The circuit's name.
    pub circuit: String,
    /// The direction.
    pub direction: Direction,
    /// The link.
    pub link: Link,
    /// Within 1 ms and within 100 ms, in bit/s.
    pub peaks_bps: [u64; 2],
}

/// The usage that is asked for, and the time that each sum is over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsageQuery {
    /// Of this edge only.
    pub edge: Option<String>,
    /// Of this circuit only.
    pub circuit: Option<String>,
    /// Of periods that start at this moment or later.
    pub from: Option<Timestamp>,
    /// Of periods that start before this moment.
    pub to: Option<Timestamp>,
    /// The time that each sum is over.
    pub grain: Grain,
}

/// The time that a usage record is of; all in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grain {
    /// A period, as the ledger keeps it.
    #[default]
    Period,
    /// An hour; a longer period stays whole.
    Hour,
    /// A day.
    Day,
    /// A calendar month.
    Month,
    /// All of it.
    Total,
}

/// A usage record of a period that is over, for a receiver outside. It never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// Unique in the world, and the same however often it is sent: `LEDGER-SEQ`.
    pub id: String,
    /// The ledger that it is of.
    pub ledger: Uuid,
    /// Its number in the ledger: from 1, without gaps.
    pub seq: u64,
    /// The usage.
    #[serde(flatten)]
    pub usage: UsageRecord,
}

/// The end of the time of which a receiver has every record of a ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watermark {
    /// The ledger.
    pub ledger: Uuid,
    /// No record that is yet to come begins before.
    pub sealed_until: Timestamp,
    /// The last record that the receiver has; 0: none.
    pub last_seq: u64,
}

/// Records that go out together, always the same ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The ledger that they are of.
    pub ledger: Uuid,
    /// Its number in the ledger: from 1, without gaps.
    pub number: u64,
    /// At least one.
    pub records: Vec<ExportRecord>,
}
