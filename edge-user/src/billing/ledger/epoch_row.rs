//! Epochs as a booking finds or makes them.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{
    column,
    error::Fault,
    types::{EpochInfo, Reading},
};

/// An epoch, as the database has it.
pub(super) struct Epoch {
    pub(super) id: i64,
    /// The time of its last reading or, without one, of its beginning: since boot, where that is
    /// known.
    pub(super) since_us: i64,
    /// The time of its last reading since boot.
    pub(super) read_us: Option<i64>,
    pub(super) is_closed: bool,
    pub(super) is_lost: bool,
    /// Whether its drops have dates: those that an older version has left have none.
    pub(super) has_drops: bool,
}

impl Epoch {
    pub(super) fn find(
        connection: &Connection,
        reading: &Reading,
        taken_us: i64,
    ) -> Result<Option<Self>, Fault> {
        let mut statement = connection.prepare_cached(
            "SELECT id, taken_us, read_us, is_closed, lost_us IS NOT NULL, has_drops FROM epoch \
             WHERE uuid = ?",
        )?;
        let epoch = statement.query_row([reading.epoch.id.to_string()], |row| {
            let read_us: Option<i64> = row.get(2)?;
            // Readings that an older version has booked have no time since boot.
            let before_us = taken_us.saturating_sub(row.get(1)?);
            Ok(Self {
                id: row.get(0)?,
                since_us: read_us.unwrap_or_else(|| since_boot_us(reading, before_us)),
                read_us,
                is_closed: row.get(3)?,
                is_lost: row.get(4)?,
                has_drops: row.get(5)?,
            })
        });
        Ok(epoch.optional()?)
    }

    pub(super) fn insert(connection: &Connection, reading: &Reading) -> Result<Self, Fault> {
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
        // The tables' date of birth is by the clock of that moment, right or wrong.
        let before_us = column::micros(reading.taken.wall).saturating_sub(created_us);
        let since_us = since_boot_us(reading, before_us);
        Ok(Self { id, since_us, read_us: None, is_closed: false, is_lost: false, has_drops: true })
    }
}

/// The moment `before_us` before the reading, in time since boot. The clock may have stepped, so
/// this is never before the boot: no tables are older.
fn since_boot_us(reading: &Reading, before_us: i64) -> i64 {
    let read_us = reading.taken.boot_us;
    read_us.saturating_sub(before_us.max(0)).max(0).min(read_us)
}
