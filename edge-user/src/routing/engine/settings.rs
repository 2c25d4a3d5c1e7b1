//! Settings for the engine's life.

use std::time::Duration;

use crate::routing::{devices::RoutingSettings, feed::schedule::Pacing};

/// Settings that stay as long as the engine runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineSettings {
    /// The routing namespace, and the interface that leads there.
    pub namespace: RoutingSettings,
    /// Waits between two rebuilds of a domain.
    pub pacing: Pacing,
    /// The longest time for which a domain keeps its forwarding tables after the routing namespace was made anew,
    /// though the kernel's table is empty: sessions need it to come back.
    pub hold: Duration,
    /// The time for which a neighbour's MAC address stays after the engine was started, or the namespace made anew, though
    /// the kernel has not resolved it again.
    pub neighbour_hold: Duration,
}

impl EngineSettings {
    /// Default of [`Self::hold`]: the usual time of graceful restart (RFC 4724).
    pub const HOLD: Duration = Duration::from_mins(2);
    /// Default of [`Self::neighbour_hold`]: the kernel has asked three times by then.
    pub const NEIGHBOUR_HOLD: Duration = Duration::from_secs(10);

    /// The settings with all defaults.
    #[must_use]
    pub fn new(namespace: RoutingSettings) -> Self {
        Self {
            namespace,
            pacing: Pacing::default(),
            hold: Self::HOLD,
            neighbour_hold: Self::NEIGHBOUR_HOLD,
        }
    }
}
