//! The state of an export.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The state of the export to a sink.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExportStatus {
    /// The sink's name.
    pub name: String,
    /// Batches delivered since the daemon has started this export.
    pub delivered_batches: u64,
    /// The error of the last try, if it failed.
    pub last_error: Option<String>,
    /// The time since which every try has failed, if the last one did.
    pub failing_since: Option<Timestamp>,
    /// The time of the last delivery.
    pub last_delivered: Option<Timestamp>,
    /// The end of the time of which the receiver has every record: no record that it lacks begins before. `null`
    /// while no time is known to be whole.
    #[serde(default)]
    pub sealed_until: Option<Timestamp>,
    /// A warning for an operator, although batches arrive.
    #[serde(default)]
    pub notice: Option<String>,
}
