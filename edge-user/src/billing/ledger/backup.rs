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
    /// when this returns. The copy begins another life: should it take the ledger's place, its
    /// records carry another id, as the ledger goes on to use their numbers.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Refused`] where there is such a file already. Where it fails, it leaves none.
    pub fn backup(&self, to: &Path) -> Result<(), LedgerError> {
        let io_error = |source: io::Error| {
            let path = to.to_owned();
            if source.kind() == io::ErrorKind::AlreadyExists {
                let what = "there is such a file already, and it stays; give another name";
                return LedgerError::Refused { path, what: what.to_owned() };
            }
            LedgerError::Io { path, source: Box::new(source) }
        };
        let file = create(to).map_err(io_error)?;
        let done = copy(&self.connection, to).map_err(|fault| fault.at(to)).and_then(|()| {
            file.sync_all().map_err(io_error)?;
            // Its name is the directory's.
            let directory = to.parent().filter(|parent| !parent.as_os_str().is_empty());
            let directory = File::open(directory.unwrap_or(Path::new("."))).map_err(io_error)?;
            directory.sync_all().map_err(io_error)
        });
        if done.is_err() {
            // It is what failed that matters.
            let _ = fs::remove_file(to);
        }
        done
    }
}

/// A new file, which only its owner can read.
pub(super) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

/// Copies a ledger to an empty file, where it begins another life.
pub(super) fn copy(from: &Connection, to: &Path) -> Result<(), Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut copy = Connection::open_with_flags(to, flags)?;
    {
        // All pages in one step: a step begins anew where somebody has written in between.
        let backup = Backup::new(from, &mut copy)?;
        backup.run_to_completion(i32::MAX, std::time::Duration::from_millis(100), None)?;
    }
    // One file has it all.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    open::add_incarnation(&copy)?;
    Ok(copy.close().map_err(|(_, error)| error)?)
}
