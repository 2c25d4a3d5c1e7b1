//! The place and the policy of the last booking, for a command that only looks.

use std::{
    ffi::OsStr,
    fs,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OptionalExtension as _, params};

use super::{Ledger, LedgerError, error::Fault, split::SAMPLE_S, types::Policy};

/// Three times the longest checkpoint that a configuration may have.
const LONGEST_GAP: Duration = Duration::from_mins(15);

/// The last booking, as the ledger keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct LastBooking {
    policy: Policy,
    directory: PathBuf,
    file: (u64, u64),
}

impl Ledger {
    /// The policy of the ledger's last booking. Where an older version has booked last, the rows
    /// show the period. Without rows it is five minutes, of which all other periods are multiples.
    pub fn policy(&self) -> Result<Policy, LedgerError> {
        policy(&self.connection).map_err(|fault| fault.at(&self.path))
    }

    /// Whether the ledger is in the place of its last booking: its path is the same, or its file
    /// is. Otherwise it was moved, or it is a copy of the ledger in which the meters are booked. A
    /// ledger without a booking, or with one by an older version, counts as the ledger itself.
    pub fn is_at_home(&self) -> Result<bool, LedgerError> {
        let booking = booking(&self.connection).map_err(|fault| fault.at(&self.path))?;
        let is_here = |booking: LastBooking| {
            booking.file == self.file || Some(booking.directory) == directory(&self.path)
        };
        Ok(booking.is_none_or(is_here))
    }

    /// Notes the policy and the place of a booking.
    pub(super) fn remember(&mut self, policy: &Policy) -> Result<(), LedgerError> {
        let Some(directory) = directory(&self.path) else { return Ok(()) };
        let new = LastBooking { policy: *policy, directory, file: self.file };
        remember(&self.connection, &new).map_err(|fault| fault.at(&self.path))
    }
}

fn directory(path: &Path) -> Option<PathBuf> {
    fs::canonicalize(path.parent()?).ok()
}

fn remember(connection: &Connection, new: &LastBooking) -> Result<(), Fault> {
    if booking(connection)?.as_ref() == Some(new) {
        return Ok(());
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO booking \
             (only, period_s, gap_us, directory, device, inode) VALUES (1, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            i64::try_from(new.policy.period.as_secs()).unwrap_or(i64::MAX),
            i64::try_from(new.policy.gap.as_micros()).unwrap_or(i64::MAX),
            new.directory.as_os_str().as_bytes(),
            new.file.0.cast_signed(),
            new.file.1.cast_signed(),
        ])?;
    Ok(())
}

fn booking(connection: &Connection) -> Result<Option<LastBooking>, Fault> {
    let sql = "SELECT period_s, gap_us, directory, device, inode FROM booking";
    let found = connection.prepare_cached(sql)?.query_row([], |row| {
        let directory: Vec<u8> = row.get(2)?;
        let file: (i64, i64) = (row.get(3)?, row.get(4)?);
        Ok(LastBooking {
            policy: Policy {
                period: Duration::from_secs(row.get::<_, i64>(0)?.unsigned_abs()),
                gap: Duration::from_micros(row.get::<_, i64>(1)?.unsigned_abs()),
            },
            directory: OsStr::from_bytes(&directory).into(),
            file: (file.0.cast_unsigned(), file.1.cast_unsigned()),
        })
    });
    Ok(found.optional()?)
}

fn policy(connection: &Connection) -> Result<Policy, Fault> {
    if let Some(booking) = booking(connection)? {
        return Ok(booking.policy);
    }
    // A row may be shorter than a period, where earlier rows have a part of it, but never longer.
    let sql = "SELECT max(end_s - start_s) FROM usage \
               WHERE end_s > (SELECT max(end_s) FROM usage) - 86400";
    let longest: Option<i64> = connection.query_row(sql, [], |row| row.get(0))?;
    let period = Duration::from_secs(longest.unwrap_or(SAMPLE_S).unsigned_abs());
    Ok(Policy { period, gap: LONGEST_GAP })
}
