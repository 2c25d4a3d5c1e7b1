//! Samples of outcomes: adding to them or, until their date is certain, holding them. Held amounts are in
//! no sample: a reader dates them by the clocks that are believed then.

use std::collections::BTreeMap;

use rusqlite::{CachedStatement, Connection, Transaction, params};

use super::{
    boots::{self, Boot, Offset},
    column,
    error::Fault,
    held::{Stretch, stretches},
    rows::{as_stored, earlier},
    split::{Interval, parts, sample_shares},
};

/// An amount that is added to the samples of an outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Amount {
    pub(super) frames: u64,
    pub(super) bytes: u64,
    /// The most within 1 ms and within 100 ms, in bit/s.
    pub(super) peaks_bps: Option<[u64; 2]>,
}

impl Amount {
    /// Each sample's part of it, by the sample's start in seconds.
    pub(super) fn by_sample(&self, interval: Interval) -> Vec<(i64, Self)> {
        let shares = sample_shares(interval);
        let parts = self.parts(shares.iter().map(|share| share.1));
        let samples = shares.iter().map(|(start_s, _)| *start_s).zip(parts);
        samples.filter(|(_, part)| !part.is_nothing()).collect()
    }

    /// Adds another one: the greater peaks stay.
    pub(super) fn add(&mut self, other: &Self) {
        self.frames = self.frames.saturating_add(other.frames);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.peaks_bps = match (self.peaks_bps, other.peaks_bps) {
            (Some([short, long]), Some([other_short, other_long])) => {
                Some([short.max(other_short), long.max(other_long)])
            }
            (one, other) => one.or(other),
        };
    }

    fn is_nothing(&self) -> bool {
        (self.frames, self.bytes, self.peaks_bps) == (0, 0, None)
    }

    /// Its parts by weight. Nobody knows when a peak was: the first part has it.
    fn parts(&self, weights: impl Iterator<Item = i64> + Clone) -> Vec<Self> {
        let counts =
            parts(self.frames, weights.clone()).into_iter().zip(parts(self.bytes, weights));
        let peaks_bps = std::iter::once(self.peaks_bps).chain(std::iter::repeat(None));
        let part = |((frames, bytes), peaks_bps)| Self { frames, bytes, peaks_bps };
        counts.zip(peaks_bps).map(part).collect()
    }

    fn stored(&self) -> Result<(i64, i64, [Option<i64>; 2]), Fault> {
        let [short, long] = [0, 1].map(|window| self.peaks_bps.map(|peaks| peaks[window]));
        let peaks = [short.map(as_stored).transpose()?, long.map(as_stored).transpose()?];
        Ok((as_stored(self.frames)?, as_stored(self.bytes)?, peaks))
    }
}

/// Adds to samples of outcomes.
pub(super) struct OutcomeRows<'c> {
    write: CachedStatement<'c>,
    oldest_s: Option<i64>,
}

impl<'c> OutcomeRows<'c> {
    pub(super) fn new(connection: &'c Connection) -> rusqlite::Result<Self> {
        let write = connection.prepare_cached(&format!(
            "INSERT INTO outcome_sample \
             (outcome, start_s, frames, bytes, peak_1ms_bps, peak_100ms_bps) \
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE \
             SET frames = frames + excluded.frames, bytes = bytes + excluded.bytes, {MORE_PEAKS}"
        ))?;
        Ok(Self { write, oldest_s: None })
    }

    /// Spreads an amount over the samples of its time.
    pub(super) fn add(
        &mut self,
        outcome: i64,
        interval: Interval,
        amount: &Amount,
    ) -> Result<(), Fault> {
        for (start_s, part) in amount.by_sample(interval) {
            let (frames, bytes, [short, long]) = part.stored()?;
            self.write.execute(params![outcome, start_s, frames, bytes, short, long])?;
            self.oldest_s = earlier(self.oldest_s, Some(start_s));
        }
        Ok(())
    }

    /// The beginning of the oldest sample that was written to.
    pub(super) fn oldest_s(&self) -> Option<i64> {
        self.oldest_s
    }
}

/// The greater of two peaks, either of which may be missing.
const MORE_PEAKS: &str = "\
    peak_1ms_bps = max(ifnull(peak_1ms_bps, excluded.peak_1ms_bps), \
                       ifnull(excluded.peak_1ms_bps, peak_1ms_bps)), \
    peak_100ms_bps = max(ifnull(peak_100ms_bps, excluded.peak_100ms_bps), \
                         ifnull(excluded.peak_100ms_bps, peak_100ms_bps))";

/// Holds an amount of a time since boot.
pub(super) fn hold(
    transaction: &Transaction<'_>,
    boot: &Boot,
    (span_us, is_gap): ((i64, i64), bool),
    outcome: i64,
    amount: &Amount,
) -> Result<(), Fault> {
    let stretches = stretches(span_us, is_gap, boot.belief.clock_us);
    let parts = amount.parts(stretches.iter().map(|stretch| stretch.weight));
    let mut write = transaction.prepare_cached(&format!(
        "INSERT INTO held_outcome (boot, outcome, is_gap, slot, from_us, to_us, frames, bytes, \
         peak_1ms_bps, peak_100ms_bps) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
         ON CONFLICT DO UPDATE SET from_us = min(from_us, excluded.from_us), \
         to_us = max(to_us, excluded.to_us), frames = frames + excluded.frames, \
         bytes = bytes + excluded.bytes, {MORE_PEAKS}"
    ))?;
    for (Stretch { slot, from_us, to_us, .. }, part) in stretches.iter().zip(parts) {
        if part.is_nothing() {
            continue;
        }
        let (frames, bytes, [short, long]) = part.stored()?;
        write.execute(params![
            boot.id, outcome, is_gap, slot, from_us, to_us, frames, bytes, short, long
        ])?;
    }
    Ok(())
}

/// Gives everything that is held, and that has a date, that date for good.
pub(super) fn make_final(
    transaction: &Transaction<'_>,
    offsets: &BTreeMap<i64, Offset>,
) -> Result<(), Fault> {
    let mut rows = OutcomeRows::new(transaction)?;
    for (boot, offset) in offsets {
        for (outcome, interval, amount) in held(transaction, *boot, *offset, None)? {
            rows.add(outcome, interval, &amount)?;
        }
        let sql = "DELETE FROM held_outcome WHERE boot = ?";
        transaction.prepare_cached(sql)?.execute([boot])?;
    }
    boots::note_oldest(transaction, rows.oldest_s())
}

/// The held amounts of a boot, or of one outcome there: outcome, time by that offset, and amount.
pub(super) fn held(
    connection: &Connection,
    boot: i64,
    offset: Offset,
    outcome: Option<i64>,
) -> Result<Vec<(i64, Interval, Amount)>, Fault> {
    // Two statements, so that the key finds the rows.
    let which = if outcome.is_some() { "AND outcome = ?2" } else { "AND ?2 IS NULL" };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT outcome, from_us, to_us, frames, bytes, peak_1ms_bps, peak_100ms_bps \
         FROM held_outcome WHERE boot = ?1 {which}"
    ))?;
    let at = |boot_us: i64| boot_us.saturating_add(offset.us);
    let held = statement.query_map(params![boot, outcome], |row| {
        let interval = Interval::new(at(row.get(1)?), at(row.get(2)?));
        Ok((row.get(0)?, interval, amount(row, 3)?))
    })?;
    Ok(held.collect::<Result<_, _>>()?)
}

/// The boots of which something is held, and has a date.
pub(super) fn holding(connection: &Connection) -> Result<Vec<(i64, Offset)>, Fault> {
    let sql = "SELECT EXISTS (SELECT 1 FROM held_outcome WHERE boot = ?)";
    let mut statement = connection.prepare_cached(sql)?;
    let mut holding = Vec::new();
    for (boot, offset) in boots::offsets(connection)? {
        if statement.query_row([boot], |row| row.get(0))? {
            holding.push((boot, offset));
        }
    }
    Ok(holding)
}

/// Frames, bytes and both peaks, from a column on.
pub(super) fn amount(row: &rusqlite::Row<'_>, first: usize) -> rusqlite::Result<Amount> {
    let short: Option<i64> = row.get(first + 2)?;
    let peaks = short.zip(row.get::<_, Option<i64>>(first + 3)?);
    Ok(Amount {
        frames: column::count(row, first)?,
        bytes: column::count(row, first + 1)?,
        peaks_bps: peaks.map(|(short, long)| [short.cast_unsigned(), long.cast_unsigned()]),
    })
}
