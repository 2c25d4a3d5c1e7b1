//! The boots that the ledger has seen, the dates that it believes for each, and the time that has
//! passed.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, Row, Transaction, params};
use uuid::Uuid;

use super::{
    belief::{Belief, HOUR_US, MINUTE_US, SECOND_US},
    column,
    error::Fault,
};
use crate::time::Moment;

/// The most time that two readings attest, even where more has passed between them.
const ATTESTED_AT_ONCE_US: i64 = HOUR_US;
/// A boot may seem to end this much after the next one has begun, as clocks are not exact.
const OVERLAP_US: i64 = 5 * MINUTE_US;

/// A boot, as the database has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Boot {
    pub(super) id: i64,
    pub(super) belief: Belief,
}

/// The offset by which a boot's usage is dated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) us: i64,
    /// Whether its clock was never believed: the boot is dated as if it had ended when the next one
    /// began.
    pub(super) is_inferred: bool,
    /// The date of its last reading.
    pub(super) end_us: i64,
    /// The number of boots after it.
    pub(super) age: usize,
}

const COLUMNS: &str = "id, offset_us, clock_us, is_settled, since_us, read_us";

pub(super) fn find(connection: &Connection, uuid: Uuid) -> Result<Option<Boot>, Fault> {
    let mut statement =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM boot WHERE uuid = ?"))?;
    Ok(statement.query_row([uuid.to_string()], boot).optional()?)
}

/// The boot that was seen last.
pub(super) fn last(connection: &Connection) -> Result<Option<Boot>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM boot ORDER BY rank DESC LIMIT 1");
    Ok(connection.prepare_cached(&sql)?.query_row([], boot).optional()?)
}

/// The offset of each boot whose usage can be dated.
pub(super) fn offsets(connection: &Connection) -> Result<BTreeMap<i64, Offset>, Fault> {
    let sql = format!("SELECT {COLUMNS} FROM boot ORDER BY rank DESC");
    let mut statement = connection.prepare_cached(&sql)?;
    let boots: Vec<Boot> = statement.query_map([], boot)?.collect::<Result<_, _>>()?;
    let mut offsets = BTreeMap::new();
    // The beginning of the next boot.
    let mut next_us: Option<i64> = None;
    for (age, Boot { id, belief }) in boots.into_iter().enumerate() {
        let is_before_next = |end_us: i64| {
            next_us.is_none_or(|next_us| end_us <= next_us.saturating_add(OVERLAP_US))
        };
        let own = belief.offset_us.filter(|_| {
            belief.is_settled || belief.date_us(belief.read_us).is_some_and(is_before_next)
        });
        let ended = || Some(next_us?.saturating_sub(belief.read_us));
        let Some(us) = own.or_else(ended) else { continue };
        let end_us = us.saturating_add(belief.read_us);
        offsets.insert(id, Offset { us, is_inferred: own.is_none(), end_us, age });
        next_us = Some(us);
    }
    Ok(offsets)
}

/// The latest date that boots other than `except` have settled on.
pub(super) fn settled_us(
    connection: &Connection,
    except: Option<i64>,
) -> Result<Option<i64>, Fault> {
    let sql = "SELECT max(offset_us + read_us) FROM boot WHERE is_settled AND id IS NOT ?";
    Ok(connection.prepare_cached(sql)?.query_row([except], |row| row.get(0))?)
}

/// The latest date up to which periods may be sealed; `None`: no clock was believed for long
/// enough.
pub(super) fn seals_until_us(connection: &Connection) -> Result<Option<i64>, Fault> {
    let Some(boot) = last(connection)? else { return Ok(None) };
    match boot.belief.seals_until_us() {
        None => settled_us(connection, Some(boot.id)),
        until_us => Ok(until_us),
    }
}

/// Unsettles other boots that settled on a date which is yet to come: their clocks were ahead.
/// Returns whether there were any.
pub(super) fn distrust_later(
    transaction: &Transaction<'_>,
    boot: i64,
    now_us: i64,
) -> Result<bool, Fault> {
    let sql = "UPDATE boot SET is_settled = FALSE \
               WHERE id <> ?1 AND is_settled AND offset_us + read_us > ?2";
    Ok(transaction.prepare_cached(sql)?.execute([boot, now_us])? != 0)
}

/// Time that passed while the books were kept, in microseconds.
pub(super) fn attested_us(connection: &Connection) -> Result<i64, Fault> {
    let mut statement = connection.prepare_cached("SELECT us FROM attested")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

pub(super) fn attest(transaction: &Transaction<'_>, elapsed_us: i64) -> Result<(), Fault> {
    let elapsed_us = elapsed_us.clamp(0, ATTESTED_AT_ONCE_US);
    transaction.prepare_cached("UPDATE attested SET us = us + ?")?.execute([elapsed_us])?;
    Ok(())
}

/// Length of a period as it was last booked.
pub(super) fn period_s(connection: &Connection) -> Result<i64, Fault> {
    let mut statement = connection.prepare_cached("SELECT period_s FROM attested")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

pub(super) fn set_period(transaction: &Transaction<'_>, period_s: i64) -> Result<(), Fault> {
    let sql = "UPDATE attested SET period_s = ?1 WHERE period_s <> ?1";
    transaction.prepare_cached(sql)?.execute([period_s])?;
    Ok(())
}

/// Notes that a row was written whose time begins at this second.
pub(super) fn note_oldest(
    transaction: &Transaction<'_>,
    start_s: Option<i64>,
) -> Result<(), Fault> {
    let Some(start_s) = start_s else { return Ok(()) };
    let hour = attested_us(transaction)? / HOUR_US;
    transaction
        .prepare_cached(
            "INSERT INTO oldest (hour, start_s) VALUES (?, ?) \
             ON CONFLICT DO UPDATE SET start_s = min(start_s, excluded.start_s)",
        )?
        .execute([hour, start_s])?;
    Ok(())
}

/// The second before which every row was written more than `keep_s` ago, by the time that the books
/// were kept; `None`: the books are younger.
pub(super) fn older_than_s(connection: &Connection, keep_s: i64) -> Result<Option<i64>, Fault> {
    let since_s = attested_us(connection)? / SECOND_US - keep_s;
    if since_s < 0 {
        return Ok(None);
    }
    let hour_s = HOUR_US / SECOND_US;
    let sql = "SELECT min(start_s) FROM oldest WHERE (hour + 1) * ?1 > ?2";
    let oldest: Option<i64> =
        connection.prepare_cached(sql)?.query_row([hour_s, since_s], |row| row.get(0))?;
    Ok(Some(oldest.unwrap_or(i64::MAX)))
}

pub(super) fn insert(
    transaction: &Transaction<'_>,
    uuid: Uuid,
    belief: &Belief,
) -> Result<i64, Fault> {
    let mut statement = transaction.prepare_cached(
        "INSERT INTO boot (uuid, offset_us, clock_us, is_settled, since_us, read_us, rank) \
         VALUES (?, ?, ?, ?, ?, ?, (SELECT ifnull(max(rank), 0) + 1 FROM boot))",
    )?;
    Ok(statement.insert(params![
        uuid.to_string(),
        belief.offset_us,
        belief.clock_us,
        belief.is_settled,
        belief.since_us,
        belief.read_us,
    ])?)
}

pub(super) fn write(
    transaction: &Transaction<'_>,
    Boot { id, belief }: &Boot,
) -> Result<(), Fault> {
    transaction
        .prepare_cached(
            "UPDATE boot SET offset_us = ?2, clock_us = ?3, is_settled = ?4, since_us = ?5, \
             read_us = ?6 WHERE id = ?1",
        )?
        .execute(params![
            id,
            belief.offset_us,
            belief.clock_us,
            belief.is_settled,
            belief.since_us,
            belief.read_us,
        ])?;
    Ok(())
}

fn boot(row: &Row<'_>) -> rusqlite::Result<Boot> {
    let belief = Belief {
        offset_us: row.get(1)?,
        clock_us: row.get(2)?,
        is_settled: row.get(3)?,
        since_us: row.get(4)?,
        read_us: row.get(5)?,
    };
    Ok(Boot { id: row.get(0)?, belief })
}

/// The best date of a moment: by the offset that is believed for its boot, else by the clock
/// itself.
pub(super) fn date_us(connection: &Connection, moment: &Moment) -> Result<i64, Fault> {
    let dated =
        find(connection, moment.boot_id)?.and_then(|boot| boot.belief.date_us(moment.boot_us));
    Ok(dated.unwrap_or_else(|| column::micros(moment.wall)))
}
