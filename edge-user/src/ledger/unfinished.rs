//! Tables that count on while nobody reads them, perhaps.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;

use super::{Ledger, LedgerError, column, error::Fault};

impl Ledger {
    /// Where tables are pinned, or were, whose last reading was not a final one, and when it was.
    pub fn unfinished(&self) -> Result<Vec<(PathBuf, Timestamp)>, LedgerError> {
        unfinished(&self.connection).map_err(|fault| fault.at(&self.path))
    }
}

fn unfinished(connection: &Connection) -> Result<Vec<(PathBuf, Timestamp)>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT pin_dir, max(taken_us) FROM epoch WHERE NOT is_closed AND lost_us IS NULL \
         GROUP BY pin_dir ORDER BY pin_dir",
    )?;
    let found = statement.query_map([], |row| {
        let pin_dir = PathBuf::from(OsString::from_vec(row.get(0)?));
        Ok((pin_dir, column::from_micros(row.get(1)?)))
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}
