//! Usage, as the ledger has it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Usage with all that was counted up to now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Usage {
    /// Records, in the order of circuits and time.
    pub records: Vec<UsageRecord>,
    /// Whether these figures are all that was asked for: nothing is missing, and nothing has expired.
    pub is_complete: bool,
    /// Matters that a reader of the figures should know.
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
    /// The rule that says which bytes of a frame count.
    pub accounting: String,
    /// When the period begins.
    pub start: Timestamp,
    /// When it ends.
    pub end: Timestamp,
    /// Frames forwarded.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are billed: outbound ones of a metered circuit.
    pub billed_bytes: u64,
    /// Whether a part was counted while nobody read the meters, and is spread over that time.
    pub estimated: bool,
}
