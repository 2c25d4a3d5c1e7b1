//! Changes of terms, noted by both clocks.

use std::collections::BTreeSet;

use rusqlite::{Connection, Transaction, params};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Ledger, LedgerError, Terms, error::Fault, notes, settle};
use crate::time::Moment;

/// Circuits are sold as something else from a moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsChange {
    /// When.
    pub at: Moment,
    /// The edge's name from then on.
    pub edge: String,
    /// The terms are those of all circuits: those that are not among them have ended, whatever
    /// the edge's name was, as a ledger is one edge's. Otherwise, only these change.
    pub is_all: bool,
    /// New terms.
    pub terms: Vec<Terms>,
    /// Circuits that have ended, beside.
    pub ended: Vec<String>,
}

/// Where a change was noted before: a journal's id, and the change's number in it.
pub type Source = (Uuid, u64);

impl Ledger {
    /// Notes a change, and dates it as far as the clocks tell. One that comes from a journal, and
    /// was noted before, changes nothing. Changes come in their order; late ones have their own
    /// time.
    ///
    /// Changes that were noted for a later date, by a clock that was ahead, are taken back.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where terms are of another edge, or a circuit has two.
    pub fn note_terms(
        &mut self,
        change: &TermsChange,
        source: Option<Source>,
    ) -> Result<(), LedgerError> {
        note(&mut self.connection, change, source).map_err(|fault| fault.at(&self.path))
    }
}

fn note(
    connection: &mut Connection,
    change: &TermsChange,
    source: Option<Source>,
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
        // The others are dated as before, or were dated again when the clock was looked at.
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

/// Whether the journal's change was not noted yet; from now on it was.
fn is_new(transaction: &Transaction<'_>, (journal, number): Source) -> Result<bool, Fault> {
    let number = i64::try_from(number).unwrap_or(i64::MAX);
    // Another one begins when all of this is known.
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
