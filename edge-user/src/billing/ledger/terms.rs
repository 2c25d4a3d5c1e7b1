//! The terms that circuits were sold at, each with its beginning and end.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};

use super::{Ledger, LedgerError, Terms, TermsChange, column, error::Fault};
use crate::model::{Billing, Sku};

/// Terms, and the time for which they held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermsSpan {
    /// The terms.
    pub terms: Terms,
    /// Their beginning.
    pub from: Timestamp,
    /// Their end; `None`: they still hold.
    pub to: Option<Timestamp>,
}

impl Ledger {
    /// Terms that held at any moment from `from` until before `to`, by edge, circuit and time.
    pub fn terms(&self, from: Timestamp, to: Timestamp) -> Result<Vec<TermsSpan>, LedgerError> {
        terms(&self.connection, from, to).map_err(|fault| fault.at(&self.path))
    }
}

/// The note that dates a change, if it is not dated for good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dated {
    /// The date is final.
    ForGood,
    /// The date is that of the note with this number, which may change.
    ByNote(i64),
}

impl Dated {
    fn note(self) -> Option<i64> {
        match self {
            Self::ForGood => None,
            Self::ByNote(note) => Some(note),
        }
    }
}

/// Applies a change of terms at `now`.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    change: &TermsChange,
    dated: Dated,
    now_us: i64,
) -> Result<(), Fault> {
    let mut new: BTreeMap<&str, &Terms> =
        change.terms.iter().map(|terms| (terms.circuit.as_str(), terms)).collect();
    let concerns = |circuit: &String| {
        change.is_all
            || change.ended.contains(circuit)
            || change.terms.iter().any(|terms| terms.circuit == *circuit)
    };
    take_back(transaction, now_us, &concerns)?;
    for span in spans_at(transaction, now_us)? {
        if !concerns(&span.terms.circuit) {
            continue;
        }
        let holds = new.get(span.terms.circuit.as_str()) == Some(&&span.terms);
        if holds {
            new.remove(span.terms.circuit.as_str());
        }
        let to_us = (!holds).then_some(now_us);
        if span.to.map(column::micros) != to_us {
            end(transaction, &span, to_us, dated)?;
        }
    }
    for terms in new.into_values() {
        begin(transaction, terms, now_us, dated)?;
    }
    Ok(())
}

/// Undoes all changes without a final date.
pub(super) fn take_out(transaction: &Transaction<'_>) -> Result<(), Fault> {
    for sql in [
        "DELETE FROM terms WHERE begun_by IS NOT NULL",
        "UPDATE terms SET to_us = NULL, ended_by = NULL WHERE ended_by IS NOT NULL",
    ] {
        transaction.prepare_cached(sql)?.execute([])?;
    }
    Ok(())
}

/// Whether terms begin or end for good at `now` or later.
pub(super) fn has_final_after(connection: &Connection, now_us: i64) -> Result<bool, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM terms WHERE from_us >= ?1 AND begun_by IS NULL \
               OR to_us >= ?1 AND begun_by IS NULL AND ended_by IS NULL)";
    Ok(connection.prepare_cached(sql)?.query_row([now_us], |row| row.get(0))?)
}

/// Forgets the spans that begin at `now` or later.
fn take_back(
    transaction: &Transaction<'_>,
    now_us: i64,
    concerns: &dyn Fn(&String) -> bool,
) -> Result<(), Fault> {
    let later = {
        let sql = "SELECT edge, circuit, from_us, begun_by IS NULL FROM terms \
                   WHERE from_us >= ?1 OR to_us > ?1";
        let mut statement = transaction.prepare_cached(sql)?;
        let later = statement.query_map([now_us], |row| {
            let names: [String; 2] = [row.get(0)?, row.get(1)?];
            Ok((names, row.get::<_, i64>(2)?, row.get::<_, bool>(3)?))
        })?;
        later.collect::<Result<Vec<_>, _>>()?
    };
    let which = "edge = ?1 AND circuit = ?2 AND from_us = ?3";
    // The clock may also be behind: then this is the only trace of the right terms.
    let mut keep = transaction.prepare_cached(&format!(
        "INSERT INTO terms_undone (undone_us, {COLUMNS}) \
         SELECT ?4, {COLUMNS} FROM terms WHERE {which} AND (from_us > ?4 OR to_us > ?4)"
    ))?;
    let mut delete = transaction.prepare_cached(&format!("DELETE FROM terms WHERE {which}"))?;
    for ([edge, circuit], from_us, is_final) in later {
        if !concerns(&circuit) {
            continue;
        }
        if is_final {
            keep.execute(params![edge, circuit, from_us, now_us])?;
        }
        if from_us >= now_us {
            delete.execute(params![edge, circuit, from_us])?;
        }
    }
    Ok(())
}

/// Sets the end of a span; `None`: it still holds.
fn end(
    transaction: &Transaction<'_>,
    span: &TermsSpan,
    to_us: Option<i64>,
    dated: Dated,
) -> Result<(), Fault> {
    let Terms { edge, circuit, .. } = &span.terms;
    let ended_by = to_us.and(dated.note());
    transaction
        .prepare_cached(
            "UPDATE terms SET to_us = ?4, ended_by = ?5 \
             WHERE edge = ?1 AND circuit = ?2 AND from_us = ?3",
        )?
        .execute(params![edge, circuit, column::micros(span.from), to_us, ended_by])?;
    Ok(())
}

fn begin(
    transaction: &Transaction<'_>,
    terms: &Terms,
    now_us: i64,
    dated: Dated,
) -> Result<(), Fault> {
    let Terms { edge, circuit, service_key, bandwidth_bps, billing, sku, zone } = terms;
    let bandwidth_bps = i64::try_from(*bandwidth_bps).unwrap_or(i64::MAX);
    transaction
        .prepare_cached(
            "INSERT INTO terms \
             (edge, circuit, from_us, service_key, bandwidth_bps, billing, sku, zone, begun_by) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            dated.note(),
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
