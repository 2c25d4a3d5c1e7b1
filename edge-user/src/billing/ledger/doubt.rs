//! Usage and terms whose date is not known, or can't be right.

use std::fmt;

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Ledger, LedgerError, belief::SECOND_US, boots, column, error::Fault, notes, open};
use crate::{time::Moment, units::count};

/// Usage or terms whose date is not known, or can't be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// They are in no period yet: no clock has given a date that can be believed.
    Undated {
        /// Frames.
        frames: u64,
        /// Their bytes.
        bytes: u64,
        /// Circuits with new terms.
        terms: u64,
    },
    /// They are of a boot without a believed clock, and were dated as if it had ended when the next
    /// boot began.
    Between {
        /// The earliest possible date; `None`: not known.
        from: Option<Timestamp>,
        /// The latest possible date.
        to: Timestamp,
        /// Frames.
        frames: u64,
        /// Their bytes.
        bytes: u64,
        /// Circuits with new terms.
        terms: u64,
    },
    /// They have gone out in export records with the date of a wrong clock. Records never change.
    Misdated {
        /// The first wrong date.
        from: Timestamp,
        /// The last wrong date.
        to: Timestamp,
        /// The true date of the first.
        truly_from: Timestamp,
        /// Frames.
        frames: u64,
        /// Their bytes.
        bytes: u64,
    },
    /// Their date is in the future: a clock was ahead.
    Ahead {
        /// The last such date.
        until: Timestamp,
        /// Frames.
        frames: u64,
        /// Their bytes.
        bytes: u64,
        /// The part of the frames that is in export records, which never change.
        sealed_frames: u64,
        /// Spans of terms.
        terms: u64,
    },
}

impl Doubt {
    /// Whether usage or fees of that time may be concerned.
    #[must_use]
    pub fn concerns(&self, from: Timestamp, to: Timestamp) -> bool {
        match self {
            Self::Between { from: first, to: last, .. } => {
                first.is_none_or(|first| first < to) && *last >= from
            }
            // The time that has them, and the time that lacks them.
            Self::Misdated { from: first, to: last, truly_from, .. } => {
                *first < to && *last >= from
                    || *truly_from < to && {
                        let length = last.duration_since(*first);
                        truly_from.saturating_add(length).is_ok_and(|truly_to| truly_to >= from)
                    }
            }
            Self::Undated { .. } | Self::Ahead { .. } => true,
        }
    }
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = |frames: &u64, bytes: &u64, terms: &u64| {
            let usage = format!("{} frames ({} bytes)", count(*frames), count(*bytes));
            match (*frames, *terms) {
                (_, 0) => usage,
                (0, terms) => format!("the terms of {} circuits", count(terms)),
                (_, terms) => format!("{usage} and the terms of {} circuits", count(terms)),
            }
        };
        match self {
            Self::Undated { frames, bytes, terms } => write!(
                f,
                "{} are in no period yet: since this boot, the clock has given no date that can be \
                 believed; set the clock, and the running daemon dates them by the time since boot",
                what(frames, bytes, terms)
            ),
            Self::Between { from, to, frames, bytes, terms } => {
                let what = what(frames, bytes, terms);
                write!(f, "{what} are of a boot whose clock could never be believed, ")?;
                match from {
                    Some(from) => write!(f, "between {from:.0} and {to:.0}")?,
                    None => write!(f, "before {to:.0}")?,
                }
                f.write_str(", and have the latest of these dates")
            }
            Self::Misdated { from, to, truly_from, frames, bytes } => write!(
                f,
                "{} have gone out in export records dated from {from:.0} to {to:.0} by a clock that \
                 was wrong: the true date of the first of these is {truly_from:.0}",
                what(frames, bytes, &0)
            ),
            Self::Ahead { until, frames, bytes, sealed_frames, terms } => {
                let what = what(frames, bytes, terms);
                write!(f, "{what} are dated later than now, up to {until:.0}: a clock was ahead")?;
                if *sealed_frames != 0 {
                    let sealed = count(*sealed_frames);
                    write!(f, "; {sealed} of the frames are in export records, which stay so")?;
                }
                Ok(())
            }
        }
    }
}

impl Ledger {
    /// Usage and terms whose date is not known, or later than `now`.
    pub fn doubts(&self, now: Timestamp) -> Result<Vec<Doubt>, LedgerError> {
        doubts(&self.connection, now).map_err(|fault| fault.at(&self.path))
    }

    /// The date of a moment by the offset that is believed for its boot, not by the clock itself;
    /// `None`: no date was believed in that boot.
    pub fn date(&self, moment: &Moment) -> Result<Option<Timestamp>, LedgerError> {
        let boot = boots::find(&self.connection, moment.boot_id);
        let Some(boot) = boot.map_err(|fault| fault.at(&self.path))? else { return Ok(None) };
        Ok(boot.belief.date_us(moment.boot_us).map(column::from_micros))
    }

    /// A sentence on a fault of the clock and its effect; `None`: the clock is believed.
    pub fn clock_notice(&self) -> Result<Option<String>, LedgerError> {
        let last = boots::last(&self.connection).map_err(|fault| fault.at(&self.path))?;
        let Some(belief) = last.map(|boot| boot.belief) else { return Ok(None) };
        if belief.is_followed() {
            return Ok(None);
        }
        let said = column::from_micros(belief.clock_us.saturating_add(belief.read_us));
        Ok(Some(match belief.date_us(belief.read_us) {
            None => format!(
                "the clock says {said:.0}, which is not believed: usage is kept, and dated when \
                 the clock is right; set the clock"
            ),
            Some(date_us) => format!(
                "the clock has jumped to {said:.0}: usage is dated as if it had not ({:.0}), until \
                 the new time has held for long enough; set the clock if it is wrong",
                column::from_micros(date_us)
            ),
        }))
    }
}

fn doubts(connection: &Connection, now: Timestamp) -> Result<Vec<Doubt>, Fault> {
    let transaction = open::read(connection)?;
    let mut doubts = Vec::new();
    let offsets = boots::offsets(&transaction)?;
    let (mut frames, mut bytes) = (0u64, 0u64);
    let mut statement = transaction
        .prepare_cached("SELECT boot, sum(frames), sum(bytes) FROM held GROUP BY boot")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        if !offsets.contains_key(&row.get(0)?) {
            frames = frames.saturating_add(column::count(row, 1)?);
            bytes = bytes.saturating_add(column::count(row, 2)?);
        }
    }
    let terms = notes::undated(&transaction)?;
    if (frames, bytes, terms) != (0, 0, 0) {
        doubts.push(Doubt::Undated { frames, bytes, terms });
    }
    let mut statement = transaction.prepare_cached(
        "SELECT from_us, to_us, shift_us, frames, bytes, terms FROM doubt ORDER BY id",
    )?;
    let kept = statement.query_map([], |row| {
        let from_us: Option<i64> = row.get(0)?;
        let to = column::from_micros(row.get(1)?);
        let (frames, bytes) = (column::count(row, 3)?, column::count(row, 4)?);
        let from = from_us.map(column::from_micros);
        let shift_us: Option<i64> = row.get(2)?;
        Ok(match (from_us, from, shift_us) {
            (Some(from_us), Some(from), Some(shift_us)) => {
                let truly_from = column::from_micros(from_us.saturating_add(shift_us));
                Doubt::Misdated { from, to, truly_from, frames, bytes }
            }
            _ => Doubt::Between { from, to, frames, bytes, terms: column::count(row, 5)? },
        })
    })?;
    doubts.extend(kept.collect::<Result<Vec<_>, _>>()?);
    doubts.extend(ahead(&transaction, column::micros(now))?);
    Ok(doubts)
}

fn ahead(connection: &Connection, now_us: i64) -> Result<Option<Doubt>, Fault> {
    let sql = "SELECT ifnull(sum(frames), 0), ifnull(sum(bytes), 0), max(end_s), \
               ifnull(sum(CASE WHEN seq IS NULL THEN 0 ELSE frames END), 0) \
               FROM usage WHERE start_s > ?1";
    let second = now_us.div_euclid(SECOND_US);
    let (frames, bytes, end_s, sealed_frames) = connection.query_row(sql, [second], |row| {
        let end_s: Option<i64> = row.get(2)?;
        Ok((column::count(row, 0)?, column::count(row, 1)?, end_s, column::count(row, 3)?))
    })?;
    let sql = "SELECT count(*), max(from_us) FROM terms WHERE from_us > ?1";
    let (terms, from_us) = connection.query_row(sql, [now_us], |row| {
        Ok((column::count(row, 0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    let usage = end_s.map(column::from_seconds);
    let until = usage.into_iter().chain(from_us.map(column::from_micros)).max();
    Ok(until.map(|until| Doubt::Ahead { until, frames, bytes, sealed_frames, terms }))
}
