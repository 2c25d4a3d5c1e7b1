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
    /// All are there. Tables that are not are gone, and their counts since the last reading lost.
    All,
    /// There may be others, which can't be read or are just being made.
    NotAll,
}

/// The ledger, open. Several daemons can book in one, but only one of them is its keeper.
pub(super) struct OpenLedger {
    pub(super) ledger: Ledger,
    /// The file lacks counts that were booked before: it is an old copy.
    is_old_copy: bool,
    /// The lock that the keeper holds.
    lock: Option<LedgerLock>,
}

impl OpenLedger {
    /// Opens the ledger for the tables that there are.
    pub(super) fn open(state_dir: &Path, all: &[(Pins, Books)], present: Present) -> Result<Self> {
        // Before the ledger's: a daemon that books meanwhile tells the ledger first.
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

    /// Becomes the ledger's keeper, which alone seals and exports records and deletes old ones.
    /// This is an error where another daemon keeps the ledger.
    pub(super) fn keep(&mut self, state_dir: &Path) -> Result<(), LedgerError> {
        if self.lock.is_none() {
            self.lock = Some(ledger::lock(state_dir)?);
        }
        Ok(())
    }

    /// Whether it is its keeper.
    pub(super) const fn is_kept(&self) -> bool {
        self.lock.is_some()
    }

    /// Books a reading of all meters, which is the last one of the tables that `is_final` picks.
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
                "{} lacked counts that were booked before: it is an old copy, or a new ledger. The \
                 meters are booked anew, in records of the ledger {id} from now on",
                self.ledger.path().display(),
            );
        }
        // Only now: if this booking had failed, the next one must see that it is an old copy.
        for ((_, books), checkpoint) in all.iter().zip(checkpoints) {
            books.set_checkpoint(checkpoint);
        }
        Ok(())
    }
}

/// Books the changes of terms that an ended daemon has left in its journal. They come before the
/// first booking of this boot, as they may be of an earlier boot.
fn take_terms(ledger: &mut Ledger, state_dir: &Path) -> Result<(), LedgerError> {
    let left = match TermsJournal::open_left(state_dir) {
        // A daemon has the journal. Or it can't be read, and the next daemon warns of that.
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
