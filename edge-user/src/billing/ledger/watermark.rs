//! The watermark: the end of the time of which every record is sealed. A receiver that has it can tell a circuit that was
//! silent from a record that is yet to come.

use jiff::Timestamp;
use rusqlite::{Connection, Transaction};

use super::{
    Ledger, LedgerError, Watermark, boots, column,
    error::Fault,
    open,
    sinks::{acknowledged, last_seq_until},
    split::second_of,
};

impl Ledger {
    /// The end of the time of which every record is sealed: no later record begins before. `None`: no time is
    /// known to be whole yet. It goes back only where the clock was ahead.
    pub fn sealed_until(&self) -> Result<Option<Timestamp>, LedgerError> {
        let sealed = sealed_s(&self.connection).map_err(|fault| fault.at(&self.path))?;
        Ok(sealed.map(column::from_seconds))
    }

    /// The end of the time of which `sink` has acknowledged every record.
    pub fn watermark(&self, sink: &str) -> Result<Option<Watermark>, LedgerError> {
        of_sink(&self.connection, sink).map_err(|fault| fault.at(&self.path))
    }
}

/// The second before which no row of usage may begin that is not sealed.
pub(super) fn sealed_s(connection: &Connection) -> Result<Option<i64>, Fault> {
    let mut statement = connection.prepare_cached("SELECT sealed_s FROM watermark")?;
    Ok(statement.query_row([], |row| row.get(0))?)
}

/// Raises the watermark when all rows that end by `until_s` are sealed: to the end of a period before which no row is open and all
/// meters have been read.
pub(super) fn raise(transaction: &Transaction<'_>, until_s: i64) -> Result<(), Fault> {
    let period_s = boots::period_s(transaction)?;
    let end_of_period = |second: i64| second.div_euclid(period_s) * period_s;
    let before = sealed_s(transaction)?;
    let mut sealed_s = end_of_period(until_s);
    if before >= Some(sealed_s) {
        return Ok(());
    }
    // Meters that were not read since may have counts of that time.
    let sql = "SELECT min(taken_us) FROM epoch WHERE NOT is_closed AND lost_us IS NULL";
    let read_us: Option<i64> = transaction.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    sealed_s = sealed_s.min(read_us.map_or(i64::MAX, |read_us| end_of_period(second_of(read_us))));
    // A period that was longer may not be over, and usage without a final date is not sealed.
    let sql = "SELECT min(start_s) FROM usage WHERE seq IS NULL AND start_s < ?";
    let open_s: Option<i64> =
        transaction.prepare_cached(sql)?.query_row([sealed_s], |row| row.get(0))?;
    sealed_s = sealed_s.min(open_s.unwrap_or(i64::MAX));
    if before < Some(sealed_s) {
        set(transaction, sealed_s)?;
    }
    Ok(())
}

/// Takes a watermark back that a clock ahead of `now_us` has left, to the beginning of the boot whose usage comes
/// to other dates. Returns whether there was one.
pub(super) fn lower(
    transaction: &Transaction<'_>,
    now_us: i64,
    boot_us: i64,
) -> Result<bool, Fault> {
    let is_ahead = sealed_s(transaction)? > Some(second_of(now_us));
    if is_ahead {
        let period_s = boots::period_s(transaction)?;
        let until_s = second_of(boot_us.min(now_us));
        set(transaction, until_s.div_euclid(period_s) * period_s)?;
    }
    Ok(is_ahead)
}

fn set(transaction: &Transaction<'_>, sealed_s: i64) -> Result<(), Fault> {
    transaction.prepare_cached("UPDATE watermark SET sealed_s = ?")?.execute([sealed_s])?;
    Ok(())
}

fn of_sink(connection: &Connection, sink: &str) -> Result<Option<Watermark>, Fault> {
    let transaction = open::read(connection)?;
    let acknowledged = acknowledged(&transaction, sink)?;
    // Batches of before the watermarks have none.
    let sql = "SELECT count(*) - count(after_s), min(after_s) FROM batch \
               WHERE number > ? AND NOT is_expired";
    let (without, waiting_s): (i64, Option<i64>) = transaction
        .prepare_cached(sql)?
        .query_row([acknowledged.cast_signed()], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let Some(sealed_s) = sealed_s(&transaction)?.filter(|_| without == 0) else { return Ok(None) };
    Ok(Some(Watermark {
        ledger: open::current_id(&transaction)?,
        sealed_until: column::from_seconds(sealed_s.min(waiting_s.unwrap_or(i64::MAX))),
        last_seq: last_seq_until(&transaction, acknowledged)?,
    }))
}
