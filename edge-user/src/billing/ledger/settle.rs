//! Dating usage and terms again when another date is believed, or a date for good.

use std::collections::BTreeMap;

use rusqlite::{Connection, Transaction, params};

use super::{
    Ledger, LedgerError,
    belief::Belief,
    boots::{self, Boot, Offset},
    error::Fault,
    held, notes, outcome_rows, redate, watermark,
};
use crate::time::Moment;

impl Ledger {
    /// Notes the clocks at a moment, as a booking does. Moments of an earlier boot come first.
    pub fn observe(&mut self, moment: &Moment) -> Result<(), LedgerError> {
        let read = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            observe(&transaction, moment)?;
            Ok(transaction.commit()?)
        };
        read(&mut self.connection).map_err(|fault: Fault| fault.at(&self.path))
    }
}

/// Notes the clocks before anything is dated by them.
pub(super) fn observe(transaction: &Transaction<'_>, moment: &Moment) -> Result<Boot, Fault> {
    let found = boots::find(transaction, moment.boot_id)?;
    let settled_us = boots::settled_us(transaction, found.map(|boot| boot.id))?;
    let Some(Boot { id, belief: before }) = found else {
        let belief = Belief::first(moment, settled_us);
        let id = boots::insert(transaction, moment.boot_id, &belief)?;
        let boot = Boot { id, belief };
        // Everything that earlier boots have left without a final date was before this boot.
        lay_anew(transaction)?;
        return Ok(boot);
    };
    let boot = Boot { id, belief: before };
    if moment.boot_us <= before.read_us {
        // Another process has booked a later reading first.
        return Ok(boot);
    }
    if boots::last(transaction)?.is_some_and(|last| last.id != id) {
        // This boot goes on, even if a journal has brought another one meanwhile.
        let sql = "UPDATE boot SET rank = (SELECT max(rank) FROM boot) + 1 WHERE id = ?";
        transaction.prepare_cached(sql)?.execute([id])?;
    }
    let (belief, is_moved) = before.next(moment, settled_us);
    boots::attest(transaction, belief.read_us - before.read_us)?;
    let boot = Boot { id, belief };
    boots::write(transaction, &boot)?;
    follow(transaction, &boot, &before, is_moved)?;
    Ok(boot)
}

/// Moves usage and terms from the date that was believed for a boot `before` to the present one.
fn follow(
    transaction: &Transaction<'_>,
    boot: &Boot,
    before: &Belief,
    is_moved: bool,
) -> Result<(), Fault> {
    let after = &boot.belief;
    if is_moved {
        lay_anew(transaction)?;
    }
    let is_news = is_moved || !before.is_settled || !before.is_followed();
    if !after.is_settled || !after.is_followed() || !is_news {
        return Ok(());
    }
    if let Some(now_us) = after.date_us(after.read_us) {
        let is_other = boots::distrust_later(transaction, boot.id, now_us)?;
        let is_lower = redate::lower_floors(transaction, now_us)?
            | watermark::lower(transaction, now_us, after.offset_us.unwrap_or(now_us))?;
        if is_lower || is_other {
            lay_anew(transaction)?;
        }
        // Rows that another offset of this boot has dated for good are wrong.
        let before = before.offset_us.filter(|_| before.is_settled && is_moved);
        redate::bring_back(transaction, boot, now_us, before)?;
    }
    // Last, as a change of terms takes back all later ones.
    make_final(transaction)
}

/// Dates again all that is not dated for good.
fn lay_anew(transaction: &Transaction<'_>) -> Result<(), Fault> {
    if held::is_any(transaction)? {
        held::take_out(transaction)?;
        held::lay_all(transaction)?;
    }
    notes::lay_anew(transaction)
}

/// The date of a moment since boot, if that is certain.
pub(super) fn final_date_us(Boot { belief, .. }: &Boot, boot_us: i64) -> Option<i64> {
    belief.date_us(boot_us).filter(|_| belief.is_settled && belief.is_followed())
}

/// Makes all dates final.
pub(super) fn make_final(transaction: &Transaction<'_>) -> Result<(), Fault> {
    let terms = notes::make_final(transaction)?;
    let offsets = boots::offsets(transaction)?;
    outcome_rows::make_final(transaction, &offsets)?;
    for (boot, offset) in &offsets {
        if offset.is_inferred {
            let terms = terms.get(boot).copied().unwrap_or_default();
            doubt(transaction, *boot, around(&offsets, offset), terms)?;
        }
        transaction.prepare_cached("DELETE FROM held WHERE boot = ?")?.execute([boot])?;
    }
    for sql in ["DELETE FROM laid", "DELETE FROM laid_sample"] {
        transaction.prepare_cached(sql)?.execute([])?;
    }
    Ok(())
}

/// Notes that a boot's usage and terms were dated without a believed clock.
fn doubt(
    transaction: &Transaction<'_>,
    boot: i64,
    (from_us, to_us): (Option<i64>, i64),
    terms: u64,
) -> Result<(), Fault> {
    let sql = "SELECT ifnull(sum(frames), 0), ifnull(sum(bytes), 0) FROM held WHERE boot = ?";
    let (frames, bytes): (i64, i64) =
        transaction.prepare_cached(sql)?.query_row([boot], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if (frames, bytes, terms) == (0, 0, 0) {
        return Ok(());
    }
    let sql = "INSERT INTO doubt (boot, from_us, to_us, frames, bytes, terms) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    transaction.prepare_cached(sql)?.execute(params![
        boot,
        from_us,
        to_us,
        frames,
        bytes,
        terms.cast_signed()
    ])?;
    Ok(())
}

/// The bounds of a boot without a believed clock: the end of the last believed boot before it, if
/// any, and the beginning of the next boot.
fn around(offsets: &BTreeMap<i64, Offset>, own: &Offset) -> (Option<i64>, i64) {
    let believed = || offsets.values().filter(|offset| !offset.is_inferred);
    let after = believed().filter(|other| other.age < own.age).max_by_key(|other| other.age);
    let before = believed().filter(|other| other.age > own.age).min_by_key(|other| other.age);
    let to_us = after.map_or(own.end_us, |after| after.us);
    (before.map(|before| before.end_us).filter(|from_us| *from_us <= to_us), to_us)
}
