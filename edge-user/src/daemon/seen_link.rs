//! A link of a routed peering as one look saw it.

use crate::model::{LinkReason, LinkState};

/// A link at one look. Times are since boot, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenPeeringLink {
    /// Its state; `None`: nobody tells.
    pub(super) state: Option<SeenState>,
    /// Whether its neighbour has answered.
    pub(super) has_neighbour: bool,
    /// Whether a session is established; `None`: nobody tells, or it has none.
    pub(super) has_session: Option<bool>,
}

/// The state of a link, which is up, down or planned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SeenState {
    pub(super) state: LinkState,
    pub(super) reason: LinkReason,
    /// The moment of which this is.
    pub(super) at_us: i64,
    /// Its beginning; `None`: that is not told.
    pub(super) begin_us: Option<i64>,
    /// Whether a state alike may have been before it, which nobody tells.
    pub(super) may_hide: bool,
}
