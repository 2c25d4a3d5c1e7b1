//! The lock of the books: one process at a time keeps them.

use std::{
    fs::{DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};

use super::LedgerError;

/// The file is never removed: a process that had the removed file locked would not see a new one.
const FILE_NAME: &str = "ledger.lock";

/// The process that has this lock is the only one that keeps the books in the lock's directory,
/// until the lock is dropped.
#[derive(Debug)]
pub struct LedgerLock {
    _lock: Flock<File>,
}

/// Makes this process the only one that keeps books in `state_dir`, and makes that directory where
/// it is missing. A process that only looks, or exports, doesn't need the lock.
///
/// # Errors
///
/// [`LedgerError::Held`] where another process keeps books there.
pub fn lock(state_dir: &Path) -> Result<LedgerLock, LedgerError> {
    make_directory(state_dir)?;
    let path = state_dir.join(FILE_NAME);
    let io_error =
        |source: io::Error| LedgerError::Io { path: path.clone(), source: Box::new(source) };
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600);
    let file = options.open(&path).map_err(io_error)?;
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(LedgerLock { _lock: lock }),
        Err((_, Errno::EWOULDBLOCK)) => Err(LedgerError::Held { path }),
        Err((_, errno)) => Err(io_error(errno.into())),
    }
}

/// Makes the directory of a ledger, where it is missing: for its owner only.
pub(super) fn make_directory(state_dir: &Path) -> Result<(), LedgerError> {
    let mut directory = DirBuilder::new();
    directory.recursive(true).mode(0o700);
    directory
        .create(state_dir)
        .map_err(|source| LedgerError::Io { path: state_dir.to_owned(), source: Box::new(source) })
}
