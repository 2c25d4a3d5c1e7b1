//! The times in which the meters were read as often as they should be. Between these, nobody knows when
//! something was counted, or whether anything was.

use rusqlite::{Connection, Transaction, params};

use super::{
    belief::SECOND_US,
    boots::{self, Boot},
    error::Fault,
    split::SAMPLE_S,
};

const SAMPLE_US: i64 = SAMPLE_S * SECOND_US;

/// Notes a time between two readings, since boot.
pub(super) fn note(
    transaction: &Transaction<'_>,
    boot: &Boot,
    (from_us, to_us): (i64, i64),
) -> Result<(), Fault> {
    let mut write = transaction.prepare_cached(
        "INSERT INTO covered (boot, slot, from_us, to_us) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE \
         SET from_us = min(from_us, excluded.from_us), to_us = max(to_us, excluded.to_us)",
    )?;
    for slot in from_us.div_euclid(SAMPLE_US)..=(to_us - 1).div_euclid(SAMPLE_US) {
        let (begin_us, end_us) = (slot * SAMPLE_US, (slot + 1) * SAMPLE_US);
        write.execute(params![boot.id, slot, from_us.max(begin_us), to_us.min(end_us)])?;
    }
    Ok(())
}

/// The covered times within a stretch of time, in order and apart, in microseconds since 1970.
pub(super) fn within(
    connection: &Connection,
    span_s: (i64, i64),
) -> Result<Vec<(i64, i64)>, Fault> {
    let (start_us, end_us) = (span_s.0 * SECOND_US, span_s.1 * SECOND_US);
    let mut statement = connection.prepare_cached(
        "SELECT from_us, to_us FROM covered WHERE boot = ? AND slot BETWEEN ? AND ?",
    )?;
    let mut covered: Vec<(i64, i64)> = Vec::new();
    for (boot, offset) in boots::offsets(connection)? {
        let slot = |date_us: i64| date_us.saturating_sub(offset.us).div_euclid(SAMPLE_US);
        let rows = statement.query_map(params![boot, slot(start_us), slot(end_us)], |row| {
            let at = |boot_us: i64| boot_us.saturating_add(offset.us);
            Ok((at(row.get(0)?).max(start_us), at(row.get(1)?).min(end_us)))
        })?;
        for row in rows {
            covered.push(row?);
        }
    }
    covered.retain(|(from_us, to_us)| from_us < to_us);
    covered.sort_unstable();
    let mut union: Vec<(i64, i64)> = Vec::with_capacity(covered.len());
    for (from_us, to_us) in covered {
        match union.last_mut() {
            Some(last) if from_us <= last.1 => last.1 = last.1.max(to_us),
            _ => union.push((from_us, to_us)),
        }
    }
    Ok(union)
}

/// Deletes what was covered before a moment.
pub(super) fn expire(transaction: &Transaction<'_>, until_s: i64) -> Result<(), Fault> {
    let mut delete =
        transaction.prepare_cached("DELETE FROM covered WHERE boot = ? AND slot < ?")?;
    for (boot, offset) in boots::offsets(transaction)? {
        let since_boot_us = (until_s.saturating_mul(SECOND_US)).saturating_sub(offset.us);
        delete.execute(params![boot, since_boot_us.div_euclid(SAMPLE_US)])?;
    }
    Ok(())
}
