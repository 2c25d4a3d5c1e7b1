//! What follows when another date is believed, or one for good.

use rusqlite::{Connection, Transaction, params};

use super::{
    Ledger, LedgerError,
    belief::Belief,
    boots::{self, Boot},
    change,
    error::Fault,
    held, redate,
};

impl Ledger {
    /// Takes notice of what the clocks said at a moment, as a booking does; moments of an earlier
    /// boot come first.
    pub fn observe(&mut self, moment: &crate::time::Moment) -> Result<(), LedgerError> {
        let observe = |connection: &mut Connection| {
            let transaction = connection.transaction()?;
            boots::observe(&transaction, moment)?;
            Ok(transaction.commit()?)
        };
        observe(&mut self.connection).map_err(|fault: Fault| fault.at(&self.path))
    }
}

/// Brings usage and terms from what was believed of a boot's clock `before` to what is.
pub(super) fn follow(
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
    make_final(transaction)?;
    let Some(now_us) = after.date_us(after.read_us) else { return Ok(()) };
    boots::distrust_later(transaction, boot.id, now_us)?;
    // By how much what was dated for good in this boot was wrong.
    let shift_us = (before.is_settled && is_moved)
        .then(|| Some(after.offset_us? - before.offset_us?))
        .flatten();
    redate::bring_back(transaction, boot, now_us, shift_us)
}

/// Dates again all that is not dated for good.
pub(super) fn lay_anew(transaction: &Transaction<'_>) -> Result<(), Fault> {
    if held::is_any(transaction)? {
        held::take_out(transaction)?;
        held::lay_all(transaction)?;
    }
    change::lay_anew(transaction)
}

/// All that is dated is so for good.
pub(super) fn make_final(transaction: &Transaction<'_>) -> Result<(), Fault> {
    let terms = change::make_final(transaction)?;
    for (boot, offset) in boots::offsets(transaction)? {
        if offset.is_inferred {
            doubt(transaction, boot, terms.get(&boot).copied().unwrap_or_default())?;
        }
        transaction.prepare_cached("DELETE FROM held WHERE boot = ?")?.execute([boot])?;
    }
    for sql in ["DELETE FROM laid", "DELETE FROM laid_sample"] {
        transaction.prepare_cached(sql)?.execute([])?;
    }
    Ok(())
}

/// Keeps in mind that a boot's usage and terms were dated without a clock that was believed.
fn doubt(transaction: &Transaction<'_>, boot: i64, terms: u64) -> Result<(), Fault> {
    let sql = "SELECT ifnull(sum(frames), 0), ifnull(sum(bytes), 0) FROM held WHERE boot = ?";
    let (frames, bytes): (i64, i64) = transaction
        .prepare_cached(sql)?
        .query_row([boot], |row| Ok((row.get(0)?, row.get(1)?)))?;
    if (frames, bytes, terms) == (0, 0, 0) {
        return Ok(());
    }
    let sql = "INSERT INTO doubt (boot, from_us, to_us, frames, bytes, terms) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    let (from_us, to_us) = around(transaction, boot)?;
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

/// A boot was after the end of one whose clock was believed, if any, and before the beginning of
/// another.
fn around(connection: &Connection, boot: i64) -> Result<(Option<i64>, i64), Fault> {
    let offsets = boots::offsets(connection)?;
    let own = |after: bool| {
        let own = offsets.iter().filter(|(_, offset)| !offset.is_inferred);
        own.filter(move |(id, _)| if after { **id > boot } else { **id < boot })
    };
    let begin_us = own(true).map(|(_, offset)| offset.us).next();
    let mut end_us = None;
    if let Some((before, offset)) = own(false).next_back() {
        let sql = "SELECT read_us FROM boot WHERE id = ?";
        let read_us: i64 =
            connection.prepare_cached(sql)?.query_row([before], |row| row.get(0))?;
        end_us = Some(offset.us + read_us);
    }
    let end_us = end_us.filter(|end_us| begin_us.is_none_or(|begin_us| *end_us <= begin_us));
    Ok((end_us, begin_us.unwrap_or(i64::MAX)))
}
