//! What a clock that was ahead for long has dated for good: brought back, but for what has gone out.

use std::collections::BTreeMap;

use rusqlite::{Transaction, params};

use super::{
    belief::{FAR_US, SECOND_US},
    boots::{self, Boot},
    column,
    error::Fault,
    held::earlier,
    rows::{Place, Samples, UsageRows},
    split::{Interval, SAMPLE_S},
};

/// Nothing can have been used after `now_us`: open usage and samples that say so, and terms that
/// say so by far, go back by what the clock of this boot was ahead, or, where another boot's was,
/// to the beginning of this one.
pub(super) fn bring_back(
    transaction: &Transaction<'_>,
    boot: &Boot,
    now_us: i64,
    shift_us: Option<i64>,
) -> Result<(), Fault> {
    let back = Back {
        now_us,
        shift_us: shift_us.filter(|shift_us| *shift_us < 0),
        begin_us: boot.belief.offset_us.unwrap_or(now_us),
    };
    usage(transaction, &back)?;
    samples(transaction, &back)?;
    terms(transaction, &back)
}

struct Back {
    now_us: i64,
    /// Negative.
    shift_us: Option<i64>,
    begin_us: i64,
}

impl Back {
    fn interval(&self, start_s: i64, end_s: i64) -> Interval {
        let at = |date_s: i64| self.date_us(date_s.saturating_mul(SECOND_US));
        Interval::new(at(start_s), at(end_s))
    }

    fn date_us(&self, date_us: i64) -> i64 {
        let date_us =
            self.shift_us.map_or(self.begin_us, |shift_us| date_us.saturating_add(shift_us));
        date_us.min(self.now_us)
    }

    fn now_s(&self) -> i64 {
        self.now_us.div_euclid(SECOND_US)
    }
}

fn usage(transaction: &Transaction<'_>, back: &Back) -> Result<(), Fault> {
    let ahead = {
        let mut statement = transaction.prepare_cached(
            "DELETE FROM usage WHERE seq IS NULL AND end_s > ?1 AND start_s > ?1 \
             RETURNING series, start_s, end_s, frames, bytes",
        )?;
        let rows = statement.query_map([back.now_s()], |row| {
            let numbers: [i64; 3] = [row.get(0)?, row.get(1)?, row.get(2)?];
            Ok((numbers, column::count(row, 3)?, column::count(row, 4)?))
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    let period_s = boots::period_s(transaction)?;
    let mut rows = UsageRows::new(transaction)?;
    for ([series, start_s, end_s], frames, bytes) in ahead {
        let interval = back.interval(start_s, end_s);
        let place = Place { series, interval, period_s, is_estimated: true };
        rows.add(place, (frames, bytes))?;
    }
    boots::note_oldest(transaction, rows.oldest_s())
}

fn samples(transaction: &Transaction<'_>, back: &Back) -> Result<(), Fault> {
    let ahead = {
        let mut statement = transaction.prepare_cached(
            "DELETE FROM sample WHERE start_s > ? RETURNING meter, start_s, bytes",
        )?;
        let rows = statement.query_map([back.now_s()], |row| {
            Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, column::count(row, 2)?))
        })?;
        rows.collect::<Result<Vec<_>, _>>()?
    };
    let mut oldest_s = None;
    for (meter, start_s, bytes) in ahead {
        let mut samples =
            Samples::new(transaction, back.interval(start_s, start_s + SAMPLE_S))?;
        samples.add(meter, bytes)?;
        oldest_s = earlier(oldest_s, samples.oldest_s());
    }
    boots::note_oldest(transaction, oldest_s)
}

/// Begin and end of a circuit's spans, by when they began.
type Spans = BTreeMap<i64, Option<i64>>;

/// What is less than 31 days ahead stays: until it is reached, what held before goes on.
fn terms(transaction: &Transaction<'_>, back: &Back) -> Result<(), Fault> {
    let far_us = back.now_us.saturating_add(FAR_US);
    let mut circuits: BTreeMap<(String, String), Spans> = BTreeMap::new();
    {
        let mut statement = transaction.prepare_cached(
            "SELECT edge, circuit, from_us, to_us FROM terms AS spans WHERE EXISTS \
             (SELECT 1 FROM terms WHERE edge = spans.edge AND circuit = spans.circuit \
             AND (from_us > ?1 OR to_us > ?1))",
        )?;
        let mut rows = statement.query([far_us])?;
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
        let sound_us = ends.flatten().filter(|end_us| *end_us <= far_us).max();
        let at = |date_us: i64| {
            if date_us <= far_us {
                return date_us;
            }
            let back_us = back.date_us(date_us);
            sound_us.map_or(back_us, |sound_us| back_us.max(sound_us))
        };
        // In order, and towards the past: none meets one that has not moved yet.
        for (from_us, to_us) in spans {
            let (new_from_us, new_to_us) = (at(from_us), to_us.map(at));
            if new_to_us.is_some_and(|to_us| to_us <= new_from_us) {
                delete.execute(params![edge, circuit, from_us])?;
            } else {
                change.execute(params![edge, circuit, from_us, new_from_us, new_to_us])?;
            }
        }
    }
    Ok(())
}
