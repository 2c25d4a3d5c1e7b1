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
    /// `ok`, or `failing`: nothing is lost meanwhile, the meters go on.
    pub state: LedgerState,
    /// The error, and its cure.
    pub error: Option<String>,
    /// Since when.
    pub failing_since: Option<Timestamp>,
    /// Another matter that an operator should look into.
    pub notice: Option<String>,
    /// When the meters were last booked.
    pub last_booked: Option<Timestamp>,
    /// Where records go.
    pub exports: Vec<ExportStatus>,
}

/// Whether the books can be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerState {
    /// Nothing was tried yet.
    #[default]
    Starting,
    /// They can.
    Ok,
    /// They can't.
    Failing,
}
