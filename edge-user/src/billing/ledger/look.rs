//! Looking at a ledger without touching it, by a private copy, in which a reader can also book.
//!
//! `SQLite` writes even where it only reads: it makes and removes the files of its log, and has its
//! locks in one of them. So this module copies the files as they are, without a lock. A log grows
//! at its end, and `SQLite` passes over a torn end, as that has no commit. Any other change during
//! the copy shows in the files' attributes, and the files are copied again.

use std::{
    env,
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, TransactionBehavior, backup::Backup};
use tempfile::TempDir;

use super::{
    Ledger, LedgerError,
    error::Fault,
    open::{FILE_NAME, LAYOUTS, current_id, migrate, version, with_suffix},
    owners::KnownNumbers,
};

/// The directory whose files are in memory, by convention (FHS 3.0, 3.17).
const MEMORY: &str = "/dev/shm";
/// A larger ledger is copied to disk.
const MEMORY_BYTES: u64 = 256 << 20;
/// Number of copies that are tried before `SQLite` makes one, which holds writers up.
const TRIES: u32 = 20;
const PAUSE: Duration = Duration::from_millis(25);
/// Two changes within this time may have the same date: the kernel's clock for files ticks at 100
/// Hz at least.
const TICK: Duration = Duration::from_millis(20);
/// The same on file systems that have whole seconds only or, like FAT, every other one.
const COARSE_TICK: Duration = Duration::from_secs(2);
/// Length of a log's header, which changes when the log begins anew
/// (<https://sqlite.org/fileformat2.html#walformat>).
const LOG_HEADER_BYTES: usize = 32;

/// Device, inode, length, and the time of the last change in nanoseconds.
type FileState = (u64, u64, u64, i128);

/// A state of a ledger's files, for comparison with another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LedgerFiles {
    database: FileState,
    log: Option<FileState>,
    /// The first bytes of the log.
    log_header: Vec<u8>,
    journal: Option<FileState>,
    /// Whether a later change of the database, or of any file, may have the same date.
    is_fresh: [bool; 2],
}

/// A ledger's private copy, and the state of the ledger's files at that time.
#[derive(Debug)]
pub struct PrivateCopy {
    /// The copy, which has the ledger's path in messages.
    pub ledger: Ledger,
    state: LedgerFiles,
}

impl PrivateCopy {
    /// Whether a process may have written the ledger since.
    pub fn has_moved(&self) -> bool {
        let LedgerFiles { is_fresh, .. } = self.state;
        is_fresh[1] || LedgerFiles::of(self.ledger.path()).ok().as_ref() != Some(&self.state)
    }
}

impl Ledger {
    /// A private copy of the ledger in `state_dir`, as it is now. This writes nothing there, takes
    /// no lock, and needs no permission for either. If an older version has made the ledger, the
    /// copy is brought up to date. A booking in the copy is gone with it.
    ///
    /// # Errors
    ///
    /// [`LedgerError::NotFound`] where there is no ledger, [`LedgerError::TooNew`] where a newer
    /// version has made it, and [`LedgerError::NoRoomToLook`] where there is no room for a copy.
    pub fn look(state_dir: &Path) -> Result<PrivateCopy, LedgerError> {
        let path = state_dir.join(FILE_NAME);
        let database = fs::metadata(&path).map_err(|error| unreachable(&path, error))?;
        if database.len() == 0 {
            return Err(LedgerError::NotFound { path });
        }
        let log = fs::metadata(with_suffix(&path, "-wal")).map_or(0, |log| log.len());
        let mut full = None;
        for place in places(database.len() + log) {
            match look(&path, &place) {
                Err(error @ LedgerError::NoRoomToLook { .. }) => full = Some(error),
                looked => return looked,
            }
        }
        Err(full.unwrap_or(LedgerError::NotFound { path }))
    }
}

/// The directories for a copy of so many bytes, best first.
fn places(bytes: u64) -> Vec<PathBuf> {
    let memory = PathBuf::from(MEMORY);
    let mut places = vec![memory, env::temp_dir()];
    if bytes > MEMORY_BYTES {
        places.reverse();
    }
    places.retain(|place| place.is_dir());
    places
}

fn look(path: &Path, place: &Path) -> Result<PrivateCopy, LedgerError> {
    let no_room = |source: io::Error| LedgerError::NoRoomToLook {
        path: path.to_owned(),
        place: place.to_owned(),
        source: Box::new(source),
    };
    // Only the owner may read it, whatever the umask.
    let directory = TempDir::with_prefix_in("edge-ledger-", place).map_err(no_room)?;
    let copy = directory.path().join(FILE_NAME);
    if LedgerFiles::of(path).is_ok_and(|state| state.is_coarse()) {
        thread::sleep(COARSE_TICK);
    }
    for _ in 0..TRIES {
        match copy_files(path, &copy) {
            Ok(Some(state)) => return open(path, &copy, state),
            Ok(None) => thread::sleep(PAUSE),
            Err(CopyError::Read(error)) => return Err(unreachable(path, error)),
            Err(CopyError::Write(error)) => return Err(no_room(error)),
        }
    }
    let state = LedgerFiles::of(path).map_err(|error| unreachable(path, error))?;
    copy_in_use(path, &copy)?;
    open(path, &copy, LedgerFiles { is_fresh: [true; 2], ..state })
}

enum CopyError {
    Read(io::Error),
    Write(io::Error),
}

/// Copies the files as they are; `None`: they have changed meanwhile.
fn copy_files(path: &Path, copy: &Path) -> Result<Option<LedgerFiles>, CopyError> {
    let before = LedgerFiles::of(path).map_err(CopyError::Read)?;
    if before.is_fresh[0] {
        return Ok(None);
    }
    for suffix in ["", "-wal", "-journal"] {
        let to = with_suffix(copy, suffix);
        match fs::remove_file(&to) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(CopyError::Write(error));
            }
            _ => {}
        }
        let mut from = match File::open(with_suffix(path, suffix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound && !suffix.is_empty() => continue,
            from => from.map_err(CopyError::Read)?,
        };
        let new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
        let copied = io::copy(&mut from, &mut new.map_err(CopyError::Write)?);
        copied.map_err(|error| {
            let is_full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
            if is_full.contains(&error.kind()) {
                CopyError::Write(error)
            } else {
                CopyError::Read(error)
            }
        })?;
    }
    let after = LedgerFiles::of(path).map_err(CopyError::Read)?;
    Ok(after.follows(&before).then_some(before))
}

/// Has `SQLite` copy a ledger that another process writes all the time. The files that `SQLite`
/// would make exist already: else the writer is not `SQLite`.
fn copy_in_use(path: &Path, copy: &Path) -> Result<(), LedgerError> {
    if !with_suffix(path, "-shm").exists() {
        let source = "its files change all the time, but no daemon has it open".into();
        return Err(LedgerError::Busy { path: path.to_owned(), source });
    }
    let inner = || -> Result<(), Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let from = Connection::open_with_flags(path, flags)?;
        from.busy_timeout(Duration::from_secs(5))?;
        for suffix in ["", "-wal", "-journal"] {
            let _not_there = fs::remove_file(with_suffix(copy, suffix));
        }
        let mut to = Connection::open(copy)?;
        Backup::new(&from, &mut to)?.run_to_completion(i32::MAX, PAUSE, None)?;
        Ok(())
    };
    inner().map_err(|fault| fault.at(path))
}

/// Opens a copy. Its files have no names when this returns, and are gone with the process.
fn open(path: &Path, copy: &Path, state: LedgerFiles) -> Result<PrivateCopy, LedgerError> {
    let inner = || -> Result<(Connection, usize), Fault> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(copy, flags)?;
        connection.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        let found = version(&connection)?;
        if found == 0 || found > LAYOUTS.len() {
            return Ok((connection, found));
        }
        // No log beside the copy, and no care for a crash: the copy ends with the process.
        connection.pragma_update(None, "journal_mode", "MEMORY")?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        connection.pragma_update(None, "foreign_keys", true)?;
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        migrate(&mut connection)?;
        Ok((connection, found))
    };
    let (connection, found) = inner().map_err(|fault| fault.at(path))?;
    let path = path.to_owned();
    if found == 0 {
        return Err(LedgerError::NotFound { path });
    }
    if found > LAYOUTS.len() {
        let number = |version| u32::try_from(version).unwrap_or(u32::MAX);
        let (found, known) = (number(found), number(LAYOUTS.len()));
        return Err(LedgerError::TooNew { path, found, known });
    }
    let id = current_id(&connection).map_err(|fault| fault.at(&path))?;
    let file = (state.database.0, state.database.1);
    let ledger = Ledger { connection, path, file, id, known: KnownNumbers::default() };
    Ok(PrivateCopy { ledger, state })
}

fn unreachable(path: &Path, source: io::Error) -> LedgerError {
    if source.kind() == io::ErrorKind::NotFound {
        return LedgerError::NotFound { path: path.to_owned() };
    }
    LedgerError::Io { path: path.to_owned(), source: Box::new(source) }
}

impl LedgerFiles {
    fn of(path: &Path) -> io::Result<Self> {
        let seen = |file: &fs::Metadata| -> FileState {
            let changed_ns =
                i128::from(file.mtime()) * 1_000_000_000 + i128::from(file.mtime_nsec());
            (file.dev(), file.ino(), file.len(), changed_ns)
        };
        let beside = |suffix| match fs::metadata(with_suffix(path, suffix)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            found => found.map(Some),
        };
        let (database, log, journal) = (fs::metadata(path)?, beside("-wal")?, beside("-journal")?);
        // A date in the future is by another clock, and tells nothing.
        let is_fresh = |file: &fs::Metadata| {
            let tick = if file.mtime_nsec() == 0 { COARSE_TICK } else { TICK };
            let changed_ns =
                i128::from(file.mtime()) * 1_000_000_000 + i128::from(file.mtime_nsec());
            let since_ns = crate::time::wall().as_nanosecond() - changed_ns;
            u128::try_from(since_ns).is_ok_and(|since_ns| since_ns < tick.as_nanos())
        };
        let all = [Some(&database), journal.as_ref(), log.as_ref()]
            .map(|file| file.is_some_and(is_fresh));
        let is_fresh = [all[0] || all[1], all.contains(&true)];
        Ok(Self {
            database: seen(&database),
            log: log.as_ref().map(seen),
            log_header: log_header(path)?,
            journal: journal.as_ref().map(seen),
            is_fresh,
        })
    }

    /// Whether later changes may have the same date for long.
    fn is_coarse(&self) -> bool {
        self.is_fresh[0] && self.database.3 % 1_000_000_000 == 0
    }

    /// Whether only the log has grown since an earlier state.
    fn follows(&self, earlier: &Self) -> bool {
        let log_is = |state: &Self| state.log.map(|(device, inode, ..)| (device, inode));
        let length = |state: &Self| state.log.map_or(0, |(_, _, length, _)| length);
        self.database == earlier.database
            && self.journal == earlier.journal
            && log_is(self) == log_is(earlier)
            && self.log_header == earlier.log_header
            && length(self) >= length(earlier)
    }
}

fn log_header(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = match File::open(with_suffix(path, "-wal")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        file => file?,
    };
    let mut header = Vec::with_capacity(LOG_HEADER_BYTES);
    file.seek(SeekFrom::Start(0))?;
    file.take(LOG_HEADER_BYTES as u64).read_to_end(&mut header)?;
    Ok(header)
}
