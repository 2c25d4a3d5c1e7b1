//! The state of the books, as status and log have it.

use std::mem;

use edge_api::LedgerState;

use super::{super::lock, BookkeeperWorker};
use crate::{daemon::error::DaemonError, time};

impl BookkeeperWorker {
    pub(super) fn worked(&self) {
        let mut shared = lock(&self.shared);
        if let Some(since) = shared.failing_since {
            tracing::info!(
                "the ledger can be written again, and has everything since {since}, when it failed"
            );
        }
        shared.state = LedgerState::Ok;
        shared.error = None;
        shared.failing_since = None;
        shared.last_booked = Some(time::wall());
    }

    pub(super) fn failed(&self, error: &DaemonError) {
        let text = format!("{error:#}");
        let mut shared = lock(&self.shared);
        // Each error once, not every few seconds.
        if shared.error.as_ref() != Some(&text) {
            tracing::error!(
                "nothing is booked until this is right; traffic goes on, and the meters keep its \
                 counts: {text}"
            );
        }
        shared.state = LedgerState::Failing;
        shared.failing_since.get_or_insert_with(time::wall);
        shared.error = Some(text);
    }

    /// Has the status show what is wrong with the clock, and the log once.
    pub(super) fn tell_of_clock(&self, notice: Option<String>) {
        let was = mem::replace(&mut lock(&self.shared).clock_notice, notice.clone());
        match notice {
            Some(notice) if was.is_none() => tracing::warn!("{notice}"),
            None if was.is_some() => tracing::info!("the ledger believes the clock again"),
            _ => {}
        }
    }
}
