//! The answer to a booking.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The place of the ledger, and whether it has all counts up to now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Booked {
    /// The ledger's directory.
    #[schema(value_type = String)]
    pub state_dir: PathBuf,
    /// The reason why the ledger lacks counts; absent where it has them all.
    pub error: Option<String>,
}
