//! A circuit's samples of five minutes.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A circuit's traffic, drops and peaks over time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CircuitHistory {
    /// Its name.
    pub circuit: String,
    /// The beginning of the first step.
    pub from: Timestamp,
    /// The end of the last step.
    pub to: Timestamp,
    /// Length of a step in seconds.
    pub step_s: u64,
    /// The end of the samples that were deleted as they were old enough; null: none were.
    pub expired_until: Option<Timestamp>,
    /// Steps that something is known of, in order. A step that is not here is a gap: the meters were not read then, or the
    /// circuit did not exist.
    pub points: Vec<HistoryPoint>,
}

/// A circuit's traffic in a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HistoryPoint {
    /// The beginning of the step.
    pub start: Timestamp,
    /// The part of the step in which the circuit existed and the meters were read as usual, in seconds. Counts of the rest,
    /// as of a time without a daemon, are spread over it evenly.
    pub covered_s: u64,
    /// From the customer.
    pub inbound: DirectionTraffic,
    /// To the customer.
    pub outbound: DirectionTraffic,
}

/// Traffic in one direction, over all links, peerings and classes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DirectionTraffic {
    /// Frames that left.
    pub delivered_frames: u64,
    /// Their bytes by the circuit's `accounting`: those that usage and bills have.
    pub delivered_bytes: u64,
    /// Frames that were dropped.
    pub dropped_frames: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Dropped frames by reason and class; none where nothing was dropped.
    pub drops: Vec<ReasonDrops>,
    /// The most that one link's bucket let through within 1 ms, in bit/s.
    pub peak_1ms_bps: u64,
    /// The most within 100 ms.
    pub peak_100ms_bps: u64,
}

/// Frames dropped for one reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReasonDrops {
    /// The reason.
    pub reason: String,
    /// The class's name; null for reasons that are not counted by class.
    pub class: Option<String>,
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}
