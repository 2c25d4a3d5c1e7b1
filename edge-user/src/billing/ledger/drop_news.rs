//! Drops that a reading has above the booked ones.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, Transaction, params};

use super::{
    column,
    error::Fault,
    owners::KnownNumbers,
    types::{Owner, Reading},
};

/// Frames and bytes.
type DropCount = (u64, u64);

/// A slot, its generation and an outcome.
type DropKey = (u32, i64, i64);

/// Drops that are new, with what was booked before.
#[derive(Default)]
pub(super) struct DropNews(BTreeMap<DropKey, (DropCount, DropCount)>);

impl DropNews {
    /// The drops of a reading of an epoch.
    pub(super) fn of(
        transaction: &Transaction<'_>,
        known: &mut KnownNumbers,
        epoch: i64,
        reading: &Reading,
    ) -> Result<Self, Fault> {
        let booked = booked(transaction, epoch)?;
        let mut news: BTreeMap<DropKey, (DropCount, DropCount)> = BTreeMap::new();
        for slot in &reading.slots {
            for drop in &slot.drops {
                let Owner { link, .. } = &slot.owner;
                let meter = known.owner(transaction, &slot.owner)?.meter;
                let class = drop.class.as_deref().unwrap_or_default();
                let outcome =
                    known.outcome(transaction, meter, (*link, drop.reason.as_str(), class))?;
                let key = (slot.slot, slot.generation.cast_signed(), outcome);
                let before = booked.get(&key).copied().unwrap_or_default();
                // Two classes of a slot may have one name.
                let (_, after) = news.entry(key).or_insert((before, before));
                *after = (after.0.max(drop.frames), after.1.max(drop.bytes));
            }
        }
        news.retain(|_, (before, after)| before != after);
        Ok(Self(news))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes them as booked, and returns the drops that are new by outcome.
    pub(super) fn book(
        &self,
        transaction: &Transaction<'_>,
        epoch: i64,
    ) -> Result<BTreeMap<i64, DropCount>, Fault> {
        let mut write = transaction.prepare_cached(
            "INSERT INTO drop_snapshot (epoch, slot, generation, outcome, frames, bytes) \
             VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE \
             SET frames = excluded.frames, bytes = excluded.bytes",
        )?;
        let mut by_outcome: BTreeMap<i64, DropCount> = BTreeMap::new();
        for ((slot, generation, outcome), (before, after)) in &self.0 {
            let (frames, bytes) = (after.0.cast_signed(), after.1.cast_signed());
            write.execute(params![epoch, slot, generation, outcome, frames, bytes])?;
            let sum = by_outcome.entry(*outcome).or_default();
            sum.0 = sum.0.saturating_add(after.0 - before.0);
            sum.1 = sum.1.saturating_add(after.1 - before.1);
        }
        Ok(by_outcome)
    }
}

/// Counts that no sample will have: they have no date.
pub(super) fn leave_out(
    transaction: &Transaction<'_>,
    by_outcome: &BTreeMap<i64, DropCount>,
) -> Result<(), Fault> {
    for (outcome, (frames, bytes)) in by_outcome {
        add_expired(transaction, *outcome, (*frames, *bytes))?;
    }
    Ok(())
}

/// Adds to the counts that are in no sample.
pub(super) fn add_expired(
    transaction: &Transaction<'_>,
    outcome: i64,
    (frames, bytes): DropCount,
) -> Result<(), Fault> {
    let sql = "SELECT expired_frames, expired_bytes FROM outcome WHERE id = ?";
    let before: DropCount = transaction
        .prepare_cached(sql)?
        .query_row([outcome], |row| Ok((column::count(row, 0)?, column::count(row, 1)?)))?;
    let sql = "UPDATE outcome SET expired_frames = ?2, expired_bytes = ?3 WHERE id = ?1";
    let (frames, bytes) = (before.0.wrapping_add(frames), before.1.wrapping_add(bytes));
    let values = params![outcome, frames.cast_signed(), bytes.cast_signed()];
    transaction.prepare_cached(sql)?.execute(values)?;
    Ok(())
}

fn booked(connection: &Connection, epoch: i64) -> Result<HashMap<DropKey, DropCount>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT slot, generation, outcome, frames, bytes FROM drop_snapshot WHERE epoch = ?",
    )?;
    let booked = statement.query_map([epoch], |row| {
        let key = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok((key, (column::count(row, 3)?, column::count(row, 4)?)))
    })?;
    Ok(booked.collect::<Result<_, _>>()?)
}
