//! Whether the books balance. The ledger has every count twice, in different ways, and this module
//! compares the two.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::{Ledger, LedgerError, column, error::Fault, export::BATCH_RECORDS, open};

impl Ledger {
    /// Reads the whole ledger, and returns its problems: none, if it is sound.
    pub fn check(&self) -> Result<Vec<String>, LedgerError> {
        check(&self.connection).map_err(|fault| fault.at(&self.path))
    }
}

pub(super) fn check(connection: &Connection) -> Result<Vec<String>, Fault> {
    let mut problems = integrity(connection)?;
    if !problems.is_empty() {
        // Sums over damaged pages would mean nothing.
        return Ok(problems);
    }
    // One state of the whole ledger, even if another process writes meanwhile.
    let transaction = open::read(connection)?;
    foreign_keys(&transaction, &mut problems)?;
    balance(&transaction, &mut problems)?;
    rows(&transaction, &mut problems)?;
    laid(&transaction, &mut problems)?;
    drops(&transaction, &mut problems)?;
    batches(&transaction, &mut problems)?;
    Ok(problems)
}

fn integrity(connection: &Connection) -> Result<Vec<String>, Fault> {
    let mut statement = connection.prepare("PRAGMA integrity_check")?;
    let found = statement.query_map([], |row| row.get::<_, String>(0))?;
    let found: Vec<_> = found.collect::<Result<_, _>>()?;
    Ok(found.into_iter().filter(|line| line != "ok").collect())
}

fn foreign_keys(connection: &Connection, problems: &mut Vec<String>) -> Result<(), Fault> {
    let mut statement = connection.prepare("PRAGMA foreign_key_check")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (table, parent): (String, String) = (row.get(0)?, row.get(2)?);
        problems.push(format!("a row of {table} refers to one of {parent} that is not there"));
    }
    Ok(())
}

/// Frames and bytes, modulo 2^64.
type FramesAndBytes = (u64, u64);

fn balance(connection: &Connection, problems: &mut Vec<String>) -> Result<(), Fault> {
    let usage = sums(connection, "SELECT series, frames, bytes FROM usage")?;
    let laid = sums(connection, "SELECT series, frames, bytes FROM laid")?;
    let held = sums(connection, "SELECT series, frames, bytes FROM held")?;
    let expired = sums(connection, "SELECT id, expired_frames, expired_bytes FROM series")?;
    let booked = sums(connection, "SELECT series, frames, bytes FROM snapshot")?;
    let mut by_meter: BTreeMap<i64, u64> = BTreeMap::new();
    let mut statement = connection.prepare(
        "SELECT series.id, class, meter, edge, circuit, direction, peering, link FROM series \
         JOIN owner ON owner.id = owner JOIN meter ON meter.id = meter ORDER BY series.id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let of = |sums: &BTreeMap<i64, FramesAndBytes>| sums.get(&id).copied().unwrap_or_default();
        // A count in `laid` is in `usage` and in `held`. Any other is in one of these, or has
        // expired.
        let used = less(add(add(of(&usage), of(&held)), of(&expired)), of(&laid));
        if used != of(&booked) {
            let names: [String; 6] =
                [row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?, row.get(7)?, row.get(1)?];
            problems.push(format!(
                "series {id} ({}): usage is {} frames and {} bytes, readings are {} and {}",
                names.join(" "),
                used.0,
                used.1,
                of(&booked).0,
                of(&booked).1,
            ));
        }
        let sum = by_meter.entry(row.get(2)?).or_default();
        *sum = sum.wrapping_add(used.1);
    }
    let samples = sums(connection, "SELECT meter, 0, bytes FROM sample")?;
    let laid = sums(connection, "SELECT meter, 0, bytes FROM laid_sample")?;
    let held = sums(
        connection,
        "SELECT meter, 0, bytes FROM held JOIN series ON series.id = series \
         JOIN owner ON owner.id = owner",
    )?;
    let mut statement =
        connection.prepare("SELECT id, expired_bytes, edge, circuit, direction FROM meter")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let of = |sums: &BTreeMap<i64, FramesAndBytes>| sums.get(&id).map_or(0, |sum| sum.1);
        let kept = of(&samples).wrapping_add(of(&held)).wrapping_sub(of(&laid));
        let total = kept.wrapping_add(column::count(row, 1)?);
        let used = by_meter.get(&id).copied().unwrap_or_default();
        if total != used {
            let names: [String; 3] = [row.get(2)?, row.get(3)?, row.get(4)?];
            problems
                .push(format!("{}: samples are {total} bytes, usage is {used}", names.join(" ")));
        }
    }
    Ok(())
}

/// Checks that usage which may come to another date is still in the rows where it was laid.
fn laid(connection: &Connection, problems: &mut Vec<String>) -> Result<(), Fault> {
    for (sql, what) in [
        (
            "SELECT count(*) FROM laid LEFT JOIN usage USING (series, start_s) \
             WHERE usage.frames IS NULL OR usage.seq IS NOT NULL \
             OR usage.frames < laid.frames OR usage.bytes < laid.bytes",
            "periods",
        ),
        (
            "SELECT count(*) FROM laid_sample LEFT JOIN sample USING (meter, start_s) \
             WHERE sample.bytes IS NULL OR sample.bytes < laid_sample.bytes",
            "samples",
        ),
    ] {
        let wrong: i64 = connection.query_row(sql, [], |row| row.get(0))?;
        if wrong != 0 {
            problems.push(format!("{wrong} {what} lack usage that is not dated for good"));
        }
    }
    Ok(())
}

/// Checks that every drop that is booked is in a sample, is held or has expired.
fn drops(connection: &Connection, problems: &mut Vec<String>) -> Result<(), Fault> {
    let booked = sums(connection, "SELECT outcome, frames, bytes FROM drop_snapshot")?;
    let samples = sums(connection, "SELECT outcome, frames, bytes FROM outcome_sample")?;
    let held = sums(connection, "SELECT outcome, frames, bytes FROM held_outcome")?;
    let expired = sums(connection, "SELECT id, expired_frames, expired_bytes FROM outcome")?;
    let mut statement = connection.prepare(
        "SELECT outcome.id, edge, circuit, direction, link, reason, class FROM outcome \
         JOIN meter ON meter.id = meter WHERE reason <> 'ok' ORDER BY outcome.id",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let of = |sums: &BTreeMap<i64, FramesAndBytes>| sums.get(&id).copied().unwrap_or_default();
        let kept = add(add(of(&samples), of(&held)), of(&expired));
        if kept != of(&booked) {
            let names: [String; 6] =
                [row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?, row.get(6)?];
            problems.push(format!(
                "drops of {}: samples are {} frames and {} bytes, readings are {} and {}",
                names.join(" ").trim_end(),
                kept.0,
                kept.1,
                of(&booked).0,
                of(&booked).1,
            ));
        }
    }
    Ok(())
}

/// Checks that the rows of a series don't overlap.
fn rows(connection: &Connection, problems: &mut Vec<String>) -> Result<(), Fault> {
    let mut statement =
        connection.prepare("SELECT series, start_s, end_s FROM usage ORDER BY series, start_s")?;
    let mut rows = statement.query([])?;
    let mut last: Option<(i64, i64)> = None;
    while let Some(row) = rows.next()? {
        let (series, start_s, end_s): (i64, i64, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if last.is_some_and(|(of, until_s)| of == series && until_s > start_s) {
            let start = column::from_seconds(start_s);
            problems.push(format!("series {series}: the period from {start} on overlaps another"));
        }
        last = Some((series, end_s));
    }
    Ok(())
}

fn batches(connection: &Connection, problems: &mut Vec<String>) -> Result<(), Fault> {
    let mut statement = connection.prepare(
        "SELECT number, first_seq, last_seq, frames, bytes, is_expired, last_end_s, after_s FROM batch \
         ORDER BY number",
    )?;
    let mut records = connection
        .prepare("SELECT frames, bytes, end_s, start_s FROM usage WHERE seq BETWEEN ? AND ?")?;
    let (mut last_number, mut last_seq, mut sealed) = (0, 0, 0u64);
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let [number, first, last]: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
        if number != last_number + 1 {
            problems.push(format!("batch {number} follows batch {last_number}"));
        }
        if first != last_seq + 1 || last < first {
            problems.push(format!("batch {number} has records {first} to {last} after {last_seq}"));
        }
        (last_number, last_seq) = (number, last);
        let expected = (column::count(row, 3)?, column::count(row, 4)?);
        let (mut count, mut sum, mut end_s) = (0u64, FramesAndBytes::default(), i64::MIN);
        let (after_s, mut is_late) = (row.get::<_, Option<i64>>(7)?, false);
        let mut found = records.query([first, last])?;
        while let Some(record) = found.next()? {
            count += 1;
            sum = add(sum, (column::count(record, 0)?, column::count(record, 1)?));
            end_s = end_s.max(record.get(2)?);
            is_late |= Some(record.get(3)?) < after_s;
        }
        sealed += count;
        if is_late {
            let what = "has a record of a time that receivers were told to be whole";
            problems.push(format!("batch {number} {what}"));
        }
        let all = if row.get(5)? { 0 } else { (last - first).unsigned_abs() + 1 };
        if count != all || count > u64::try_from(BATCH_RECORDS).unwrap_or(u64::MAX) {
            problems.push(format!("batch {number} has {count} records instead of {all}"));
        } else if all != 0 && (sum != expected || end_s != row.get::<_, i64>(6)?) {
            problems.push(format!("records of batch {number} have changed since they were sealed"));
        }
    }
    let all: i64 =
        connection
            .query_row("SELECT count(*) FROM usage WHERE seq IS NOT NULL", [], |row| row.get(0))?;
    if all.unsigned_abs() != sealed {
        problems.push(format!("{all} records are sealed, and batches have {sealed}"));
    }
    let mut statement = connection.prepare("SELECT name, acknowledged FROM sink")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (name, number): (String, i64) = (row.get(0)?, row.get(1)?);
        if number > last_number {
            problems.push(format!("{name:?} has acknowledged batch {number} of {last_number}"));
        }
    }
    Ok(())
}

fn sums(connection: &Connection, sql: &str) -> Result<BTreeMap<i64, FramesAndBytes>, Fault> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut sums: BTreeMap<i64, FramesAndBytes> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let sum = sums.entry(row.get(0)?).or_default();
        *sum = add(*sum, (column::count(row, 1)?, column::count(row, 2)?));
    }
    Ok(sums)
}

fn add(a: FramesAndBytes, b: FramesAndBytes) -> FramesAndBytes {
    (a.0.wrapping_add(b.0), a.1.wrapping_add(b.1))
}

fn less(a: FramesAndBytes, b: FramesAndBytes) -> FramesAndBytes {
    (a.0.wrapping_sub(b.0), a.1.wrapping_sub(b.1))
}
