//! Booking: from the meters of all tables into the ledger.

use std::path::Path;

use crate::{
    billing::ledger::{self, Ledger, LedgerError, LedgerLock, Policy, TermsJournal},
    daemon::error::Result,
    kernel::{Pins, read::books::Books},
    model::{EpochInfo, Reading},
    time,
};

/// Whether the tables that a ledger is opened for are all that there are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Present {
    /// Of the others, what was counted since they were last read is lost.
    All,
    /// There may be others: some that can't be read, or that somebody makes just now.
    NotAll,
}

/// The ledger, open. Several daemons can book in one, but only one of them is its keeper.
pub(super) struct OpenLedger {
    pub(super) ledger: Ledger,
    /// It knows less than was once booked.
    is_old_copy: bool,
    /// Held by the keeper.
    lock: Option<LedgerLock>,
}

impl OpenLedger {
    /// Opens the ledger for the tables that there are.
    pub(super) fn open(state_dir: &Path, all: &[(Pins, Books)], present: Present) -> Result<Self> {
        // Before the ledger's: whoever books meanwhile tells the ledger first.
        let of_tables = all.iter().map(|(_, books)| books.checkpoint()).max();
        let mut ledger = Ledger::open(state_dir)?;
        take_terms(&mut ledger, state_dir)?;
        let is_old_copy = of_tables > Some(ledger.checkpoint()?);
        if present == Present::All {
            let present: Vec<&EpochInfo> = all.iter().map(|(_, books)| books.epoch()).collect();
            for gap in ledger.mark_lost(&present, &time::now()?)? {
                tracing::warn!("{gap}; that is not booked");
            }
        }
        Ok(Self { ledger, is_old_copy, lock: None })
    }

    /// Becomes the ledger's keeper, who alone seals, exports and throws away: an error where another
    /// daemon is it.
    pub(super) fn keep(&mut self, state_dir: &Path) -> Result<(), LedgerError> {
        if self.lock.is_none() {
            self.lock = Some(ledger::lock(state_dir)?);
        }
        Ok(())
    }

    /// Books what the meters say; it is the last reading of those that `is_final` picks.
    pub(super) fn book(
        &mut self,
        all: &[(Pins, Books)],
        policy: &Policy,
        mut is_final: impl FnMut(&Pins) -> Result<bool>,
    ) -> Result<()> {
        let mut checkpoints = Vec::new();
        for (pins, books) in all {
            let is_final = is_final(pins)?;
            let taken = time::now()?;
            let (epoch, slots) = (books.epoch().clone(), books.read()?);
            let reading = Reading { epoch, taken, slots, is_final };
            checkpoints.push(self.ledger.book(&reading, policy)?.checkpoint);
        }
        if self.is_old_copy {
            let id = self.ledger.reincarnate()?;
            self.is_old_copy = false;
            tracing::warn!(
                "{} knew less than was once booked: an old copy, or a new ledger. What the meters \
                 have is booked anew, in records of the ledger {id} from now on",
                self.ledger.path().display(),
            );
        }
        // Only now: else nobody would know any more that it was an old copy.
        for ((_, books), checkpoint) in all.iter().zip(checkpoints) {
            books.set_checkpoint(checkpoint);
        }
        Ok(())
    }
}

/// Changes of terms that a daemon has left in its journal, if none runs. They come before the first
/// booking of this boot, as they may be of an earlier one.
fn take_terms(ledger: &mut Ledger, state_dir: &Path) -> Result<(), LedgerError> {
    let left = match TermsJournal::open_left(state_dir) {
        // A daemon has it, or nobody can read it, which the next one tells.
        Ok(None) | Err(_) => return Ok(()),
        Ok(Some(left)) => left,
    };
    let (mut journal, changes) = left;
    for (source, change) in changes {
        ledger.note_terms(&change, Some(source))?;
        journal.has_drained(source.1)?;
    }
    Ok(())
}
