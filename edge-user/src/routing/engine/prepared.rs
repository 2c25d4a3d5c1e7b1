//! Plans that can be put in effect.

use std::sync::Arc;

use super::{plan::RouterPlan, speaker::Speaker};
use crate::routing::bird::{model::SessionListener, supervise::CheckedConfig};

/// A plan that was looked at, and that BIRD has read. It is not in effect.
pub struct PreparedPlan {
    pub(super) plan: Arc<RouterPlan>,
    pub(super) speaker: Option<PreparedSpeaker>,
}

/// The part of BIRD.
pub(super) struct PreparedSpeaker {
    pub(super) speaker: Arc<Speaker>,
    pub(super) checked: CheckedConfig,
    pub(super) listeners: Vec<SessionListener>,
}

impl PreparedPlan {
    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &RouterPlan {
        &self.plan
    }

    /// The ports on which BIRD will listen for its sessions.
    #[must_use]
    pub fn listeners(&self) -> &[SessionListener] {
        self.speaker.as_ref().map_or(&[], |speaker| &speaker.listeners)
    }
}
