//! A copy of the ledger, while it is in use.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rusqlite::{Connection, OpenFlags, backup::Backup};

use super::{Ledger, LedgerError, error::Fault, open};

impl Ledger {
    /// Copies the ledger to a new file, which only its owner can read, and which is on the disk
    /// when this returns. The copy gets an id of its own: the ledger goes on numbering records, and
    /// a restored copy would use the same numbers again.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where the file exists already. After an error there is no new file.
    pub fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        let io_error = |source: io::Error| {
            let path = to.to_owned();
            if source.kind() == io::ErrorKind::AlreadyExists {
                let what = "the file exists already, and nothing was copied; give another name";
                return LedgerError::Refused { path, what: what.to_owned() };
            }
            LedgerError::Io { path, source: Box::new(source) }
        };
        let file = create(to).map_err(io_error)?;
        let done = copy(&self.connection, to).map_err(|fault| fault.at(to)).and_then(|()| {
            file.sync_all().map_err(io_error)?;
            // The name is on the disk when the directory is.
            let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty());
            let directory = File::open(directory.unwrap_or(Path::new("."))).map_err(io_error)?;
            directory.sync_all().map_err(io_error)
        });
        if done.is_err() {
            // The first error matters, not one of the removal.
            let _ = fs::remove_file(to);
        }
        done
    }
}

/// A new file, which only its owner can read.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Copies a ledger to an empty file, and gives the copy an id of its own.
pub(super) fn copy(from: &Connection, to: &Path) -> Result<(), Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(to, flags)?;
    {
        // All pages in one step: with several, each write in between would begin the copy anew.
        let backup = Backup::new(from, &mut copy)?;
        backup.run_to_completion(i32::MAX, std::time::Duration::from_millis(100), None)?;
    }
    // The copy is one file, without a log beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    open::add_incarnation(&copy)?;
    Ok(copy.close().map_err(|(_, error)| error)?)
}
