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
    /// The time within which somebody has to confirm the change, such as `10m`, from a second to a week; otherwise the
    /// daemon takes it back, also if it was killed meanwhile. It waits for nobody without this.
    pub(super) confirm: Option<String>,
    /// A message for the history.
    pub(super) message: Option<String>,
}
