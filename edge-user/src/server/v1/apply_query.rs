//! The query of a new configuration.

use serde::Deserialize;
use utoipa::IntoParams;

/// The query of a new configuration.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct ApplyQuery {
    /// Whether only the changes are asked for, which take a second where circuits have traffic. Nothing is changed.
    #[serde(default)]
    pub(super) dry_run: bool,
    /// A message for the history.
    pub(super) message: Option<String>,
}
