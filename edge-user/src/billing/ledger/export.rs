//! Records of periods that are over, and their batches for each receiver.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, Transaction, params};
use uuid::Uuid;

use super::{
    Batch, ExportRecord, Ledger, LedgerError, boots, column,
    error::Fault,
    open, settle,
    sinks::acknowledged,
    usage::{self, SERIES_COLUMNS, SERIES_TABLES},
    watermark,
};

/// Records in a batch at most.
pub(super) const BATCH_RECORDS: usize = 5_000;

impl Ledger {
    /// Turns the periods that are over into export records, which never change again, and returns
    /// their number. A period is over by a clock that has not stepped for a while and contradicts
    /// nothing in the ledger. A period without usage makes no record.
    pub fn seal_what_is_over(&mut self) -> Result<u64, LedgerError> {
        self.seal_until(None)
    }

    /// Turns the periods that ended at `now` or before into export records, and returns their
    /// number. The caller vouches for `now`: if there is a period to seal, all dates become final.
    pub fn seal(&mut self, now: Timestamp) -> Result<u64, LedgerError> {
        self.seal_until(Some(now))
    }

    fn seal_until(&mut self, vouched: Option<Timestamp>) -> Result<u64, LedgerError> {
        let sealed = seal(&mut self.connection, vouched);
        let (records, id) = sealed.map_err(|fault| fault.at(&self.path))?;
        self.id = id;
        Ok(records)
    }

    /// The first batch that `sink` has not acknowledged.
    pub fn next_batch(&self, sink: &str) -> Result<Option<Batch>, LedgerError> {
        next_batch(&self.connection, sink).map_err(|fault| fault.at(&self.path))
    }

    /// Notes that `sink` has all records of a batch. A batch that it has acknowledged before
    /// changes nothing.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where another batch is next.
    pub fn acknowledge(&mut self, sink: &str, batch_number: u64) -> Result<(), LedgerError> {
        acknowledge(&mut self.connection, sink, batch_number).map_err(|fault| fault.at(&self.path))
    }

    /// Records that `sink` has not acknowledged.
    pub fn pending(&self, sink: &str) -> Result<u64, LedgerError> {
        pending(&self.connection, sink).map_err(|fault| fault.at(&self.path))
    }
}

/// A batch with its records.
pub(super) fn batch(connection: &Connection, number: u64) -> Result<Option<Batch>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT uuid, first_seq, last_seq FROM batch \
         JOIN incarnation ON incarnation.id = incarnation WHERE number = ? AND NOT is_expired",
    )?;
    let found = statement.query_row([number.cast_signed()], |row| {
        Ok((column::uuid(row, 0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?))
    });
    let Some((ledger, first, last)) = found.optional()? else { return Ok(None) };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {SERIES_COLUMNS}, start_s, end_s, frames, bytes, is_estimated, seq \
         FROM {SERIES_TABLES} JOIN usage ON usage.series = series.id \
         WHERE seq BETWEEN ? AND ? ORDER BY seq"
    ))?;
    let records = statement.query_map([first, last], |row| {
        let seq = column::count(row, 14)?;
        Ok(ExportRecord { id: format!("{ledger}-{seq}"), ledger, seq, usage: usage::record(row)? })
    })?;
    Ok(Some(Batch { ledger, number, records: records.collect::<Result<_, _>>()? }))
}

fn seal(connection: &mut Connection, vouched: Option<Timestamp>) -> Result<(u64, Uuid), Fault> {
    let transaction = connection.transaction()?;
    let until = match vouched {
        Some(now) => Some(column::micros(now)),
        None => boots::seals_until_us(&transaction)?,
    };
    let until_s = until.map_or(i64::MIN, |until_us| until_us.div_euclid(1_000_000));
    let is_final = vouched.is_some()
        || boots::last(&transaction)?.is_some_and(|boot| boot.belief.seals_until_us().is_some());
    let sql = "SELECT EXISTS (SELECT 1 FROM usage WHERE seq IS NULL AND end_s <= ?)";
    if is_final
        && transaction.prepare_cached(sql)?.query_row([until_s], |row| row.get::<_, bool>(0))?
    {
        settle::make_final(&transaction)?;
    }
    let mut records = 0;
    loop {
        let batch = seal_batch(&transaction, until_s)?;
        records += batch;
        if batch < BATCH_RECORDS {
            break;
        }
    }
    if until.is_some() {
        watermark::raise(&transaction, until_s)?;
    }
    let id = open::current_id(&transaction)?;
    transaction.commit()?;
    Ok((u64::try_from(records).unwrap_or(u64::MAX), id))
}

/// Seals as many rows as a batch takes.
fn seal_batch(transaction: &Transaction<'_>, until_s: i64) -> Result<usize, Fault> {
    let mut find = transaction.prepare_cached(
        "SELECT series, start_s, end_s, frames, bytes FROM usage \
         WHERE seq IS NULL AND end_s <= ? AND NOT EXISTS (SELECT 1 FROM laid \
         WHERE laid.series = usage.series AND laid.start_s = usage.start_s) ORDER BY end_s, series LIMIT ?",
    )?;
    let limit = i64::try_from(BATCH_RECORDS).unwrap_or(i64::MAX);
    let rows = find.query_map([until_s, limit], |row| {
        let numbers: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        Ok((numbers, column::count(row, 3)?, column::count(row, 4)?))
    })?;
    let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
    let Some(([_, _, last_end_s], ..)) = rows.last() else { return Ok(0) };
    let last: Option<i64> =
        transaction.query_row("SELECT max(last_seq) FROM batch", [], |row| row.get(0))?;
    let first_seq = last.unwrap_or(0) + 1;
    let mut write =
        transaction.prepare_cached("UPDATE usage SET seq = ? WHERE series = ? AND start_s = ?")?;
    let (mut all_frames, mut all_bytes) = (0u64, 0u64);
    let mut seq = first_seq;
    for ([series, start_s, _], frames, bytes) in &rows {
        write.execute([seq, *series, *start_s])?;
        all_frames = all_frames.wrapping_add(*frames);
        all_bytes = all_bytes.wrapping_add(*bytes);
        seq += 1;
    }
    transaction.execute(
        "INSERT INTO batch \
         (number, incarnation, after_s, first_seq, last_seq, last_end_s, frames, bytes) \
         SELECT ifnull((SELECT max(number) FROM batch), 0) + 1, \
         (SELECT max(id) FROM incarnation), (SELECT sealed_s FROM watermark), ?, ?, ?, ?, ?",
        params![first_seq, seq - 1, last_end_s, all_frames.cast_signed(), all_bytes.cast_signed()],
    )?;
    Ok(rows.len())
}

fn next_batch(connection: &Connection, sink: &str) -> Result<Option<Batch>, Fault> {
    let transaction = open::read(connection)?;
    match next_number(&transaction, sink)? {
        Some(number) => batch(&transaction, number),
        None => Ok(None),
    }
}

fn next_number(connection: &Connection, sink: &str) -> Result<Option<u64>, Fault> {
    let mut statement = connection
        .prepare_cached("SELECT min(number) FROM batch WHERE number > ? AND NOT is_expired")?;
    let after = acknowledged(connection, sink)?.cast_signed();
    let number: Option<i64> = statement.query_row([after], |row| row.get(0))?;
    Ok(number.map(i64::cast_unsigned))
}

fn acknowledge(connection: &mut Connection, sink: &str, number: u64) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    if number <= acknowledged(&transaction, sink)? {
        return Ok(());
    }
    let next = next_number(&transaction, sink)?;
    if next != Some(number) {
        let next = next.map_or("nothing".to_owned(), |next| format!("batch {next}"));
        return Err(Fault::Refused(format!(
            "{sink:?} acknowledges batch {number}, but {next} is next; nothing was noted"
        )));
    }
    transaction.execute(
        "INSERT INTO sink (name, acknowledged) VALUES (?, ?) \
         ON CONFLICT DO UPDATE SET acknowledged = excluded.acknowledged",
        params![sink, number.cast_signed()],
    )?;
    Ok(transaction.commit()?)
}

fn pending(connection: &Connection, sink: &str) -> Result<u64, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT ifnull(sum(last_seq - first_seq + 1), 0) FROM batch \
         WHERE number > ? AND NOT is_expired",
    )?;
    let transaction = open::read(connection)?;
    let after = acknowledged(&transaction, sink)?.cast_signed();
    Ok(statement.query_row([after], |row| column::count(row, 0))?)
}
