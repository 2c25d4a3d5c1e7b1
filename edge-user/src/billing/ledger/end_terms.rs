//! Ending the terms of circuits where no daemon does it any more.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, params};

use super::{
    Ledger, LedgerError, TermsChange, TermsSpan, column,
    error::Fault,
    terms::{COLUMNS, span},
};
use crate::time::Moment;

impl Ledger {
    /// Terms without an end, by edge and circuit: their fees go on.
    pub fn open_terms(&self) -> Result<Vec<TermsSpan>, LedgerError> {
        open_terms(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    /// Ends the terms of these circuits, or of all circuits where none is named, and returns them.
    /// They end at `at` or, with `None`, `now` by both clocks. With an error, none ends.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where a circuit has no such terms, or they began at that moment or later.
    pub fn end_terms(
        &mut self,
        circuits: &[String],
        at: Option<Timestamp>,
        now: &Moment,
    ) -> Result<Vec<TermsSpan>, LedgerError> {
        let Some(at) = at else { return self.end_terms_now(circuits, now) };
        if !self.has_unsettled_terms()? {
            return end_terms(&mut self.connection, circuits, at)
                .map_err(|fault| fault.at(&self.path));
        }
        let is_now = |date: Timestamp| date.duration_since(at).abs() <= NOW;
        if self.date(now)?.is_some_and(is_now) {
            return self.end_terms_now(circuits, now);
        }
        Err(Fault::Refused(
            "the last terms are not dated for good, as the clock may have been wrong, and \
             nothing was ended; end them now, without a moment, or let the daemon run for an hour"
                .to_owned(),
        )
        .at(&self.path))
    }

    /// Whether terms are not dated for good.
    fn has_unsettled_terms(&self) -> Result<bool, LedgerError> {
        let sql = "SELECT count(*) > 0 FROM terms_note";
        let found = self.connection.query_row(sql, [], |row| row.get(0));
        found.map_err(|error| Fault::from(error).at(&self.path))
    }

    /// Ends the terms by a change like those before it: the change gets another date if the clock
    /// turns out to be wrong.
    fn end_terms_now(
        &mut self,
        circuits: &[String],
        now: &Moment,
    ) -> Result<Vec<TermsSpan>, LedgerError> {
        let open = chosen(&self.connection, circuits);
        let mut open = open.map_err(|fault| fault.at(&self.path))?;
        let edges: BTreeSet<String> = open.iter().map(|span| span.terms.edge.clone()).collect();
        for edge in edges {
            let own = open.iter().filter(|span| span.terms.edge == edge);
            let ended = own.map(|span| span.terms.circuit.clone()).collect();
            let change = TermsChange { at: *now, edge, is_all: false, terms: Vec::new(), ended };
            self.note_terms(&change, None)?;
        }
        let date = self.date(now)?;
        for span in &mut open {
            span.to = date;
        }
        Ok(open)
    }
}

/// A moment this close to now counts as now.
const NOW: SignedDuration = SignedDuration::from_mins(1);

fn open_terms(connection: &Connection) -> Result<Vec<TermsSpan>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM terms WHERE to_us IS NULL ORDER BY edge, circuit");
    let mut statement = connection.prepare_cached(&sql)?;
    let spans = statement.query_map([], span)?;
    Ok(spans.collect::<Result<_, _>>()?)
}

/// The terms of these circuits that have no end, or of all circuits where none is named.
fn chosen(connection: &Connection, circuits: &[String]) -> Result<Vec<TermsSpan>, Fault> {
    let mut open = open_terms(connection)?;
    for circuit in circuits {
        if !open.iter().any(|span| span.terms.circuit == *circuit) {
            let what = format!("circuit {circuit:?} has no terms that go on; nothing was ended");
            return Err(Fault::Refused(what));
        }
    }
    open.retain(|span| circuits.is_empty() || circuits.contains(&span.terms.circuit));
    Ok(open)
}

fn end_terms(
    connection: &mut Connection,
    circuits: &[String],
    at: Timestamp,
) -> Result<Vec<TermsSpan>, Fault> {
    let transaction = connection.transaction()?;
    let mut open = chosen(&transaction, circuits)?;
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
