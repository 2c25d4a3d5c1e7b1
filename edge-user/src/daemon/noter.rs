//! Changes of terms, durable before they take effect.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;

use super::instructions::Instructions;
use crate::{
    billing::ledger::{JournalEntry, LedgerError, TermsChange, TermsJournal},
    daemon::error::{Context as _, DaemonError, Result},
    model::Terms,
    time,
};

/// A change, and its place in the journal; `None` where the journal can't be written.
pub(super) type Noted = (Option<JournalEntry>, TermsChange);

/// The terms that circuits are sold by, and a change of them that is under way.
pub(super) struct Noter(Mutex<NoterState>);

struct NoterState {
    directory: PathBuf,
    journal: Option<TermsJournal>,
    /// The terms in effect, which are noted; `None`: not known.
    noted: Option<Sold>,
    /// The moment of the change that is in effect since the last note.
    terms_at: Option<Timestamp>,
    /// The terms that are noted, and not in effect yet.
    coming: Option<(Sold, Option<Noted>)>,
}

/// The edge's name, and the terms of all circuits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sold(String, Vec<Terms>);

impl Noter {
    /// Opens the journal, and returns earlier changes that the ledger may not have.
    pub(super) fn new(state_dir: &Path) -> (Self, Vec<Noted>) {
        let mut state = NoterState {
            directory: state_dir.to_owned(),
            journal: None,
            noted: None,
            terms_at: None,
            coming: None,
        };
        let left = state.open().unwrap_or_else(|error| {
            tracing::warn!(
                "the journal of terms can't be opened; until it can, a reload that changes terms \
                 is refused: {error}"
            );
            Vec::new()
        });
        (Self(Mutex::new(state)), left)
    }

    /// Notes the terms that circuits will be sold at, so that the change is durable before it takes
    /// effect. A note that has not been followed yet is taken back.
    pub(super) fn note(&self, next: &Instructions) -> Result<()> {
        self.lock().note(next)
    }

    /// Takes back the last note, whose change does not take effect.
    pub(super) fn retract(&self) {
        self.lock().retract();
    }

    /// Marks the change as in effect. Returns the change that the ledger has to book.
    pub(super) fn follow(&self, now: &Instructions) -> Option<Noted> {
        self.lock().follow(now)
    }

    /// The moment of the change that is in effect since the last note; `None`: terms are as they were.
    pub(super) fn terms_at(&self) -> Option<Timestamp> {
        self.lock().terms_at
    }

    /// Drops a change, and all before it, from the journal: the ledger has them.
    pub(super) fn has_drained(&self, (journal, number): JournalEntry) {
        let mut state = self.lock();
        let is_settled = state.coming.is_none();
        let Some(own) = state.journal.as_mut().filter(|own| is_settled && own.id() == journal)
        else {
            return;
        };
        if let Err(error) = own.has_drained(number) {
            tracing::warn!(
                "the journal of terms keeps changes that the ledger has already, which does no \
                 harm: {error}"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, NoterState> {
        // No panic leaves a change of the state half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl NoterState {
    fn open(&mut self) -> Result<Vec<Noted>, LedgerError> {
        let (journal, left) = TermsJournal::open(&self.directory)?;
        self.journal = Some(journal);
        Ok(left.into_iter().map(|(source, change)| (Some(source), change)).collect())
    }

    fn note(&mut self, next: &Instructions) -> Result<()> {
        self.retract();
        self.terms_at = None;
        let Some(change) = self.change_to(next)? else { return Ok(()) };
        let source = self.write(&change)?;
        self.coming = Some((sold(next), Some((source, change))));
        Ok(())
    }

    fn write(&mut self, change: &TermsChange) -> Result<Option<JournalEntry>> {
        let is_gone = self.journal.as_ref().is_none_or(|journal| !journal.is_current());
        if is_gone {
            match self.open() {
                Ok(_of_others) => {}
                // Another daemon keeps these books. The status says so.
                Err(LedgerError::Held { .. }) => return Ok(None),
                // The file was removed, or a mount hides it: the open one is used on.
                Err(_) if self.journal.is_some() => {}
                Err(error) => return Err(error).with_context(|| self.cannot()),
            }
        }
        let cannot = self.cannot();
        let journal = self.journal.as_mut().ok_or_else(|| DaemonError::ledger(&*cannot))?;
        Ok(Some(journal.note(change).context(cannot)?))
    }

    fn cannot(&self) -> String {
        format!(
            "the change can't be noted in {}, and nothing was changed",
            self.directory.display()
        )
    }

    fn retract(&mut self) {
        let Some((_, Some((Some(_), _)))) = self.coming.take() else { return };
        if let Some(journal) = &mut self.journal
            && let Err(error) = journal.retract()
        {
            tracing::warn!(
                "a change of terms that did not take effect stays in the journal until the next \
                 change: {error}"
            );
        }
    }

    fn follow(&mut self, now: &Instructions) -> Option<Noted> {
        let sold = sold(now);
        let noted = match self.coming.take() {
            Some((coming, noted)) if coming == sold => noted,
            other => {
                // The journal has no note of this change: the ledger books it at once.
                self.coming = other;
                self.retract();
                match self.change_to(now) {
                    Ok(change) => change.map(|change| (None, change)),
                    Err(error) => {
                        tracing::error!(
                            "new terms are in effect and not noted, so fees stay as they were \
                             until the next reload or start: {error:#}"
                        );
                        return None;
                    }
                }
            }
        };
        self.noted = Some(sold);
        self.terms_at = noted.as_ref().map(|(_, change)| change.at.wall);
        noted
    }

    /// The change from the terms in effect to `next`; `None`: they are the same.
    fn change_to(&self, next: &Instructions) -> Result<Option<TermsChange>> {
        let at = time::now()?;
        let edge = next.edge.clone();
        let Some(Sold(_, before)) = self.noted.as_ref().filter(|Sold(name, _)| *name == edge)
        else {
            let (terms, ended) = (next.terms.clone(), Vec::new());
            return Ok(Some(TermsChange { at, edge, is_all: true, terms, ended }));
        };
        let by_name = |all: &[Terms]| -> BTreeMap<String, Terms> {
            all.iter().map(|terms| (terms.circuit.clone(), terms.clone())).collect()
        };
        let (mut before, after) = (by_name(before), by_name(&next.terms));
        let mut terms = after;
        terms.retain(|circuit, terms| before.remove(circuit).as_ref() != Some(terms));
        let terms: Vec<Terms> = terms.into_values().collect();
        let ended: Vec<String> = before.into_keys().collect();
        let is_none = terms.is_empty() && ended.is_empty();
        Ok((!is_none).then_some(TermsChange { at, edge, is_all: false, terms, ended }))
    }
}

fn sold(instructions: &Instructions) -> Sold {
    Sold(instructions.edge.clone(), instructions.terms.clone())
}

#[cfg(test)]
mod tests;
