//! What circuits were sold as, and when.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};

use super::{Ledger, LedgerError, Terms, column, error::Fault};
use crate::config::{Billing, Sku};

/// Terms and when they held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsSpan {
    /// The terms.
    pub terms: Terms,
    /// From when on.
    pub from: Timestamp,
    /// Until when; `None`: they still hold.
    pub to: Option<Timestamp>,
}

impl Ledger {
    /// These are the terms of all circuits from `now` on, and the edge has this name. Circuits that
    /// are not among them have ended, whatever the edge's name was: a ledger is one edge's.
    ///
    /// Whatever was noted for `now` or later, by a clock that was ahead, is taken back. Changes that
    /// are noted late are noted in their order, each with its own time.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where terms are of another edge, or a circuit has two.
    pub fn note_terms(
        &mut self,
        edge: &str,
        now: Timestamp,
        terms: &[Terms],
    ) -> Result<(), LedgerError> {
        note_terms(&mut self.connection, edge, now, terms).map_err(|fault| fault.at(&self.path))
    }

    /// Terms that held at any moment from `from` until before `to`, by edge, circuit and time.
    pub fn terms(&self, from: Timestamp, to: Timestamp) -> Result<Vec<TermsSpan>, LedgerError> {
        terms(&self.connection, from, to).map_err(|fault| fault.at(&self.path))
    }
}

fn note_terms(
    connection: &mut Connection,
    edge: &str,
    now: Timestamp,
    terms: &[Terms],
) -> Result<(), Fault> {
    let now_us = column::micros(now);
    let mut new = BTreeMap::new();
    for one in terms {
        if one.edge != edge || new.insert(one.circuit.as_str(), one).is_some() {
            let what = format!("terms of circuit {:?} are another edge's or a second", one.circuit);
            return Err(Fault::Refused(what));
        }
    }
    let transaction = connection.transaction()?;
    take_back(&transaction, now_us)?;
    for span in spans_at(&transaction, now_us)? {
        let holds = new.get(span.terms.circuit.as_str()) == Some(&&span.terms);
        if holds {
            new.remove(span.terms.circuit.as_str());
        }
        let to_us = (!holds).then_some(now_us);
        if span.to.map(column::micros) != to_us {
            end(&transaction, &span, to_us)?;
        }
    }
    for terms in new.into_values() {
        begin(&transaction, terms, now_us)?;
    }
    Ok(transaction.commit()?)
}

/// Forgets the spans that begin at `now` or later.
fn take_back(transaction: &Transaction<'_>, now_us: i64) -> Result<(), Fault> {
    // The clock may also be behind: then this is the only trace of what is right.
    transaction
        .prepare_cached(&format!(
            "INSERT INTO terms_undone (undone_us, {COLUMNS}) \
             SELECT ?1, {COLUMNS} FROM terms WHERE from_us > ?1 OR to_us > ?1"
        ))?
        .execute([now_us])?;
    transaction.prepare_cached("DELETE FROM terms WHERE from_us >= ?")?.execute([now_us])?;
    Ok(())
}

/// Without a moment, it still holds.
fn end(transaction: &Transaction<'_>, span: &TermsSpan, to_us: Option<i64>) -> Result<(), Fault> {
    let Terms { edge, circuit, .. } = &span.terms;
    transaction
        .prepare_cached(
            "UPDATE terms SET to_us = ?4 WHERE edge = ?1 AND circuit = ?2 AND from_us = ?3",
        )?
        .execute(params![edge, circuit, column::micros(span.from), to_us])?;
    Ok(())
}

fn begin(transaction: &Transaction<'_>, terms: &Terms, now_us: i64) -> Result<(), Fault> {
    let Terms { edge, circuit, service_key, bandwidth_bps, billing, sku, zone } = terms;
    let bandwidth_bps = i64::try_from(*bandwidth_bps).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT INTO terms \
             (edge, circuit, from_us, service_key, bandwidth_bps, billing, sku, zone) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            edge,
            circuit,
            now_us,
            service_key,
            bandwidth_bps,
            billing.as_str(),
            sku.as_str(),
            zone,
        ])?;
    Ok(())
}

pub(super) const COLUMNS: &str =
    "edge, circuit, service_key, bandwidth_bps, billing, sku, zone, from_us, to_us";

/// Spans that hold just before `now`: one a circuit, as they don't overlap.
fn spans_at(connection: &Connection, now_us: i64) -> Result<Vec<TermsSpan>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM terms WHERE from_us < ?1 AND (to_us IS NULL OR to_us >= ?1)"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let spans = statement.query_map([now_us], span)?;
    Ok(spans.collect::<Result<_, _>>()?)
}

fn terms(connection: &Connection, from: Timestamp, to: Timestamp) -> Result<Vec<TermsSpan>, Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM terms WHERE from_us < ?2 AND (to_us IS NULL OR to_us > ?1) \
         ORDER BY edge, circuit, from_us"
    ))?;
    let spans = statement.query_map([column::micros(from), column::micros(to)], span)?;
    Ok(spans.collect::<Result<_, _>>()?)
}

pub(super) fn span(row: &Row<'_>) -> rusqlite::Result<TermsSpan> {
    let terms = Terms {
        edge: row.get(0)?,
        circuit: row.get(1)?,
        service_key: row.get(2)?,
        bandwidth_bps: column::count(row, 3)?,
        billing: column::choice(row, 4, Billing::ALL, Billing::as_str)?,
        sku: column::choice(row, 5, Sku::ALL, Sku::as_str)?,
        zone: row.get(6)?,
    };
    let from = column::from_micros(row.get(7)?);
    Ok(TermsSpan { terms, from, to: row.get::<_, Option<_>>(8)?.map(column::from_micros) })
}
