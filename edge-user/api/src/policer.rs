//! The status of a policer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A bucket: a circuit's, a peering's or a class's, in one direction on one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicerStatus {
    /// The peering, of a bucket that only one has.
    pub peering: Option<String>,
    /// The class, of a bucket that only one has.
    pub class: Option<String>,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// Its rate in bit/s.
    pub rate_bps: u64,
    /// Its burst in bytes.
    pub burst_bytes: u64,
    /// The part of the burst that is used at the moment, in bytes.
    pub used_bytes: u64,
    /// The most that was admitted in 1 ms, as a rate in bit/s; of the last minute.
    pub peak_1ms_bps: u64,
    /// The same for 100 ms.
    pub peak_100ms_bps: u64,
    /// Leases that CPUs have bought.
    pub leases: u64,
    /// Attempts to buy that another CPU was faster at.
    pub retries: u64,
    /// Frames that were let through on debt after too many of those.
    pub debts: u64,
}
