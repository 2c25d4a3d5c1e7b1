//! Deleting what has been kept for long enough.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::{
    Ledger, LedgerError, belief::SECOND_US, boots, column, covered, drop_news::add_expired,
    error::Fault, link_history, sinks::acknowledged,
};

/// Outcomes whose samples expire in one transaction.
const OUTCOMES_AT_ONCE: i64 = 256;

/// Numbers of the records and samples that were deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expired {
    /// Usage records.
    pub usage: u64,
    /// Five-minute samples.
    pub samples: u64,
}

impl Ledger {
    /// Deletes samples, those of drops and peaks too, that are older than `keep_samples`. Deletes batches of export records, with
    /// their usage, where all of it is older than `keep_usage` and each of `sinks` has acknowledged
    /// it. Samples and usage that are not dated for good stay, and so does usage that is not
    /// sealed. The ledger keeps the sums of deleted rows, and gives their space back.
    ///
    /// No date alone makes a row old: as much time must have passed since it was written, by the
    /// clock since boot and while the books were kept. Books that are younger than that lose no
    /// row, whatever the clock says.
    pub fn expire(
        &mut self,
        keep_usage: Duration,
        keep_samples: Duration,
        sinks: &[&str],
    ) -> Result<Expired, LedgerError> {
        expire(&mut self.connection, keep_usage, keep_samples, sinks)
            .map_err(|fault| fault.at(&self.path))
    }

    /// End of the last deleted usage, before which some is missing; `None`: all is kept.
    pub fn expired_until(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.latest("SELECT max(expired_until_s) FROM series")
    }

    /// End of the last deleted sample, in the same way.
    pub fn samples_expired_until(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.latest("SELECT max(expired_until_s) FROM meter")
    }

    fn latest(&self, sql: &str) -> Result<Option<Timestamp>, LedgerError> {
        let latest = self.connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        let latest = latest.map_err(|error| Fault::from(error).at(&self.path))?;
        Ok(latest.map(column::from_seconds))
    }
}

/// Expires by a transaction for each batch and each meter: no other process has to wait for all of
/// them, and each leaves the books balanced.
fn expire(
    connection: &mut Connection,
    keep_usage: Duration,
    keep_samples: Duration,
    sinks: &[&str],
) -> Result<Expired, Fault> {
    let mut expired = Expired::default();
    let usage_until_s = older_than_s(connection, keep_usage)?;
    for number in old_batches(connection, usage_until_s.unwrap_or(i64::MIN))? {
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
        if let Some(until_s) = older_than_s(&transaction, keep_samples)? {
            expired.samples += expire_samples(&transaction, meter, until_s)?;
        }
        transaction.commit()?;
    }
    expire_outcomes(connection, keep_samples)?;
    expire_links(connection, keep_usage)?;
    // Each step gives back one page.
    let mut vacuum = connection.prepare("PRAGMA incremental_vacuum")?;
    let mut rows = vacuum.query([])?;
    while rows.next()?.is_some() {}
    Ok(expired)
}

/// The second before which every row is older than `keep`, by its date and by the time that has
/// passed; `None`: no row is.
fn older_than_s(connection: &Connection, keep: Duration) -> Result<Option<i64>, Fault> {
    let keep_s = column::seconds(keep);
    let Some(now_us) = boots::seals_until_us(connection)? else { return Ok(None) };
    let by_date_s = now_us.div_euclid(SECOND_US).saturating_sub(keep_s);
    let by_time_s = boots::older_than_s(connection, keep_s)?;
    Ok(by_time_s.map(|by_time_s| by_time_s.min(by_date_s)))
}

fn old_batches(connection: &Connection, until_s: i64) -> Result<Vec<u64>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT number FROM batch WHERE NOT is_expired AND last_end_s <= ? ORDER BY number",
    )?;
    let numbers = statement.query_map([until_s], |row| column::count(row, 0))?;
    Ok(numbers.collect::<Result<_, _>>()?)
}

/// The part of a series that expires.
#[derive(Default)]
struct ExpiredSum {
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
        // Another process has done it meanwhile.
        return Ok(0);
    }
    let which = "seq BETWEEN (SELECT first_seq FROM batch WHERE number = ?1) \
                 AND (SELECT last_seq FROM batch WHERE number = ?1)";
    let mut sums: BTreeMap<i64, ExpiredSum> = BTreeMap::new();
    {
        let mut statement = transaction.prepare_cached(&format!(
            "SELECT series, frames, bytes, end_s FROM usage WHERE {which}"
        ))?;
        let mut rows = statement.query([number.cast_signed()])?;
        while let Some(row) = rows.next()? {
            let end_s = row.get(3)?;
            let sum = sums
                .entry(row.get(0)?)
                .or_insert(ExpiredSum { until_s: end_s, ..ExpiredSum::default() });
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
        "DELETE FROM sample WHERE meter = ? AND start_s <= ? AND NOT EXISTS (SELECT 1 \
         FROM laid_sample WHERE laid_sample.meter = sample.meter \
         AND laid_sample.start_s = sample.start_s) RETURNING bytes, start_s",
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

/// Expires states of links as usage is.
fn expire_links(connection: &mut Connection, keep: Duration) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    if let Some(until_s) = older_than_s(&transaction, keep)? {
        link_history::expire(&transaction, until_s.saturating_mul(SECOND_US))?;
    }
    Ok(transaction.commit()?)
}

/// Expires samples of outcomes by a transaction for some outcomes each.
fn expire_outcomes(connection: &mut Connection, keep: Duration) -> Result<(), Fault> {
    let mut last = 0i64;
    loop {
        let transaction = connection.transaction()?;
        let Some(until_s) = older_than_s(&transaction, keep)? else { return Ok(()) };
        let some = {
            let sql = "SELECT id FROM outcome WHERE id > ? ORDER BY id LIMIT ?";
            let mut statement = transaction.prepare_cached(sql)?;
            let some = statement.query_map([last, OUTCOMES_AT_ONCE], |row| row.get(0))?;
            some.collect::<Result<Vec<i64>, _>>()?
        };
        let Some(newest) = some.last() else {
            covered::expire(&transaction, until_s)?;
            return Ok(transaction.commit()?);
        };
        last = *newest;
        for outcome in some {
            expire_outcome(&transaction, outcome, until_s)?;
        }
        transaction.commit()?;
    }
}

fn expire_outcome(transaction: &Transaction<'_>, outcome: i64, until_s: i64) -> Result<(), Fault> {
    let mut statement = transaction.prepare_cached(
        "DELETE FROM outcome_sample WHERE outcome = ? AND start_s <= ? RETURNING frames, bytes",
    )?;
    let (mut sum, mut is_any) = ((0u64, 0u64), false);
    let last_start_s = until_s.saturating_sub(super::split::SAMPLE_S);
    let mut rows = statement.query([outcome, last_start_s])?;
    while let Some(row) = rows.next()? {
        sum.0 = sum.0.wrapping_add(column::count(row, 0)?);
        sum.1 = sum.1.wrapping_add(column::count(row, 1)?);
        is_any = true;
    }
    if is_any { add_expired(transaction, outcome, sum) } else { Ok(()) }
}
