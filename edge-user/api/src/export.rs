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
    /// Why the last try failed, if it did.
    pub last_error: Option<String>,
    /// Since when every try has failed, if the last did.
    pub failing_since: Option<Timestamp>,
    /// When a batch was last delivered.
    pub last_delivered: Option<Timestamp>,
    /// A warning for an operator, though batches arrive.
    #[serde(default)]
    pub notice: Option<String>,
}
