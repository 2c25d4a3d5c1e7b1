//! Errors of the ledger, and what to do about each.

use std::{
    error::Error,
    path::{Path, PathBuf},
};

use rusqlite::ErrorCode;

type Cause = Box<dyn Error + Send + Sync>;

/// An error of the ledger at `path`. The requested operation has not happened. The source is the
/// error of `SQLite` or of the system.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is no ledger.
    #[error("{}: there is no ledger; `edge run` makes one, in its `state_dir`", path.display())]
    NotFound {
        /// Of the database.
        path: PathBuf,
    },
    /// It is damaged, or no database at all.
    #[error(
        "{}: the ledger is damaged; stop the daemon and put a backup in its place with `edge \
         ledger restore FILE` (`edge ledger backup` makes one), or move `ledger.db*` away to begin \
         anew; the daemon then books the counts that only the meters have, in records of another \
         ledger id", path.display()
    )]
    Corrupt {
        /// Of the database.
        path: PathBuf,
        /// The error of `SQLite`.
        source: Cause,
    },
    /// It can't be written.
    #[error(
        "{}: the ledger can't be written; give the daemon write access to it and its \
         directory", path.display()
    )]
    ReadOnly {
        /// Of the database.
        path: PathBuf,
        /// The error of `SQLite`.
        source: Cause,
    },
    /// There is no room for more.
    #[error(
        "{}: no room is left for the ledger; make room on its file system",
        path.display()
    )]
    Full {
        /// Of the database.
        path: PathBuf,
        /// The error of `SQLite`.
        source: Cause,
    },
    /// Another process has held it for too long.
    #[error(
        "{}: another process holds the ledger; try again, or see which process has it open",
        path.display()
    )]
    Busy {
        /// Of the database.
        path: PathBuf,
        /// The error of `SQLite`.
        source: Cause,
    },
    /// Another process keeps books in its directory.
    #[error(
        "another edge keeps its books here ({}); stop it, or give this one a `state_dir` of its \
         own", path.display()
    )]
    Held {
        /// Of the lock.
        path: PathBuf,
    },
    /// A newer `edge` has made it.
    #[error(
        "{}: the ledger has layout {found} and this `edge` knows {known} at most; run the newer \
         `edge`, or put a backup of layout {known} in its place with `edge ledger restore FILE`", path.display()
    )]
    TooNew {
        /// Of the database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// An older `edge` has made it, and it was opened for looking only.
    #[error(
        "{}: the ledger has layout {found}, older than this `edge`'s {known}; `edge run` brings \
         it up to date", path.display()
    )]
    TooOld {
        /// Of the database.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The one that is needed.
        known: u32,
    },
    /// There is no room to look at it.
    #[error(
        "{}: a command that only looks at the ledger reads a copy, and there is no room for one in \
         {}; make room, or have TMPDIR name another directory", path.display(), place.display()
    )]
    NoRoomToLook {
        /// Of the database.
        path: PathBuf,
        /// The directory for the copy.
        place: PathBuf,
        /// The system's error.
        source: Cause,
    },
    /// It can't be reached.
    #[error(
        "{}: the ledger can't be reached; check the file, its directory and the disk",
        path.display()
    )]
    Io {
        /// Of the database or its directory.
        path: PathBuf,
        /// The system's error.
        source: Cause,
    },
    /// The request contradicts the ledger's contents.
    #[error("{}: {what}", path.display())]
    Refused {
        /// Of the database.
        path: PathBuf,
        /// The refusal, and its reason.
        what: String,
    },
    /// Anything else.
    #[error(
        "{}: the ledger can't be used; `edge ledger check` reads it and names its faults",
        path.display()
    )]
    Other {
        /// Of the database.
        path: PathBuf,
        /// The underlying error.
        source: Cause,
    },
}

/// A [`LedgerError`] before its path is known.
#[derive(Debug)]
pub(super) enum Fault {
    Sqlite(rusqlite::Error),
    Refused(String),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Fault {
    pub(super) fn at(self, path: &Path) -> LedgerError {
        let path = path.to_owned();
        let error = match self {
            Self::Refused(what) => return LedgerError::Refused { path, what },
            Self::Sqlite(error) => error,
        };
        let source = said(&error);
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                LedgerError::Corrupt { path, source }
            }
            Some(ErrorCode::ReadOnly) => LedgerError::ReadOnly { path, source },
            Some(ErrorCode::DiskFull) => LedgerError::Full { path, source },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                LedgerError::Busy { path, source }
            }
            Some(
                ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::PermissionDenied,
            ) => LedgerError::Io { path, source },
            _ => LedgerError::Other { path, source },
        }
    }
}

/// The text of an `SQLite` error. The error's own source, which repeats it in other words, is left
/// out.
fn said(error: &rusqlite::Error) -> Cause {
    match error.sqlite_error() {
        None => error.to_string().into(),
        Some(code) => format!("{error} (SQLite code {})", code.extended_code).into(),
    }
}

/// An error of meters with impossible counts: nothing of the reading is booked.
pub(super) fn damaged(fault: &str) -> Fault {
    Fault::Refused(format!(
        "{fault}: the kernel's tables are damaged. Frames go on, and nothing of this reading was \
         booked; please report it. `edge detach --discard` removes these tables, which loses their \
         counts since the last booking, and `edge run` makes new ones"
    ))
}

/// More than any meter can have counted in its life.
pub(super) fn too_much() -> Fault {
    damaged("a reading has more bytes than can be counted")
}
