//! Booking a reading: what it has more than what is booked becomes usage.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, OptionalExtension as _, Transaction, params};

use super::{
    Ledger, LedgerError, column,
    error::Fault,
    owners::{Known, OwnerId},
    rows::{Place, Samples, UsageRows},
    split::{Interval, is_estimated},
    types::{EpochInfo, Policy, Reading},
};

const DAY_S: i64 = 24 * 60 * 60;

/// What a reading came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Booked {
    /// The ledger's number of the last reading that changed anything: it only grows, unless the
    /// file itself goes back in time.
    pub checkpoint: u64,
    /// Frames that were new.
    pub frames: u64,
    /// Bytes that were new.
    pub bytes: u64,
}

impl Ledger {
    /// Books a reading, all of it or, where that fails, nothing; a later one then has it, too. One
    /// that is older than what is booked changes nothing.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where a meter has another owner than before, or `policy`'s period
    /// is none that five minutes divide and that divides a day.
    pub fn book(&mut self, reading: &Reading, policy: &Policy) -> Result<Booked, LedgerError> {
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
    known: &mut Known,
    reading: &Reading,
    policy: &Policy,
) -> Result<Booked, Fault> {
    let period_s = period_s(policy)?;
    let transaction = connection.transaction()?;
    let found = Epoch::find(&transaction, &reading.epoch)?;
    let is_new = found.is_none();
    let epoch = match found {
        Some(epoch) => epoch,
        None => Epoch::insert(&transaction, reading)?,
    };
    let news = news(&transaction, known, epoch.id, reading)?;
    let taken_us = column::micros(reading.taken);
    // What has counted more is newer, whatever the clock says.
    let is_other = is_new
        || !news.counted.is_empty()
        || taken_us > epoch.taken_us
        || epoch.is_lost
        || reading.is_final && !epoch.is_closed;
    let mut booked = Booked { checkpoint: checkpoint(&transaction)?, ..Booked::default() };
    if !is_other {
        // There may be owners that have used nothing.
        transaction.commit()?;
        return Ok(booked);
    }
    let interval = Interval::new(epoch.taken_us, taken_us);
    let is_estimated = is_estimated(epoch.taken_us, taken_us, policy, period_s);
    let mut by_meter: BTreeMap<i64, u64> = BTreeMap::new();
    {
        let mut snapshot = transaction.prepare_cached(
            "INSERT INTO snapshot (epoch, slot, generation, series, frames, bytes) \
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE \
             SET frames = excluded.frames, bytes = excluded.bytes",
        )?;
        let mut rows = UsageRows::new(&transaction)?;
        for (key, Counted { before, after, meter }) in &news.counted {
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
            rows.add(Place { series, interval, period_s, is_estimated }, more)?;
            let sum = by_meter.entry(*meter).or_default();
            *sum = sum.checked_add(more.1).ok_or_else(too_much)?;
        }
        let mut samples = Samples::new(&transaction, interval)?;
        for (meter, bytes) in by_meter {
            samples.add(meter, bytes)?;
        }
    }
    transaction.execute(
        // An older reading that is booked late doesn't make the last one another.
        "UPDATE epoch SET taken_us = ?2, is_closed = ?3 OR is_closed AND ?4, lost_us = NULL \
         WHERE id = ?1",
        params![epoch.id, taken_us, reading.is_final, news.counted.is_empty()],
    )?;
    transaction.execute("UPDATE checkpoint SET number = number + 1", [])?;
    booked.checkpoint += 1;
    transaction.commit()?;
    Ok(booked)
}

/// More than any meter can have counted in its life.
pub(super) fn too_much() -> Fault {
    Fault::Refused(
        "a reading has more bytes than can be counted, and nothing of it was booked; the kernel's \
         tables are damaged: `edge detach` and `edge run` make new ones"
            .to_owned(),
    )
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

/// An epoch, as the database has it.
struct Epoch {
    id: i64,
    /// Of its last reading; of itself, where there is none.
    taken_us: i64,
    is_closed: bool,
    is_lost: bool,
}

impl Epoch {
    fn find(connection: &Connection, epoch: &EpochInfo) -> Result<Option<Self>, Fault> {
        let mut statement = connection.prepare_cached(
            "SELECT id, taken_us, is_closed, lost_us IS NOT NULL FROM epoch WHERE uuid = ?",
        )?;
        let epoch = statement.query_row([epoch.id.to_string()], |row| {
            Ok(Self {
                id: row.get(0)?,
                taken_us: row.get(1)?,
                is_closed: row.get(2)?,
                is_lost: row.get(3)?,
            })
        });
        Ok(epoch.optional()?)
    }

    fn insert(connection: &Connection, reading: &Reading) -> Result<Self, Fault> {
        use std::os::unix::ffi::OsStrExt as _;

        let EpochInfo { id, boot_id, pin_dir, layout_version, created } = &reading.epoch;
        let created_us = column::micros(*created);
        let mut statement = connection.prepare_cached(
            "INSERT INTO epoch \
             (uuid, boot_id, pin_dir, layout_version, created_us, taken_us, is_closed) \
             VALUES (?, ?, ?, ?, ?, ?, FALSE)",
        )?;
        let id = statement.insert(params![
            id.to_string(),
            boot_id.to_string(),
            pin_dir.as_os_str().as_bytes(),
            layout_version,
            created_us,
            created_us,
        ])?;
        Ok(Self { id, taken_us: created_us, is_closed: false, is_lost: false })
    }
}

/// A slot, its generation and a series.
type Key = (u32, i64, i64);

/// Frames and bytes.
type Count = (u64, u64);

/// What a reading has more of a key.
struct Counted {
    before: Count,
    after: Count,
    meter: i64,
}

#[derive(Default)]
struct News {
    counted: BTreeMap<Key, Counted>,
}

/// What is more than before.
fn news(
    transaction: &Transaction<'_>,
    known: &mut Known,
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
            return Err(Fault::Refused(format!(
                "slot {} of epoch {} has another owner in generation {} than before, circuit {:?}, \
                 and nothing of the reading was booked; `edge detach` and `edge run` make new \
                 tables",
                slot.slot, reading.epoch.id, slot.generation, slot.owner.circuit,
            )));
        }
        for class in &slot.classes {
            if (class.frames, class.bytes) == (0, 0) {
                continue;
            }
            let series = known.series(transaction, owner, &class.class)?;
            let key = (place.0, place.1, series);
            let before = snapshots.get(&key).copied().unwrap_or_default();
            let entry = news.counted.entry(key);
            let counted = entry.or_insert(Counted { before, after: before, meter });
            counted.after.0 = counted.after.0.max(class.frames);
            counted.after.1 = counted.after.1.max(class.bytes);
        }
    }
    news.counted.retain(|_, counted| counted.after != counted.before);
    Ok(news)
}
