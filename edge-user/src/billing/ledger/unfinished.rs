//! Tables that may still count although no daemon reads them.

use std::{ffi::OsString, os::unix::ffi::OsStringExt as _, path::PathBuf};

use jiff::Timestamp;
use rusqlite::Connection;
use uuid::Uuid;

use super::{Ledger, LedgerError, column, error::Fault};

/// An epoch whose last reading was not a final one, and that was not found to be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenEpoch {
    /// The tables' life.
    pub epoch: Uuid,
    /// The kernel's boot that they belong to: another boot doesn't have them.
    pub boot_id: Uuid,
    /// Where they are pinned.
    pub pin_dir: PathBuf,
    /// Version of their layout.
    pub layout_version: u32,
    /// The time of the last reading or, without one, of their creation.
    pub last_read: Timestamp,
}

impl Ledger {
    /// Epochs without an end in the ledger, by place and last reading.
    pub fn open_epochs(&self) -> Result<Vec<OpenEpoch>, LedgerError> {
        open_epochs(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    /// The pin directories of all tables that the ledger has ever booked.
    pub fn pin_dirs(&self) -> Result<Vec<PathBuf>, LedgerError> {
        pin_dirs(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    /// The time when the meters of an epoch were last read; `None`: the ledger doesn't know the
    /// epoch.
    pub fn last_read(&self, epoch: Uuid) -> Result<Option<Timestamp>, LedgerError> {
        let sql = "SELECT max(taken_us) FROM epoch WHERE uuid = ?";
        self.latest_reading(sql, [epoch.to_string()])
    }

    /// The time when any meters were last read; `None`: never.
    pub fn last_reading(&self) -> Result<Option<Timestamp>, LedgerError> {
        self.latest_reading("SELECT max(taken_us) FROM epoch", [])
    }

    fn latest_reading(
        &self,
        sql: &str,
        params: impl rusqlite::Params,
    ) -> Result<Option<Timestamp>, LedgerError> {
        let latest = self.connection.query_row(sql, params, |row| row.get::<_, Option<i64>>(0));
        let latest = latest.map_err(|error| Fault::from(error).at(&self.path))?;
        Ok(latest.map(column::from_micros))
    }
}

fn open_epochs(connection: &Connection) -> Result<Vec<OpenEpoch>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT uuid, boot_id, pin_dir, layout_version, taken_us FROM epoch \
         WHERE NOT is_closed AND lost_us IS NULL ORDER BY pin_dir, taken_us, id",
    )?;
    let found = statement.query_map([], |row| {
        Ok(OpenEpoch {
            epoch: column::uuid(row, 0)?,
            boot_id: column::uuid(row, 1)?,
            pin_dir: PathBuf::from(OsString::from_vec(row.get(2)?)),
            layout_version: row.get(3)?,
            last_read: column::from_micros(row.get(4)?),
        })
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}

fn pin_dirs(connection: &Connection) -> Result<Vec<PathBuf>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT DISTINCT pin_dir FROM epoch ORDER BY pin_dir")?;
    let found =
        statement.query_map([], |row| Ok(PathBuf::from(OsString::from_vec(row.get(0)?))))?;
    Ok(found.collect::<Result<_, _>>()?)
}
