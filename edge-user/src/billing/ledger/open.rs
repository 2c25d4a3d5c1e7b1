//! Opening the database: its path, its identity, and its layout.

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use rusqlite_migration::{M, Migrations};
use uuid::Uuid;

use super::{Ledger, LedgerError, column, error::Fault, lock::make_directory};

/// The layouts, oldest first: one that has been released never changes.
pub(super) const LAYOUTS: &[M<'static>] = &[
    M::up(include_str!("schema.sql")),
    M::up(include_str!("layout-2.sql")),
    M::up(include_str!("layout-3.sql")),
    M::up(include_str!("layout-4.sql")),
    M::up(include_str!("layout-5.sql")),
    M::up(include_str!("layout-6.sql")),
];

pub(super) const FILE_NAME: &str = "ledger.db";
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Room for all statements that are ever used on one connection.
const STATEMENTS: usize = 96;

impl Ledger {
    /// Opens the ledger in `state_dir`, or makes it. A ledger of an older version is brought up to
    /// date.
    pub fn open(state_dir: &Path) -> Result<Self, LedgerError> {
        Self::open_with(state_dir, LAYOUTS)
    }

    /// Opens the ledger for looking only, also while a daemon writes it.
    ///
    /// # Errors
    ///
    /// [`LedgerError::NotFound`] where there is none.
    pub fn open_read_only(state_dir: &Path) -> Result<Self, LedgerError> {
        Self::open_read_only_with(state_dir, LAYOUTS)
    }

    /// Whether the file at the ledger's path is the open one. Otherwise it was replaced or removed,
    /// and bookings in the open one are lost.
    pub fn is_current(&self) -> bool {
        identity(&self.path).is_ok_and(|file| file == self.file)
    }

    /// The path of the database.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn open_read_only_with(
        state_dir: &Path,
        layouts: &[M<'_>],
    ) -> Result<Self, LedgerError> {
        let path = state_dir.join(FILE_NAME);
        let (connection, file, found) = connect_ledger(&path)?;
        check_version(&path, found, layouts.len(), true)?;
        Self::of(connection, path, file)
    }

    pub(super) fn open_with(state_dir: &Path, layouts: &[M<'_>]) -> Result<Self, LedgerError> {
        let path = state_dir.join(FILE_NAME);
        let io_error = |path: &Path, source: io::Error| LedgerError::Io {
            path: path.to_owned(),
            source: Box::new(source),
        };
        make_directory(state_dir)?;
        // Only one at a time makes a ledger or changes its layout.
        let directory = File::open(state_dir).map_err(|error| io_error(state_dir, error))?;
        let _lock = Flock::lock(directory, FlockArg::LockExclusive)
            .map_err(|(_, errno)| io_error(state_dir, errno.into()))?;
        let mut options = OpenOptions::new();
        // `SQLite` would make the file readable for all users; its other files take this one's
        // mode. An existing file is not opened here: closing it would drop the locks that other
        // connections of this process have on it (POSIX), and with them the log that they write.
        options.write(true).create_new(true).mode(0o600);
        match options.open(&path) {
            Ok(_) => {}
            // The error of `SQLite`, below, is more exact.
            Err(_) if path.exists() => {}
            Err(error) => return Err(io_error(&path, error)),
        }
        let file = identity(&path).map_err(|error| io_error(&path, error))?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&path, flags);
        let mut connection = connection.map_err(|error| Fault::from(error).at(&path))?;
        // Before anything is written.
        let found = version(&connection).map_err(|error| error.at(&path))?;
        check_version(&path, found, layouts.len(), false)?;
        prepare(&mut connection, layouts, found).map_err(|error| error.at(&path))?;
        Self::of(connection, path, file)
    }

    fn of(connection: Connection, path: PathBuf, file: FileIdentity) -> Result<Self, LedgerError> {
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        let id = current_id(&connection).map_err(|error| error.at(&path))?;
        Ok(Self { connection, path, file, id, known: super::owners::KnownNumbers::default() })
    }
}

/// The ledger's present id.
pub(super) fn current_id(connection: &Connection) -> Result<Uuid, Fault> {
    let sql = "SELECT uuid FROM incarnation ORDER BY id DESC LIMIT 1";
    Ok(connection.query_row(sql, [], |row| column::uuid(row, 0))?)
}

/// A transaction that sees one state of the database, even if another process writes meanwhile.
pub(super) fn read(connection: &Connection) -> rusqlite::Result<Transaction<'_>> {
    Transaction::new_unchecked(connection, TransactionBehavior::Deferred)
}

/// Gives the ledger a new id.
pub(super) fn add_incarnation(connection: &Connection) -> rusqlite::Result<Uuid> {
    let id = Uuid::new_v4();
    connection.execute("INSERT INTO incarnation (uuid) VALUES (?1)", [id.to_string()])?;
    Ok(id)
}

/// Opens the ledger at `path`, of any known layout, for looking only.
pub(super) fn connect_file(path: &Path) -> Result<Connection, LedgerError> {
    let (connection, _, found) = connect_ledger(path)?;
    check_version(path, found, LAYOUTS.len(), false)?;
    Ok(connection)
}

/// Brings the ledger's layout up to date.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), Fault> {
    let found = version(connection)?;
    migrate_to(connection, LAYOUTS, found)
}

/// The path with something after its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}

fn prepare(connection: &mut Connection, layouts: &[M<'_>], found: usize) -> Result<(), Fault> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // This setting takes effect only while the file is empty.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    migrate_to(connection, layouts, found)?;
    let sql = "SELECT count(*) FROM incarnation";
    if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
        add_incarnation(connection)?;
    }
    Ok(())
}

fn migrate_to(connection: &mut Connection, layouts: &[M<'_>], found: usize) -> Result<(), Fault> {
    if found >= layouts.len() {
        return Ok(());
    }
    Migrations::from_slice(layouts).to_latest(connection).map_err(|error| {
        if let rusqlite_migration::Error::RusqliteError { err, .. } = error {
            return Fault::Sqlite(err);
        }
        Fault::Refused(format!("the ledger's layout can't be changed: {error}"))
    })
}

/// Device and inode.
type FileIdentity = (u64, u64);

/// Opens a ledger for looking only, and returns its file's identity and its layout's version.
fn connect_ledger(path: &Path) -> Result<(Connection, FileIdentity, usize), LedgerError> {
    let not_found = || LedgerError::NotFound { path: path.to_owned() };
    let io_error = |source: io::Error| {
        if source.kind() == io::ErrorKind::NotFound {
            return not_found();
        }
        LedgerError::Io { path: path.to_owned(), source: Box::new(source) }
    };
    let file = identity(path).map_err(io_error)?;
    if path.metadata().map_err(io_error)?.len() == 0 {
        return Err(not_found());
    }
    let connection = connect_read_only(path).map_err(|error| error.at(path))?;
    match version(&connection).map_err(|error| error.at(path))? {
        0 => Err(not_found()),
        found => Ok((connection, file, found)),
    }
}

fn connect_read_only(path: &Path) -> Result<Connection, Fault> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // On a read-only file system, `SQLite` can't have the shared memory of its log. Without a log,
    // no process is writing.
    let error = match version(&connection) {
        Err(Fault::Sqlite(error)) if !has_log(path) => error,
        _ => return Ok(connection),
    };
    let is_unwritable = matches!(
        error.sqlite_error_code(),
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::ReadOnly)
    );
    match uri(path) {
        Some(uri) if is_unwritable => {
            Ok(Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?)
        }
        _ => Err(error.into()),
    }
}

fn has_log(path: &Path) -> bool {
    with_suffix(path, "-wal").metadata().is_ok_and(|log| log.len() != 0)
}

fn uri(path: &Path) -> Option<String> {
    let path = path.to_str()?;
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Some(format!("file:{path}?immutable=1"))
}

pub(super) fn version(connection: &Connection) -> Result<usize, Fault> {
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(usize::try_from(found).unwrap_or(usize::MAX))
}

fn check_version(
    path: &Path,
    found: usize,
    known: usize,
    is_read_only: bool,
) -> Result<(), LedgerError> {
    let path = path.to_owned();
    let number = |version| u32::try_from(version).unwrap_or(u32::MAX);
    if found > known {
        return Err(LedgerError::TooNew { path, found: number(found), known: number(known) });
    }
    if is_read_only && found < known {
        return Err(LedgerError::TooOld { path, found: number(found), known: number(known) });
    }
    Ok(())
}

fn identity(path: &Path) -> io::Result<FileIdentity> {
    let metadata = path.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}
