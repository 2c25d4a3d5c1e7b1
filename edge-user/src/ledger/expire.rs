//! Deleting what has been kept for long enough.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::{Ledger, LedgerError, column, error::Fault, export::acknowledged};

/// What was deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Usage records.
    pub usage: u64,
    /// Five-minute samples.
    pub samples: u64,
}

impl Ledger {
    /// Deletes samples that ended before `keep_samples`, and batches of export records, with the
    /// usage that they are, where all of it ended before `keep_usage` and every one of `sinks` has
    /// acknowledged it. What is not sealed stays. Sums of what was deleted are kept, and its space
    /// is given back.
    pub fn expire(
        &mut self,
        now: Timestamp,
        keep_usage: Duration,
        keep_samples: Duration,
        sinks: &[&str],
    ) -> Result<Expired, LedgerError> {
        let before_s =
            |keep| column::micros(now).div_euclid(1_000_000).saturating_sub(column::seconds(keep));
        expire(&mut self.connection, before_s(keep_usage), before_s(keep_samples), sinks)
            .map_err(|fault| fault.at(&self.path))
    }

    /// End of the last usage that has expired: before it, some is missing. `None`: all is kept.
    pub fn expired_until(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.latest("SELECT max(expired_until_s) FROM series")
    }

    /// End of the last sample that has expired, likewise.
    pub fn samples_expired_until(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.latest("SELECT max(expired_until_s) FROM meter")
    }

    fn latest(&self, sql: &str) -> Result<Option<Timestamp>, LedgerError> {
        let latest = self.connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        let latest = latest.map_err(|error| Fault::from(error).at(&self.path))?;
        Ok(latest.map(column::from_seconds))
    }
}

/// A transaction for each batch and each meter: nobody has to wait for all of them, and each leaves
/// the books balanced.
fn expire(
    connection: &mut Connection,
    usage_until_s: i64,
    samples_until_s: i64,
    sinks: &[&str],
) -> Result<Expired, Fault> {
    let mut expired = Expired::default();
    for number in old_batches(connection, usage_until_s)? {
        let transaction = connection.transaction()?;
        let mut is_everywhere = true;
        for sink in sinks {
            is_everywhere &= acknowledged(&transaction, sink)? >= number;
        }
        if is_everywhere {
            expired.usage += expire_batch(&transaction, number)?;
        }
        transaction.commit()?;
    }
    for meter in meters(connection)? {
        let transaction = connection.transaction()?;
        expired.samples += expire_samples(&transaction, meter, samples_until_s)?;
        transaction.commit()?;
    }
    // It gives back a page a step.
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok(expired)
}

fn old_batches(connection: &Connection, until_s: i64) -> Result<Vec<u64>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT number FROM batch WHERE NOT is_expired AND last_end_s <= ? ORDER BY number",
    )?;
    let numbers = statement.query_map([until_s], |row| column::count(row, 0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}

/// What of a series expires.
#[derive(Default)]
struct Sum {
    frames: u64,
    bytes: u64,
    until_s: i64,
}

fn expire_batch(transaction: &Transaction<'_>, number: u64) -> Result<u64, Fault> {
    let marked = transaction.execute(
        "UPDATE batch SET is_expired = TRUE WHERE number = ? AND NOT is_expired",
        [number.cast_signed()],
    )?;
    if marked == 0 {
        // Somebody else has done it meanwhile.
        return Ok(0);
    }
    let which = "seq BETWEEN (SELECT first_seq FROM batch WHERE number = ?1) \
                 AND (SELECT last_seq FROM batch WHERE number = ?1)";
    let mut sums: BTreeMap<i64, Sum> = BTreeMap::new();
    {
        let mut statement = transaction.prepare_cached(&format!(
            "SELECT series, frames, bytes, end_s FROM usage WHERE {which}"
        ))?;
        let mut rows = statement.query([number.cast_signed()])?;
        while let Some(row) = rows.next()? {
            let end_s = row.get(3)?;
            let sum = sums.entry(row.get(0)?).or_insert(Sum { until_s: end_s, ..Sum::default() });
            sum.frames = sum.frames.wrapping_add(column::count(row, 1)?);
            sum.bytes = sum.bytes.wrapping_add(column::count(row, 2)?);
            sum.until_s = sum.until_s.max(end_s);
        }
    }
    let mut read = transaction
        .prepare_cached("SELECT expired_frames, expired_bytes FROM series WHERE id = ?")?;
    let mut write = transaction.prepare_cached(
        "UPDATE series SET expired_frames = ?2, expired_bytes = ?3, \
         expired_until_s = max(ifnull(expired_until_s, ?4), ?4) WHERE id = ?1",
    )?;
    for (series, sum) in sums {
        let (frames, bytes) =
            read.query_row([series], |row| Ok((column::count(row, 0)?, column::count(row, 1)?)))?;
        write.execute(params![
            series,
            frames.wrapping_add(sum.frames).cast_signed(),
            bytes.wrapping_add(sum.bytes).cast_signed(),
            sum.until_s,
        ])?;
    }
    let sql = format!("DELETE FROM usage WHERE {which}");
    let deleted = transaction.prepare_cached(&sql)?.execute([number.cast_signed()])?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

fn meters(connection: &Connection) -> Result<Vec<i64>, Fault> {
    let mut statement = connection.prepare_cached("SELECT id FROM meter ORDER BY id")?;
    let meters = statement.query_map([], |row| row.get(0))?;
    Ok(meters.collect::<Result<_, _>>()?)
}

fn expire_samples(transaction: &Transaction<'_>, meter: i64, until_s: i64) -> Result<u64, Fault> {
    let last_start_s = until_s.saturating_sub(super::split::SAMPLE_S);
    let mut statement = transaction.prepare_cached(
        "DELETE FROM sample WHERE meter = ? AND start_s <= ? RETURNING bytes, start_s",
    )?;
    let (mut deleted, mut sum, mut expired_until_s) = (0, 0u64, i64::MIN);
    let mut rows = statement.query([meter, last_start_s])?;
    while let Some(row) = rows.next()? {
        sum = sum.wrapping_add(column::count(row, 0)?);
        expired_until_s = expired_until_s.max(row.get::<_, i64>(1)? + super::split::SAMPLE_S);
        deleted += 1;
    }
    if deleted != 0 {
        let before: i64 = transaction
            .prepare_cached("SELECT expired_bytes FROM meter WHERE id = ?")?
            .query_row([meter], |row| row.get(0))?;
        transaction
            .prepare_cached(
                "UPDATE meter SET expired_bytes = ?1, \
                 expired_until_s = max(ifnull(expired_until_s, ?2), ?2) WHERE id = ?3",
            )?
            .execute([before.wrapping_add(sum.cast_signed()), expired_until_s, meter])?;
    }
    Ok(deleted)
}
