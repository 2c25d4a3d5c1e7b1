//! The batches that each receiver has.

use rusqlite::{Connection, OptionalExtension as _};

use super::{column, error::Fault};

/// The last batch that a sink has; 0: none.
pub(super) fn acknowledged(connection: &Connection, sink: &str) -> Result<u64, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT acknowledged FROM sink WHERE name = ?")?;
    let number = statement.query_row([sink], |row| column::count(row, 0)).optional()?;
    Ok(number.unwrap_or(0))
}

/// The last record of a batch and of those before it; 0: none.
pub(super) fn last_seq_until(connection: &Connection, batch: u64) -> Result<u64, Fault> {
    let sql = "SELECT ifnull(max(last_seq), 0) FROM batch WHERE number <= ?";
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([batch.cast_signed()], |row| column::count(row, 0))?)
}
