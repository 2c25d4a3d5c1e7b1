//! The state of the books.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ExportStatus;

/// The state of the books.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerStatus {
    /// The directory of the ledger.
    #[schema(value_type = String)]
    pub state_dir: PathBuf,
    /// `starting`, `ok` or `failing`. While it fails, no count is lost: the meters keep them.
    pub state: LedgerState,
    /// The error, and its cure.
    pub error: Option<String>,
    /// The time since which the books have failed.
    pub failing_since: Option<Timestamp>,
    /// Another matter that an operator should look into.
    pub notice: Option<String>,
    /// The time when the meters were last booked.
    pub last_booked: Option<Timestamp>,
    /// The end of the time of which every record is sealed: no later record begins before. `null` while no time is known to
    /// be whole.
    #[serde(default)]
    pub sealed_until: Option<Timestamp>,
    /// The exports of records, and their states.
    pub exports: Vec<ExportStatus>,
}

/// Whether the books can be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerState {
    /// The daemon has not tried yet.
    #[default]
    Starting,
    /// The books can be kept.
    Ok,
    /// The books can't be kept.
    Failing,
}
