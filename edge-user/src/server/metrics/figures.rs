//! The figures that an answer to a scrape is made from.

use std::sync::Arc;

use edge_api::{SessionStatus, Status};

use crate::daemon::snapshot::Snapshot;

/// A status, and the sessions that it counts, at one moment.
#[derive(Clone, Debug)]
pub(super) struct ScrapeFigures {
    pub(super) status: Arc<Status>,
    pub(super) sessions: Arc<[SessionStatus]>,
}

impl From<&Snapshot> for ScrapeFigures {
    fn from(snapshot: &Snapshot) -> Self {
        Self { status: Arc::clone(&snapshot.status), sessions: Arc::clone(&snapshot.sessions) }
    }
}

impl ScrapeFigures {
    /// The number of series of routed circuits, at the most.
    pub(super) fn routed_series(&self) -> usize {
        let domains = self.status.domains.iter();
        4 * self.sessions.len()
            + domains.map(|it| 2 + it.neighbours.len() + 3 * it.links.len()).sum::<usize>()
    }
}
