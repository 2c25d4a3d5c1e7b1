//! The last minutes of a circuit, by the second.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A circuit's traffic by the second, for as long as somebody asks for it, and up to fifteen minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CircuitRecent {
    /// Its name.
    pub circuit: String,
    /// The time since which the daemon reads it every second. Nothing is known of before. A circuit that nobody has asked
    /// for in fifteen minutes is read no more.
    pub since: Timestamp,
    /// The number of circuits that are read every second now.
    pub watched_circuits: u64,
    /// The most that are. When another one is asked for, the one goes that nobody has asked for the longest.
    pub most_circuits: u64,
    /// Seconds, in order. One in which the tables were replaced is missing.
    pub seconds: Vec<RecentSecond>,
}

/// A second of a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecentSecond {
    /// Its end.
    pub end: Timestamp,
    /// Its length in milliseconds: longer than 1,000 where the machine was busy.
    pub ms: u32,
    /// From the customer.
    pub inbound: SecondTraffic,
    /// To the customer.
    pub outbound: SecondTraffic,
}

/// Traffic in one direction, over all links, peerings and classes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecondTraffic {
    /// Frames that came: those that left, and those that were dropped.
    pub offered_frames: u64,
    /// Their bytes.
    pub offered_bytes: u64,
    /// Frames that left.
    pub delivered_frames: u64,
    /// Their bytes, by the circuit's `accounting`.
    pub delivered_bytes: u64,
    /// Frames that were dropped, for any reason.
    pub dropped_frames: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// The most that one link's bucket let through within 1 ms, in bit/s.
    pub peak_1ms_bps: u64,
}
