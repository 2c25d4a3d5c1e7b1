//! Restoring: a backup takes the ledger's place.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OpenFlags};

use super::{
    Ledger, LedgerError, backup,
    check::check,
    error::Fault,
    lock,
    open::{FILE_NAME, connect_file, migrate, with_suffix},
};

impl Ledger {
    /// Puts a copy of the backup `from` in the place of the ledger in `state_dir`, whether there is
    /// one or not. The copy is brought up to date, gets an id of its own, and is on the disk when
    /// this returns. The ledger that was there becomes `ledger.db.before-restore`, in place of an
    /// earlier one.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Held`] where a daemon keeps books there, and [`LedgerError::Refused`] where
    /// the backup's books don't balance. After an error, the ledger is as before.
    pub fn restore(from: &Path, state_dir: &Path) -> Result<(), LedgerError> {
        // Before anything is made.
        let backup = connect_file(from).map_err(of_backup)?;
        let _lock = lock(state_dir)?;
        let new = state_dir.join("ledger.db.restoring");
        let done = copy(&backup, from, &new)
            .and_then(|()| replace(state_dir, &new).map_err(io_error(state_dir)));
        if done.is_err() {
            // The first error matters, not one of the removal.
            let _ = fs::remove_file(&new);
        }
        done
    }
}

/// Copies a backup to a new file, and checks the copy, as the copy will be used.
fn copy(backup: &Connection, from: &Path, new: &Path) -> Result<(), LedgerError> {
    remove(new).map_err(io_error(new))?;
    let file = backup::create(new).map_err(io_error(new))?;
    backup::copy(backup, new).map_err(|fault| of_backup(fault.at(from)))?;
    let problems = bring_up(new).map_err(|fault| of_backup(fault.at(from)))?;
    if let Some(first) = problems.first() {
        return Err(LedgerError::Refused {
            path: from.to_owned(),
            what: format!(
                "its books don't balance, and the ledger stays as it is; restore another backup: \
                 {first}{}",
                match problems.len() {
                    1 => String::new(),
                    all => format!(", and {} more", all - 1),
                }
            ),
        });
    }
    file.sync_all().map_err(io_error(new))
}

/// Turns the error of a missing or damaged backup into a refusal that does not blame the ledger.
fn of_backup(error: LedgerError) -> LedgerError {
    if let LedgerError::NotFound { path } = error {
        let what = "there is no backup here; `edge ledger backup` makes one".to_owned();
        return LedgerError::Refused { path, what };
    }
    if let LedgerError::Corrupt { path, source } = error {
        let what = "this is no backup, or a damaged one, and the ledger stays as it is; restore \
                    another backup";
        return LedgerError::Refused { path, what: format!("{what}: {source}") };
    }
    error
}

/// Gives a copy the newest layout, and returns its problems.
fn bring_up(new: &Path) -> Result<Vec<String>, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(new, flags)?;
    migrate(&mut connection)?;
    let problems = check(&connection)?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(problems)
}

/// Replaces the ledger. At any moment, its path has a whole ledger: the old one or the new one.
fn replace(state_dir: &Path, new: &Path) -> io::Result<()> {
    let path = state_dir.join(FILE_NAME);
    let kept = state_dir.join("ledger.db.before-restore");
    for suffix in ["", "-wal", "-shm"] {
        remove(&with_suffix(&kept, suffix))?;
    }
    let log = with_suffix(&path, "-wal");
    if path.exists() {
        // This empties the log into the database. A damaged database keeps its log.
        let _ = take_in_log(&path);
        fs::hard_link(&path, &kept)?;
        if log.exists() {
            fs::rename(&log, with_suffix(&kept, "-wal"))?;
        }
    }
    // A process that opens the new ledger would take the old one's log for that of the new one.
    remove(&log)?;
    remove(&with_suffix(&path, "-shm"))?;
    fs::rename(new, &path)?;
    File::open(state_dir)?.sync_all()
}

fn take_in_log(path: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> LedgerError {
    let path = PathBuf::from(path);
    move |source| LedgerError::Io { path: path.clone(), source: Box::new(source) }
}
