//! The status of a policer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A bucket: a circuit's, a peering's or a class's, in one direction on one link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PolicerStatus {
    /// The peering, where the bucket is one peering's.
    pub peering: Option<String>,
    /// The class, where the bucket is one class's.
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
    /// The highest rate in bit/s that the bucket admitted over 1 ms within the last minute.
    pub peak_1ms_bps: u64,
    /// The highest rate in bit/s that the bucket admitted over 100 ms within the last minute.
    pub peak_100ms_bps: u64,
    /// Leases that CPUs have bought.
    pub leases: u64,
    /// Attempts to buy a lease that failed, as another CPU was faster.
    pub retries: u64,
    /// Frames that passed on debt, after too many failed attempts to buy a lease.
    pub debts: u64,
}
