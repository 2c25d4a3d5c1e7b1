//! Rows of usage and samples: finding the ones that a count belongs to, and adding to them.

use rusqlite::{CachedStatement, Connection, params};

use super::{
    column,
    error::{Fault, too_much},
    split::{Interval, Share, UsageRow, free_row_at, parts, sample_shares, second_of, shares},
    watermark,
};

/// The row of a count.
#[derive(Clone, Copy, Debug)]
pub(super) struct UsagePlace {
    pub(super) series: i64,
    pub(super) interval: Interval,
    pub(super) period_s: i64,
    pub(super) is_estimated: bool,
}

/// Adds to rows of usage.
pub(super) struct UsageRows<'c> {
    /// The end of the time of which every record is sealed.
    sealed_s: i64,
    /// The end of what has expired.
    floor: CachedStatement<'c>,
    /// Rows that start before a moment, latest first.
    before: CachedStatement<'c>,
    /// Rows that start at a moment or later.
    after: CachedStatement<'c>,
    write: CachedStatement<'c>,
    oldest_s: Option<i64>,
}

impl<'c> UsageRows<'c> {
    pub(super) fn new(connection: &'c Connection) -> Result<Self, Fault> {
        let select = "SELECT start_s, end_s, frames, bytes, is_estimated, seq IS NOT NULL \
                      FROM usage WHERE series = ?";
        Ok(Self {
            sealed_s: watermark::sealed_s(connection)?.unwrap_or(i64::MIN),
            floor: connection.prepare_cached("SELECT expired_until_s FROM series WHERE id = ?")?,
            before: connection
                .prepare_cached(&format!("{select} AND start_s < ? ORDER BY start_s DESC"))?,
            after: connection
                .prepare_cached(&format!("{select} AND start_s >= ? ORDER BY start_s"))?,
            write: connection.prepare_cached(
                "INSERT INTO usage (series, start_s, end_s, frames, bytes, is_estimated) \
                 VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET frames = excluded.frames, \
                 bytes = excluded.bytes, is_estimated = excluded.is_estimated",
            )?,
            oldest_s: None,
        })
    }

    /// Adds frames and bytes to the open rows of their time. Where all rows of that time are sealed
    /// or have expired, or the time is said to be whole, the next open row gets them: no record that has gone out changes,
    /// none is made where receivers expect no more, and no count is lost. Returns the beginning of each row, and its part.
    pub(super) fn add(
        &mut self,
        place: UsagePlace,
        (frames, bytes): (u64, u64),
    ) -> Result<Vec<(i64, u64, u64)>, Fault> {
        let floor: Option<i64> = self.floor.query_row([place.series], |row| row.get(0))?;
        let floor_s = floor.unwrap_or(i64::MIN).max(self.sealed_s);
        let shares = self.shares(place, floor_s)?;
        let weights = || shares.iter().map(|share| share.1);
        let more = parts(frames, weights()).into_iter().zip(parts(bytes, weights()));
        let mut added = Vec::with_capacity(shares.len());
        for ((row, _), (frames, bytes)) in shares.iter().zip(more) {
            if (frames, bytes) == (0, 0) {
                continue;
            }
            self.oldest_s = earlier(self.oldest_s, Some(row.start_s));
            added.push((row.start_s, frames, bytes));
            self.write.execute(params![
                place.series,
                row.start_s,
                row.end_s,
                sum(row.frames, frames)?,
                sum(row.bytes, bytes)?,
                row.is_estimated || place.is_estimated,
            ])?;
        }
        Ok(added)
    }

    /// The beginning of the oldest row that was written to.
    pub(super) fn oldest_s(&self) -> Option<i64> {
        self.oldest_s
    }

    fn shares(&mut self, place: UsagePlace, floor_s: i64) -> Result<Vec<Share>, Fault> {
        let end_us = match place.interval {
            Interval::Span(from_us, to_us) => {
                let span_s = (second_of(from_us), second_of(to_us));
                let rows = self.around(place, span_s)?;
                let shares = shares(&rows, (from_us, to_us), floor_s, place.period_s);
                if !shares.is_empty() {
                    return Ok(shares);
                }
                to_us
            }
            Interval::Point(at_us) => at_us,
        };
        let row = self.first_open(place, second_of(end_us).max(floor_s), floor_s)?;
        Ok(vec![(row, 1)])
    }

    /// The row for a moment, or for the first moment after it that is not sealed.
    fn first_open(
        &mut self,
        place: UsagePlace,
        mut at_s: i64,
        floor_s: i64,
    ) -> Result<UsageRow, Fault> {
        let mut earlier = self.before.query([place.series, at_s])?;
        let mut last = earlier.next()?.map(read).transpose()?;
        if let Some(row) = last.filter(|row| row.contains(at_s)) {
            if !row.is_sealed {
                return Ok(row);
            }
            at_s = row.end_s;
        }
        let mut later = self.after.query([place.series, at_s])?;
        let mut next = later.next()?.map(read).transpose()?;
        while let Some(row) = next.filter(|row| row.start_s == at_s) {
            if !row.is_sealed {
                return Ok(row);
            }
            at_s = row.end_s;
            last = next;
            next = later.next()?.map(read).transpose()?;
        }
        let after_s = last.map_or(floor_s, |row| row.end_s.max(floor_s));
        let before_s = next.map_or(i64::MAX, |row| row.start_s);
        Ok(free_row_at(at_s, after_s, before_s, place.period_s))
    }

    /// The rows that any period of a stretch of time touches, in order.
    fn around(
        &mut self,
        place: UsagePlace,
        (from_s, to_s): (i64, i64),
    ) -> Result<Vec<UsageRow>, Fault> {
        let period_s = place.period_s;
        let begin_s = from_s.div_euclid(period_s) * period_s;
        let end_s = (to_s.div_euclid(period_s) + 1) * period_s;
        let mut found = Vec::new();
        let mut rows = self.before.query([place.series, end_s])?;
        while let Some(row) = rows.next()? {
            let row = read(row)?;
            // Rows don't overlap: those that start earlier end earlier, too.
            if row.end_s <= begin_s {
                break;
            }
            found.push(row);
        }
        found.reverse();
        Ok(found)
    }
}

/// Adds to samples; all counts are of one interval.
pub(super) struct Samples<'c> {
    shares: Vec<(i64, i64)>,
    write: CachedStatement<'c>,
    oldest_s: Option<i64>,
}

impl<'c> Samples<'c> {
    pub(super) fn new(connection: &'c Connection, interval: Interval) -> rusqlite::Result<Self> {
        let write = connection.prepare_cached(
            "INSERT INTO sample (meter, start_s, bytes) VALUES (?, ?, ?) \
             ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes",
        )?;
        Ok(Self { shares: sample_shares(interval), write, oldest_s: None })
    }

    /// Adds bytes to the samples of their time. Returns the beginning of each sample, and its part.
    pub(super) fn add(&mut self, meter: i64, bytes: u64) -> Result<Vec<(i64, u64)>, Fault> {
        let mut added = Vec::with_capacity(self.shares.len());
        let parts = parts(bytes, self.shares.iter().map(|share| share.1));
        for ((start_s, _), bytes) in self.shares.iter().zip(parts) {
            if bytes != 0 {
                self.oldest_s = earlier(self.oldest_s, Some(*start_s));
                self.write.execute(params![meter, start_s, as_stored(bytes)?])?;
                added.push((*start_s, bytes));
            }
        }
        Ok(added)
    }

    /// The beginning of the oldest sample that was written to.
    pub(super) fn oldest_s(&self) -> Option<i64> {
        self.oldest_s
    }
}

fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<UsageRow> {
    Ok(UsageRow {
        start_s: row.get(0)?,
        end_s: row.get(1)?,
        frames: column::count(row, 2)?,
        bytes: column::count(row, 3)?,
        is_estimated: row.get(4)?,
        is_sealed: row.get(5)?,
    })
}

/// A count as the database stores it.
pub(super) fn as_stored(count: u64) -> Result<i64, Fault> {
    i64::try_from(count).map_err(|_too_large| too_much())
}

fn sum(before: u64, more: u64) -> Result<i64, Fault> {
    as_stored(before.checked_add(more).ok_or_else(too_much)?)
}

/// The earlier of two moments, where there are any.
pub(super) fn earlier(one: Option<i64>, other: Option<i64>) -> Option<i64> {
    one.into_iter().chain(other).min()
}
