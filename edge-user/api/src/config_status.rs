//! The configuration that runs, against the daemon's file and its confirmation.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::LinkOutOfUse;

/// The configuration that runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ConfigStatus {
    /// Its digest. Two files that mean the same have the same.
    pub digest: String,
    /// A sentence about the daemon's file, where that does not say what runs: another configuration, a wrong one, or none.
    /// Null: it says what runs.
    pub file_fault: Option<String>,
    /// The last change, while it waits for its confirmation; null: it waits for none.
    pub unconfirmed: Option<UnconfirmedChange>,
    /// Bandwidths that end at a time. The daemon's file has nothing of them.
    #[serde(default)]
    pub timed_bandwidths: Vec<TimedBandwidthStatus>,
    /// Links that are out of use for planned work. The daemon's file has nothing of them.
    #[serde(default)]
    pub links_out_of_use: Vec<LinkOutOfUse>,
}

/// A bandwidth of a circuit that ends at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TimedBandwidthStatus {
    /// The circuit's name.
    pub circuit: String,
    /// The bandwidth until then, in bit/s.
    pub bandwidth_bps: u64,
    /// The configuration's bandwidth, which the circuit has afterwards, in bit/s.
    pub then_bps: u64,
    /// The end, by the present wall clock.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// The user who asked for it, where that is known.
    pub user: Option<String>,
}

/// A change that the daemon takes back unless it is confirmed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct UnconfirmedChange {
    /// The time at which the daemon takes it back, by the present wall clock.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// Seconds until then; 0: it is over.
    pub left_s: f64,
    /// The user who made the change, where that is known.
    pub user: Option<String>,
    /// The user's message.
    pub message: Option<String>,
    /// The reason why the daemon can't take it back; it is tried again.
    pub fault: Option<String>,
}
