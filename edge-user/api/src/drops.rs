//! Dropped frames in the ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Dropped frames, as `edge usage --drops --json` prints them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Drops {
    /// Sums over the time that was asked for.
    pub drops: Vec<DropSum>,
    /// Samples of five minutes: of one circuit, all that have something, in order of time; of all circuits, the
    /// worst alone, the most dropped bytes first.
    pub intervals: Vec<DropInterval>,
}

/// Frames of a circuit that were dropped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DropSum {
    /// The edge's name.
    pub edge: String,
    /// The circuit's name.
    pub circuit: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// The class's name; null for reasons that are not counted by class.
    pub class: Option<String>,
    /// The reason.
    pub reason: String,
    /// Frames.
    pub frames: u64,
    /// Their bytes: by the circuit's `accounting` where there is a class, else as received.
    pub bytes: u64,
}

/// Five minutes of a circuit in one direction on one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DropInterval {
    /// The edge's name.
    pub edge: String,
    /// The circuit's name.
    pub circuit: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// The beginning.
    pub start: Timestamp,
    /// The end.
    pub end: Timestamp,
    /// Frames that left.
    pub delivered_frames: u64,
    /// Their bytes.
    pub delivered_bytes: u64,
    /// Frames that were dropped for any reason.
    pub dropped_frames: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// The most that the bucket let through within 1 ms, in bit/s; null: no peak was read.
    pub peak_1ms_bps: Option<u64>,
    /// The most within 100 ms.
    pub peak_100ms_bps: Option<u64>,
}
