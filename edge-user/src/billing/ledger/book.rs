//! Booking a reading: the counts that it has above the booked ones become usage.

use std::collections::{BTreeMap, HashMap};

use edge_common::Reason;
use rusqlite::{Connection, Transaction, params};

use super::{
    Ledger, LedgerError, boots, column, covered,
    date::{CountTaker, ReadingSpan},
    drop_news::{self, DropNews},
    epoch_row::Epoch,
    error::{Fault, damaged},
    owners::{KnownNumbers, OwnerId},
    settle,
    types::{Policy, Reading},
};

const DAY_S: i64 = 24 * 60 * 60;

/// The result of booking a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BookedReading {
    /// The ledger's number of the last reading that changed anything. It only grows, unless a
    /// backup takes the file's place.
    pub checkpoint: u64,
    /// Frames that were new.
    pub frames: u64,
    /// Bytes that were new.
    pub bytes: u64,
}

impl Ledger {
    /// Books a whole reading or, with an error, nothing: a later reading has its counts, too. A
    /// reading that is older than the booked one changes nothing.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where a meter has another owner than before, or `policy`'s period
    /// is none that five minutes divide and that divides a day.
    pub fn book(
        &mut self,
        reading: &Reading,
        policy: &Policy,
    ) -> Result<BookedReading, LedgerError> {
        let booked = book(&mut self.connection, &mut self.known, reading, policy);
        if booked.is_err() {
            self.known.clear();
        }
        let booked = booked.map_err(|fault| fault.at(&self.path))?;
        self.remember(policy)?;
        Ok(booked)
    }

    /// Number of the last reading that changed anything.
    pub fn checkpoint(&self) -> Result<u64, LedgerError> {
        checkpoint(&self.connection).map_err(|fault| fault.at(&self.path))
    }
}

fn book(
    connection: &mut Connection,
    known: &mut KnownNumbers,
    reading: &Reading,
    policy: &Policy,
) -> Result<BookedReading, Fault> {
    let period_s = period_s(policy)?;
    let transaction = connection.transaction()?;
    boots::set_period(&transaction, period_s)?;
    let boot = settle::observe(&transaction, &reading.taken)?;
    let taken_us = boots::date_us(&transaction, &reading.taken)?;
    let read_us = reading.taken.boot_us;
    let found = Epoch::find(&transaction, reading, taken_us)?;
    let is_new = found.is_none();
    let epoch = match found {
        Some(epoch) => epoch,
        None => Epoch::insert(&transaction, reading)?,
    };
    let news = news(&transaction, known, epoch.id, reading)?;
    let drops = DropNews::of(&transaction, known, epoch.id, reading)?;
    // A reading with higher counts is newer, whatever its date.
    let is_other = is_new
        || !news.counted.is_empty()
        || !drops.is_empty()
        || epoch.read_us.is_none_or(|before_us| read_us > before_us)
        || epoch.is_lost
        || reading.is_final && !epoch.is_closed;
    let mut booked =
        BookedReading { checkpoint: checkpoint(&transaction)?, ..BookedReading::default() };
    if !is_other {
        // Some owners may have no usage yet.
        transaction.commit()?;
        return Ok(booked);
    }
    let span = ReadingSpan { from_us: epoch.since_us.min(read_us), to_us: read_us, boot };
    if span.to_us - span.from_us <= column::micros_of(policy.gap) {
        covered::note(&transaction, &boot, (span.from_us, span.to_us))?;
    }
    let mut into = CountTaker::new(&transaction, span, policy, period_s)?;
    let mut outcomes = drops.book(&transaction, epoch.id)?;
    if !epoch.has_drops {
        drop_news::leave_out(&transaction, &outcomes)?;
        outcomes.clear();
    }
    {
        let mut snapshot = transaction.prepare_cached(
            "INSERT INTO snapshot (epoch, slot, generation, series, frames, bytes) \
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE \
             SET frames = excluded.frames, bytes = excluded.bytes",
        )?;
        for (key, CountedKey { before, after, meter, delivered }) in &news.counted {
            let (slot, generation, series) = *key;
            let after_all = (after.0.cast_signed(), after.1.cast_signed());
            snapshot.execute(params![
                epoch.id,
                slot,
                generation,
                series,
                after_all.0,
                after_all.1
            ])?;
            let more = (after.0 - before.0, after.1 - before.1);
            booked.frames = booked.frames.wrapping_add(more.0);
            booked.bytes = booked.bytes.wrapping_add(more.1);
            into.add(series, *meter, more)?;
            let sum = outcomes.entry(*delivered).or_default();
            *sum = (sum.0.saturating_add(more.0), sum.1.saturating_add(more.1));
        }
        for (outcome, counts) in outcomes {
            into.add_outcome(outcome, counts)?;
        }
        into.end()?;
    }
    transaction.execute(
        "UPDATE epoch SET taken_us = ?2, read_us = ?4, is_closed = ?3, lost_us = NULL, \
         has_drops = TRUE \
         WHERE id = ?1",
        params![epoch.id, taken_us, reading.is_final, read_us],
    )?;
    transaction.execute("UPDATE checkpoint SET number = number + 1", [])?;
    booked.checkpoint += 1;
    transaction.commit()?;
    Ok(booked)
}

fn period_s(policy: &Policy) -> Result<i64, Fault> {
    let period_s = column::seconds(policy.period);
    let is_sound = policy.period.subsec_nanos() == 0
        && period_s > 0
        && period_s % super::split::SAMPLE_S == 0
        && DAY_S % period_s == 0;
    let what = || format!("a period of {period_s} s doesn't divide a day into five minutes");
    is_sound.then_some(period_s).ok_or_else(|| Fault::Refused(what()))
}

fn checkpoint(connection: &Connection) -> Result<u64, Fault> {
    let mut statement = connection.prepare_cached("SELECT number FROM checkpoint")?;
    Ok(statement.query_row([], |row| column::count(row, 0))?)
}

/// A slot, its generation and a series.
type Key = (u32, i64, i64);

/// Frames and bytes.
type Count = (u64, u64);

/// The counts of a key before a reading and after it, the key's meter, and the outcome of frames that
/// have left.
struct CountedKey {
    before: Count,
    after: Count,
    meter: i64,
    delivered: i64,
}

#[derive(Default)]
struct News {
    counted: BTreeMap<Key, CountedKey>,
}

/// The counts that a reading has above the booked ones.
fn news(
    transaction: &Transaction<'_>,
    known: &mut KnownNumbers,
    epoch: i64,
    reading: &Reading,
) -> Result<News, Fault> {
    let mut owners: HashMap<(u32, i64), i64> = HashMap::new();
    let mut snapshots: HashMap<Key, Count> = HashMap::new();
    {
        let mut statement = transaction.prepare_cached(
            "SELECT slot, generation, series, frames, bytes, owner \
             FROM snapshot JOIN series ON series.id = series WHERE epoch = ?",
        )?;
        let mut rows = statement.query([epoch])?;
        while let Some(row) = rows.next()? {
            let (slot, generation) = (row.get(0)?, row.get(1)?);
            owners.insert((slot, generation), row.get(5)?);
            let count = (column::count(row, 3)?, column::count(row, 4)?);
            snapshots.insert((slot, generation, row.get(2)?), count);
        }
    }
    let mut news = News::default();
    for slot in &reading.slots {
        let OwnerId { owner, meter } = known.owner(transaction, &slot.owner)?;
        let place = (slot.slot, slot.generation.cast_signed());
        if *owners.entry(place).or_insert(owner) != owner {
            return Err(damaged(&format!(
                "slot {} of epoch {} has another owner in generation {} than before, circuit {:?}",
                slot.slot, reading.epoch.id, slot.generation, slot.owner.circuit,
            )));
        }
        for class in &slot.classes {
            if (class.frames, class.bytes) == (0, 0) {
                continue;
            }
            let delivered =
                known.outcome(transaction, meter, (slot.owner.link, Reason::Ok.as_str(), ""))?;
            let series = known.series(transaction, owner, &class.class)?;
            let key = (place.0, place.1, series);
            let before = snapshots.get(&key).copied().unwrap_or_default();
            let entry = news.counted.entry(key);
            let counted = entry.or_insert(CountedKey { before, after: before, meter, delivered });
            counted.after.0 = counted.after.0.max(class.frames);
            counted.after.1 = counted.after.1.max(class.bytes);
        }
    }
    news.counted.retain(|_, counted| counted.after != counted.before);
    Ok(news)
}
