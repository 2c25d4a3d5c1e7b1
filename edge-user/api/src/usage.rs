//! Usage from the ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Usage, with all counts up to now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Records, in the order of circuits and time.
    pub records: Vec<UsageRecord>,
    /// Whether the answer is complete: no count of the requested time is missing or expired.
    pub is_complete: bool,
    /// Warnings for a reader of the figures, such as gaps.
    pub warnings: Vec<String>,
}

/// Frames and bytes of one class of a circuit's peering, in one direction, on one link and in one period.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct UsageRecord {
    /// The edge's name.
    pub edge: String,
    /// The circuit's name.
    pub circuit: String,
    /// The provider's key for it.
    pub service_key: Option<String>,
    /// `private`, `public` or `microsoft`.
    pub peering: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// The class's name.
    pub class: String,
    /// `metered` or `unlimited`.
    pub billing: String,
    /// The bytes of a frame that count: `l1`, `l2`, `mef` or `l3`.
    pub accounting: String,
    /// The period's beginning.
    pub start: Timestamp,
    /// The period's end.
    pub end: Timestamp,
    /// Frames forwarded.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are billed: outbound ones of a metered circuit.
    pub billed_bytes: u64,
    /// Whether a part was counted in a time without readings, and is spread over that time.
    pub estimated: bool,
}
