//! When the meters were read, for those who ask how usage came about.

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use uuid::Uuid;

use super::{Ledger, LedgerError, boots, column, covered, error::Fault, open, split::second_of};

/// The readings behind the usage of some series.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Readings {
    /// The time of the last reading of any meters; `None`: there was none.
    pub last: Option<Timestamp>,
    /// The number of the last reading that changed anything.
    pub checkpoint: u64,
    /// The time since which the ledger knows when meters were read; `None`: it does not know.
    pub known_since: Option<Timestamp>,
    /// The times of which it does not know it.
    pub unknown: Vec<TimeStretch>,
    /// The other times in which nobody read the meters as often as they should be.
    pub unread: Vec<TimeStretch>,
    /// The lives of tables that have counted these series, by their beginning.
    pub epochs: Vec<EpochRead>,
    /// Frames in no period, as no clock has given a date that can be believed.
    pub undated_frames: u64,
    /// Their bytes.
    pub undated_bytes: u64,
    /// The end of the last record of these series that was deleted by age; `None`: all are kept.
    pub expired_until: Option<Timestamp>,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct TimeStretch {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
}

/// A life of tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct EpochRead {
    /// Its id.
    pub epoch: Uuid,
    /// The time when the tables were made, by the clock of then.
    pub created: Timestamp,
    /// The time of the last reading.
    pub last_read: Timestamp,
    /// The way it ended.
    pub end: EpochEnd,
    /// The time when the tables were found gone.
    pub found_gone: Option<Timestamp>,
}

/// The end of tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EpochEnd {
    /// They may still count.
    Open,
    /// They were read a last time, when no frame passed any more.
    Closed,
    /// They were gone with what they had counted since the last reading.
    Lost,
}

impl Ledger {
    /// The readings behind the series with these numbers within `existed`: times in order and apart, which are over.
    pub fn readings(
        &self,
        series: &[i64],
        existed: &[TimeStretch],
    ) -> Result<Readings, LedgerError> {
        let (last, checkpoint) = (self.last_reading()?, self.checkpoint()?);
        let gap_us = column::micros_of(self.policy()?.gap);
        let read = || {
            let transaction = open::read(&self.connection)?;
            let known_since = known_since(&transaction)?;
            let (undated_frames, undated_bytes) = undated(&transaction, series)?;
            Ok(Readings {
                last,
                checkpoint,
                known_since,
                unknown: unknown(existed, known_since, gap_us),
                unread: match known_since {
                    Some(since) => unread(&transaction, existed, since, gap_us)?,
                    None => Vec::new(),
                },
                epochs: epochs(&transaction, series, existed)?,
                undated_frames,
                undated_bytes,
                expired_until: expired_until(&transaction, series)?,
            })
        };
        read().map_err(|fault: Fault| fault.at(&self.path))
    }
}

/// The first moment of which the ledger knows that the meters were read: before that they may have been, too.
fn known_since(connection: &Connection) -> Result<Option<Timestamp>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT min(from_us) FROM covered WHERE boot = ?")?;
    let mut first_us: Option<i64> = None;
    for (boot, offset) in boots::offsets(connection)? {
        let from_us: Option<i64> = statement.query_row([boot], |row| row.get(0))?;
        let date_us = from_us.map(|from_us| from_us.saturating_add(offset.us));
        first_us = first_us.into_iter().chain(date_us).min();
    }
    Ok(first_us.map(column::from_micros))
}

/// The times before that moment, unless they are as short as those between two readings that are in time.
fn unknown(
    existed: &[TimeStretch],
    known_since: Option<Timestamp>,
    gap_us: i64,
) -> Vec<TimeStretch> {
    let before = existed.iter().map(|time| TimeStretch {
        to: known_since.map_or(time.to, |since| time.to.min(since)),
        ..*time
    });
    before.filter(|time| column::micros(time.to) - column::micros(time.from) > gap_us).collect()
}

/// The times without readings that are longer than those between two readings that are in time.
fn unread(
    connection: &Connection,
    existed: &[TimeStretch],
    since: Timestamp,
    gap_us: i64,
) -> Result<Vec<TimeStretch>, Fault> {
    let mut unread = Vec::new();
    for TimeStretch { from, to } in existed {
        let (mut from_us, to_us) = (column::micros(*from.max(&since)), column::micros(*to));
        let span_s = (second_of(from_us), second_of(to_us) + 1);
        let read = covered::within(connection, span_s)?;
        for (read_us, until_us) in read.into_iter().chain([(to_us, to_us)]) {
            if read_us.min(to_us) - from_us > gap_us {
                let (from, to) = (from_us, read_us.min(to_us));
                unread.push(TimeStretch {
                    from: column::from_micros(from),
                    to: column::from_micros(to),
                });
            }
            from_us = from_us.max(until_us);
        }
    }
    Ok(unread)
}

fn epochs(
    connection: &Connection,
    series: &[i64],
    existed: &[TimeStretch],
) -> Result<Vec<EpochRead>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT uuid, created_us, taken_us, is_closed, lost_us FROM epoch \
         WHERE id IN (SELECT epoch FROM snapshot WHERE series = ?)",
    )?;
    let mut epochs: Vec<EpochRead> = Vec::new();
    for number in series {
        let found = statement.query_map([number], |row| {
            let found_gone: Option<i64> = row.get(4)?;
            Ok(EpochRead {
                epoch: column::uuid(row, 0)?,
                created: column::from_micros(row.get(1)?),
                last_read: column::from_micros(row.get(2)?),
                end: match (row.get(3)?, found_gone) {
                    (_, Some(_)) => EpochEnd::Lost,
                    (true, None) => EpochEnd::Closed,
                    (false, None) => EpochEnd::Open,
                },
                found_gone: found_gone.map(column::from_micros),
            })
        })?;
        epochs.extend(found.collect::<Result<Vec<_>, _>>()?);
    }
    let (first, last) = (existed.first(), existed.last());
    let is_within = |epoch: &EpochRead| {
        let until = epoch.found_gone.unwrap_or(epoch.last_read);
        first.is_some_and(|first| first.from <= until)
            && last.is_some_and(|last| epoch.created < last.to)
    };
    epochs.retain(is_within);
    epochs.sort_by_key(|epoch| (epoch.created, epoch.epoch));
    epochs.dedup_by_key(|epoch| epoch.epoch);
    Ok(epochs)
}

/// Frames and bytes of boots that have no date.
fn undated(connection: &Connection, series: &[i64]) -> Result<(u64, u64), Fault> {
    let dated = boots::offsets(connection)?;
    let mut statement = connection.prepare_cached(
        "SELECT boot, sum(frames), sum(bytes) FROM held WHERE series = ? GROUP BY boot",
    )?;
    let (mut frames, mut bytes) = (0u64, 0u64);
    for number in series {
        let mut rows = statement.query([number])?;
        while let Some(row) = rows.next()? {
            if !dated.contains_key(&row.get(0)?) {
                frames = frames.saturating_add(column::count(row, 1)?);
                bytes = bytes.saturating_add(column::count(row, 2)?);
            }
        }
    }
    Ok((frames, bytes))
}

fn expired_until(connection: &Connection, series: &[i64]) -> Result<Option<Timestamp>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT expired_until_s FROM series WHERE id = ?")?;
    let mut until_s: Option<i64> = None;
    for number in series {
        let own: Option<i64> = statement.query_row([number], |row| row.get(0))?;
        until_s = until_s.max(own);
    }
    Ok(until_s.map(column::from_seconds))
}
