//! Changes of links, from those who look at them to the ledger.

use std::sync::Mutex;

use super::{
    super::{super::pending_links::PendingLinks, lock},
    BookkeeperWorker,
};
use crate::{billing::ledger::Ledger, daemon::error::Result};

impl BookkeeperWorker {
    /// Notes the changes of links, where the ledger is open and this daemon keeps it: otherwise, the next booking does it.
    pub(super) fn note_links(&mut self) {
        let open = self.ledger.as_mut().filter(|open| open.is_kept() && open.ledger.is_current());
        let Some(open) = open else { return };
        if let Err(error) = note(&mut open.ledger, &self.links) {
            // The next booking opens it anew.
            self.ledger = None;
            self.failed(&error);
        }
    }
}

/// Notes the changes that wait. Where the ledger goes on from another note, they are given up, and links are looked at anew.
pub(super) fn note(ledger: &mut Ledger, links: &Mutex<PendingLinks>) -> Result<()> {
    let Some(note) = lock(links).note() else { return Ok(()) };
    if ledger.note_links(&note)? {
        lock(links).has_noted(&note);
    } else {
        lock(links).end();
    }
    Ok(())
}
