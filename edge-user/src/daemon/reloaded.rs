//! The answer to a reload.

use serde::{Deserialize, Serialize};

use crate::config::Difference;

/// The configuration was read again, and is in effect.
#[derive(Debug, Serialize, Deserialize)]
pub struct Reloaded {
    /// The changes.
    pub difference: Difference,
    /// Warnings for an operator: ports that wait for their interface.
    pub warnings: Vec<String>,
}
