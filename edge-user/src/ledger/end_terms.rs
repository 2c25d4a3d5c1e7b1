//! Ending what circuits are sold as, where no daemon does that any more.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    Ledger, LedgerError, TermsSpan, column,
    error::Fault,
    terms::{COLUMNS, span},
};

impl Ledger {
    /// Terms that nobody has ended, by edge and circuit: their fees go on.
    pub fn open_terms(&self) -> Result<Vec<TermsSpan>, LedgerError> {
        open_terms(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    /// Ends the terms of these circuits at a moment, or of all that nobody has ended where none is named, and
    /// returns them. All of it, or nothing.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where a circuit has no such terms, or they began at that moment or later.
    pub fn end_terms(
        &mut self,
        circuits: &[String],
        at: Timestamp,
    ) -> Result<Vec<TermsSpan>, LedgerError> {
        end_terms(&mut self.connection, circuits, at).map_err(|fault| fault.at(&self.path))
    }
}

fn open_terms(connection: &Connection) -> Result<Vec<TermsSpan>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM terms WHERE to_us IS NULL ORDER BY edge, circuit");
    let mut statement = connection.prepare_cached(&sql)?;
    let spans = statement.query_map([], span)?;
    Ok(spans.collect::<Result<_, _>>()?)
}

fn end_terms(
    connection: &mut Connection,
    circuits: &[String],
    at: Timestamp,
) -> Result<Vec<TermsSpan>, Fault> {
    let transaction = connection.transaction()?;
    let unsettled: u64 = transaction
        .query_row("SELECT count(*) FROM terms_note", [], |row| column::count(row, 0))?;
    if unsettled > 0 {
        return Err(Fault::Refused(
            "what was sold last is not dated for good, as the clock may have been wrong; nothing was ended: \
             run the daemon with a clock that is right, and try again"
                .to_owned(),
        ));
    }
    let mut open = open_terms(&transaction)?;
    for circuit in circuits {
        if !open.iter().any(|span| span.terms.circuit == *circuit) {
            let what = format!("circuit {circuit:?} has no terms that go on; nothing was ended");
            return Err(Fault::Refused(what));
        }
    }
    open.retain(|span| circuits.is_empty() || circuits.contains(&span.terms.circuit));
    let at_us = column::micros(at);
    let mut end = transaction.prepare_cached(
        "UPDATE terms SET to_us = ?4 WHERE edge = ?1 AND circuit = ?2 AND from_us = ?3",
    )?;
    for span in &mut open {
        if column::micros(span.from) >= at_us {
            return Err(Fault::Refused(format!(
                "the terms of circuit {:?} began at {}, not before {at}; nothing was ended: give a later \
                 moment",
                span.terms.circuit, span.from,
            )));
        }
        let (edge, circuit) = (&span.terms.edge, &span.terms.circuit);
        end.execute(params![edge, circuit, column::micros(span.from), at_us])?;
        span.to = Some(at);
    }
    drop(end);
    transaction.commit()?;
    Ok(open)
}
