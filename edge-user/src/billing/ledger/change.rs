//! Changes of terms, noted by both clocks.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Ledger, LedgerError, Terms, error::Fault, notes, settle};
use crate::time::Moment;

/// A change of the terms that circuits are sold at, from a moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsChange {
    /// The moment of the change.
    pub at: Moment,
    /// The edge's name from then on.
    pub edge: String,
    /// Whether `terms` are those of all circuits: any other circuit has ended then, under whichever
    /// name of the edge, as a ledger is of one edge. Otherwise, only these change.
    pub is_all: bool,
    /// New terms.
    pub terms: Vec<Terms>,
    /// Further circuits that have ended.
    pub ended: Vec<String>,
}

/// The place where a change was noted before: a journal's id, and the change's number in it.
pub type JournalEntry = (Uuid, u64);

impl Ledger {
    /// Notes a change, and dates it by the clocks as well as possible. A change from a journal that
    /// was noted before changes nothing. Callers note changes in order, each with its own time.
    ///
    /// Changes with a later date, which a clock ahead has given them, are taken back.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where terms are of another edge, or a circuit has two.
    pub fn note_terms(
        &mut self,
        change: &TermsChange,
        source: Option<JournalEntry>,
    ) -> Result<(), LedgerError> {
        note(&mut self.connection, change, source).map_err(|fault| fault.at(&self.path))
    }
}

fn note(
    connection: &mut Connection,
    change: &TermsChange,
    source: Option<JournalEntry>,
) -> Result<(), Fault> {
    check(change)?;
    let transaction = connection.transaction()?;
    if let Some(source) = source
        && !is_new(&transaction, source)?
    {
        return Ok(());
    }
    let boot = settle::observe(&transaction, &change.at)?;
    let text = serde_json::to_string(change)
        .map_err(|error| Fault::Refused(format!("terms can't be written: {error}")))?;
    transaction
        .prepare_cached("INSERT INTO terms_note (boot, boot_us, change) VALUES (?, ?, ?)")?
        .execute(params![boot.id, change.at.boot_us, text])?;
    if boot.belief.is_settled && boot.belief.is_followed() {
        notes::make_final(&transaction)?;
    } else {
        // Earlier changes keep their dates, or got new ones when the clock was judged.
        notes::lay_last(&transaction, change)?;
    }
    Ok(transaction.commit()?)
}

fn check(change: &TermsChange) -> Result<(), Fault> {
    let mut names = BTreeSet::new();
    for terms in &change.terms {
        if terms.edge != change.edge || !names.insert(terms.circuit.as_str()) {
            let what =
                format!("terms of circuit {:?} are another edge's or a second", terms.circuit);
            return Err(Fault::Refused(what));
        }
    }
    Ok(())
}

/// Marks the journal's change as noted. Returns whether it was not noted before.
fn is_new(transaction: &Transaction<'_>, (journal, number): JournalEntry) -> Result<bool, Fault> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    // A journal gets a new id only when the ledger has all of its changes.
    let others = "DELETE FROM drained WHERE journal <> ?";
    transaction.prepare_cached(others)?.execute([journal.to_string()])?;
    let changed = transaction
        .prepare_cached(
            "INSERT INTO drained (journal, seq) VALUES (?, ?) \
             ON CONFLICT DO UPDATE SET seq = excluded.seq WHERE seq < excluded.seq",
        )?
        .execute(params![journal.to_string(), number])?;
    Ok(changed != 0)
}
