//! The query of a new configuration.

use std::time::Duration;

use serde::Deserialize;
use utoipa::IntoParams;

use super::super::error::ApiError;
use crate::units::when::{self, LONGEST_WAIT};

/// The query of a new configuration.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(in crate::server) struct ApplyQuery {
    /// Whether only the changes are asked for, which take a second where circuits have traffic. Nothing is changed.
    #[serde(default)]
    pub(super) dry_run: bool,
    /// The time within which somebody has to confirm the change, such as `10m`, from a second to a week; otherwise the
    /// daemon takes it back, also if it was killed meanwhile. It waits for nobody without this.
    confirm: Option<String>,
    /// A message for the history.
    pub(super) message: Option<String>,
}

impl ApplyQuery {
    /// The time within which somebody has to confirm the change.
    pub(super) fn confirm_within(&self) -> Result<Option<Duration>, ApiError> {
        let within = self.confirm.as_deref().map(|text| when::duration(text, LONGEST_WAIT));
        within.transpose().map_err(|hint| ApiError::bad_request(format!("confirm: {hint}")))
    }
}
