//! Correcting rows that a long-wrong clock has dated for good. Exported records stay as they are.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Transaction, params};

use super::{
    belief::{FAR_US, SECOND_US},
    boots::{self, Boot},
    column,
    error::Fault,
    outcome_rows::{OutcomeRows, amount},
    rows::{Samples, UsagePlace, UsageRows, earlier},
    split::{Interval, SAMPLE_S},
};

/// Moves open usage and samples with a date after `now_us`, and terms far after it, back in time:
/// by as much as this boot's clock was ahead or, where another boot's clock was, to the beginning
/// of this boot.
///
/// `before_us` is the offset by which this boot has dated for good until now. Where that offset was
/// wrong by over 31 days, all open rows of the time that it gave this boot move, forward or back.
pub(super) fn bring_back(
    transaction: &Transaction<'_>,
    boot: &Boot,
    now_us: i64,
    before_us: Option<i64>,
) -> Result<(), Fault> {
    let after_us = boot.belief.offset_us.unwrap_or(now_us);
    let back = Back {
        now_us,
        begin_us: after_us,
        wrong: before_us.map(|before_us| Wrong {
            dates: (before_us, before_us.saturating_add(boot.belief.since_us)),
            shift_us: after_us - before_us,
        }),
    };
    if let Some(wrong) = back.far() {
        doubt(transaction, boot.id, wrong)?;
    }
    usage(transaction, &back)?;
    samples(transaction, &back)?;
    outcomes(transaction, &back)?;
    terms(transaction, &back)
}

/// Lowers marks of expiry that a clock over 31 days ahead has left: later usage would be moved
/// behind them. Returns whether there were any.
pub(super) fn lower_floors(transaction: &Transaction<'_>, now_us: i64) -> Result<bool, Fault> {
    let second = now_us.div_euclid(SECOND_US);
    let far_s = second.saturating_add(FAR_US / SECOND_US);
    let mut lowered = 0;
    for table in ["series", "meter"] {
        let sql = format!("UPDATE {table} SET expired_until_s = ?1 WHERE expired_until_s > ?2");
        lowered += transaction.prepare_cached(&sql)?.execute([second, far_s])?;
    }
    Ok(lowered != 0)
}

struct Back {
    now_us: i64,
    /// The beginning of this boot.
    begin_us: i64,
    wrong: Option<Wrong>,
}

/// The time that a wrong offset gave to a boot.
#[derive(Clone, Copy)]
struct Wrong {
    /// First and last of it, in microseconds.
    dates: (i64, i64),
    /// The time by which the offset was behind.
    shift_us: i64,
}

impl Back {
    /// The wrong time, if it was wrong by over 31 days.
    fn far(&self) -> Option<Wrong> {
        self.wrong.filter(|wrong| wrong.shift_us.abs() > FAR_US)
    }

    /// Whether a date is after `ahead_us`, or in a time that was wrong by over 31 days.
    fn moves(&self, date_us: i64, ahead_us: i64) -> bool {
        let is_wrong = |wrong: Wrong| (wrong.dates.0..=wrong.dates.1).contains(&date_us);
        date_us > ahead_us || self.far().is_some_and(is_wrong)
    }

    fn date_us(&self, date_us: i64) -> i64 {
        let of_boot = |wrong: &Wrong| date_us >= wrong.dates.0 && wrong.shift_us != 0;
        let shifted = self.wrong.filter(of_boot);
        let shifted = shifted.map(|wrong| date_us.saturating_add(wrong.shift_us));
        shifted.unwrap_or(self.begin_us).min(self.now_us)
    }

    /// Starts of rows that move, in seconds: after the first, or within the second.
    fn starts_s(&self) -> [i64; 3] {
        let second = |date_us: i64| date_us.div_euclid(SECOND_US);
        // A period of the wrong time may have begun before it.
        let (from_us, to_us) = self.far().map_or((i64::MAX, i64::MIN), |wrong| wrong.dates);
        [second(self.now_us), second(from_us), second(to_us)]
    }

    fn interval(&self, start_s: i64, end_s: i64) -> Interval {
        let at = |date_s: i64| self.date_us(date_s.saturating_mul(SECOND_US));
        Interval::new(at(start_s), at(end_s))
    }
}

/// Notes the records that have gone out with a wrong date.
fn doubt(transaction: &Transaction<'_>, boot: i64, wrong: Wrong) -> Result<(), Fault> {
    let sql = "INSERT INTO doubt (boot, from_us, to_us, shift_us, frames, bytes, terms) \
               SELECT ?1, ?2, ?3, ?4, sum(frames), sum(bytes), 0 FROM usage \
               WHERE seq IS NOT NULL AND end_s > ?5 AND start_s <= ?6 HAVING count(*) > 0";
    let second = |date_us: i64| date_us.div_euclid(SECOND_US);
    let Wrong { dates: (from_us, to_us), shift_us } = wrong;
    let values = params![boot, from_us, to_us, shift_us, second(from_us), second(to_us)];
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn usage(transaction: &Transaction<'_>, back: &Back) -> Result<(), Fault> {
    let ahead = {
        let mut statement = transaction.prepare_cached(
            "DELETE FROM usage WHERE seq IS NULL AND NOT EXISTS (SELECT 1 FROM laid \
             WHERE laid.series = usage.series AND laid.start_s = usage.start_s) \
             AND (start_s > ?1 OR end_s > ?2 AND start_s <= ?3) \
             RETURNING series, start_s, end_s, frames, bytes",
        )?;
        let rows = statement.query_map(back.starts_s(), |row| {
            let numbers: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
            Ok((numbers, column::count(row, 3)?, column::count(row, 4)?))
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    let period_s = boots::period_s(transaction)?;
    let mut rows = UsageRows::new(transaction)?;
    for ([series, start_s, end_s], frames, bytes) in ahead {
        let interval = back.interval(start_s, end_s);
        let place = UsagePlace { series, interval, period_s, is_estimated: true };
        rows.add(place, (frames, bytes))?;
    }
    boots::note_oldest(transaction, rows.oldest_s())
}

fn samples(transaction: &Transaction<'_>, back: &Back) -> Result<(), Fault> {
    let ahead = {
        let mut statement = transaction.prepare_cached(
            "DELETE FROM sample WHERE NOT EXISTS (SELECT 1 FROM laid_sample \
             WHERE laid_sample.meter = sample.meter AND laid_sample.start_s = sample.start_s) \
             AND (start_s > ?1 OR start_s + 300 > ?2 AND start_s <= ?3) \
             RETURNING meter, start_s, bytes",
        )?;
        let rows = statement.query_map(back.starts_s(), |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, column::count(row, 2)?))
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    let mut oldest_s = None;
    for (meter, start_s, bytes) in ahead {
        let mut samples = Samples::new(transaction, back.interval(start_s, start_s + SAMPLE_S))?;
        samples.add(meter, bytes)?;
        oldest_s = earlier(oldest_s, samples.oldest_s());
    }
    boots::note_oldest(transaction, oldest_s)
}

/// No row of these may still be moved otherwise. They are many, so that each outcome's are found by
/// their key.
fn outcomes(transaction: &Transaction<'_>, back: &Back) -> Result<(), Fault> {
    let mut all = transaction.prepare_cached("SELECT id FROM outcome")?;
    let all = all.query_map([], |row| row.get(0))?.collect::<Result<Vec<i64>, _>>()?;
    let [now_s, from_s, to_s] = back.starts_s();
    let mut stretches = vec![(now_s.saturating_add(1), i64::MAX)];
    stretches.extend(back.far().map(|_| (from_s - SAMPLE_S + 1, to_s.min(now_s))));
    let mut delete = transaction.prepare_cached(
        "DELETE FROM outcome_sample WHERE outcome = ? AND start_s BETWEEN ? AND ? \
         RETURNING start_s, frames, bytes, peak_1ms_bps, peak_100ms_bps",
    )?;
    let mut rows = OutcomeRows::new(transaction)?;
    for outcome in all {
        let mut ahead = Vec::new();
        for (first_s, last_s) in &stretches {
            let deleted = delete.query_map(params![outcome, first_s, last_s], |row| {
                Ok((row.get::<_, i64>(0)?, amount(row, 1)?))
            })?;
            for row in deleted {
                ahead.push(row?);
            }
        }
        for (start_s, amount) in ahead {
            rows.add(outcome, back.interval(start_s, start_s + SAMPLE_S), &amount)?;
        }
    }
    boots::note_oldest(transaction, rows.oldest_s())
}

/// Begin and end of a circuit's spans, by when they began.
type Spans = BTreeMap<i64, Option<i64>>;

/// A change of terms that is less than 31 days ahead stays: the terms before it go on until then.
fn terms(transaction: &Transaction<'_>, back: &Back) -> Result<(), Fault> {
    let ahead_us = back.now_us.saturating_add(FAR_US);
    let is_wrong = |date_us: i64| back.moves(date_us, ahead_us);
    let mut circuits: BTreeMap<(String, String), Spans> = BTreeMap::new();
    {
        let mut statement = transaction.prepare_cached(
            "SELECT edge, circuit, from_us, to_us FROM terms \
             WHERE begun_by IS NULL ORDER BY edge, circuit",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let spans = circuits.entry((row.get(0)?, row.get(1)?)).or_default();
            spans.insert(row.get(2)?, row.get(3)?);
        }
    }
    let mut delete = transaction
        .prepare_cached("DELETE FROM terms WHERE edge = ? AND circuit = ? AND from_us = ?")?;
    let mut change = transaction.prepare_cached(
        "UPDATE terms SET from_us = ?4, to_us = ?5 WHERE edge = ?1 AND circuit = ?2 AND from_us = ?3",
    )?;
    for ((edge, circuit), spans) in circuits {
        let ends = spans.iter().flat_map(|(from_us, to_us)| [Some(*from_us), *to_us]);
        let (moved, kept): (BTreeSet<i64>, BTreeSet<i64>) =
            ends.flatten().partition(|end_us| is_wrong(*end_us));
        if moved.is_empty() {
            continue;
        }
        let at = |date_us: i64| {
            if !is_wrong(date_us) {
                return date_us;
            }
            // No span moves past one that stays.
            let after_us = kept.range(..date_us).next_back().copied().unwrap_or(i64::MIN);
            let before_us = kept.range(date_us..).next().copied().unwrap_or(i64::MAX);
            back.date_us(date_us).max(after_us).min(before_us)
        };
        // The order keeps a span from meeting one that has yet to move.
        let is_back = moved.iter().all(|date_us| at(*date_us) <= *date_us);
        let mut spans: Vec<_> = spans.into_iter().collect();
        if !is_back {
            spans.reverse();
        }
        for (from_us, to_us) in spans {
            let (new_from_us, new_to_us) = (at(from_us), to_us.map(at));
            if new_to_us.is_some_and(|to_us| to_us <= new_from_us) {
                delete.execute(params![edge, circuit, from_us])?;
            } else if (new_from_us, new_to_us) != (from_us, to_us) {
                change.execute(params![edge, circuit, from_us, new_from_us, new_to_us])?;
            }
        }
    }
    Ok(())
}
