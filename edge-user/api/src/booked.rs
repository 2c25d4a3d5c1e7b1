//! The answer to a booking.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the ledger is, and whether it has all that was counted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Booked {
    /// The ledger's directory.
    #[schema(value_type = String)]
    pub state_dir: PathBuf,
    /// Why it has not.
    pub error: Option<String>,
}
