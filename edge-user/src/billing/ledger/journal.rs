//! The journal: a small file for changes of terms on their way to the ledger. It takes a change
//! even where another process holds the ledger, or the disk is full.
//!
//! The file has its room on the disk from its creation. A record has a checksum, which shows that
//! it is whole, and a number, which shows that it is newer than the one before. Bytes behind the
//! last record are of earlier use, or half written.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use super::{LedgerError, TermsChange, change::JournalEntry, lock::make_directory};

const FILE_NAME: &str = "terms.journal";
const MAGIC: [u8; 8] = *b"edgterm1";
/// Length of these, and of the journal's id.
const HEADER_LEN: u64 = 24;
/// Length, number and checksum, before a record's text.
const HEAD_LEN: usize = 4 + 8 + 8;
/// Room beside twice the largest record: for hundreds of changes of one circuit.
const SPARE_LEN: u64 = 256 << 10;

/// The open journal, with the changes that the ledger may not have yet. One process at a time has
/// it.
#[derive(Debug)]
pub struct TermsJournal {
    file: Flock<File>,
    path: PathBuf,
    id: Uuid,
    /// The offset of the next record.
    end: u64,
    /// The offset of the last record, if it can still be retracted.
    last_at: Option<u64>,
    /// The number of the last record.
    number: u64,
    /// The offset up to which the file has room.
    len: u64,
}

/// A journal, with the changes that it has.
pub type Left = (TermsJournal, Vec<(JournalEntry, TermsChange)>);

impl TermsJournal {
    /// Opens the journal in `state_dir`, or makes it, and returns the changes that it has.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Held`] where another process has it.
    pub fn open(state_dir: &Path) -> Result<Left, LedgerError> {
        make_directory(state_dir)?;
        let path = state_dir.join(FILE_NAME);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(io_error(&path))?;
        let file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((_, Errno::EWOULDBLOCK)) => return Err(LedgerError::Held { path }),
            Err((_, errno)) => return Err(io_error(&path)(errno.into())),
        };
        let len = file.metadata().map_err(io_error(&path))?.len();
        let mut journal =
            Self { file, path, id: Uuid::nil(), end: HEADER_LEN, last_at: None, number: 0, len };
        let Some(id) = journal.read_id().map_err(io_error(&journal.path))? else {
            journal.make().map_err(io_error(&journal.path))?;
            return Ok((journal, Vec::new()));
        };
        journal.id = id;
        let changes = journal.read()?;
        if changes.is_empty() {
            // The numbers of earlier records are lost: the journal gets a new id.
            journal.begin().map_err(io_error(&journal.path))?;
        }
        Ok((journal, changes))
    }

    /// The journal in `state_dir`, if there is one and no process has it.
    pub fn open_left(state_dir: &Path) -> Result<Option<Left>, LedgerError> {
        if !state_dir.join(FILE_NAME).exists() {
            return Ok(None);
        }
        match Self::open(state_dir) {
            Err(LedgerError::Held { .. }) => Ok(None),
            left => left.map(Some),
        }
    }

    /// Its id, which the sources of its changes have.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// Notes a change. When this returns, the change outlives a power cut.
    pub fn note(&mut self, change: &TermsChange) -> Result<JournalEntry, LedgerError> {
        let text = serde_json::to_vec(change)
            .map_err(|error| io_error(&self.path)(io::Error::other(error)))?;
        let number = self.number + 1;
        let mut record = Vec::with_capacity(HEAD_LEN + text.len());
        let text_len = u32::try_from(text.len())
            .map_err(|_too_long| io_error(&self.path)(io::Error::other("too many circuits")))?;
        record.extend(text_len.to_le_bytes());
        record.extend(number.to_le_bytes());
        record.extend(self.checksum(number, &text));
        record.extend(text);
        self.write(&record).map_err(io_error(&self.path))?;
        self.last_at = Some(self.end);
        self.end += record.len() as u64;
        self.number = number;
        Ok((self.id, number))
    }

    /// Takes the last change back, which has not taken effect.
    pub fn retract(&mut self) -> Result<(), LedgerError> {
        let Some(at) = self.last_at.take() else { return Ok(()) };
        self.end = at;
        self.number -= 1;
        self.erase(at).map_err(io_error(&self.path))
    }

    /// Notes that the ledger has all changes up to the one with this number. Where there are no
    /// others, their room is used again.
    pub fn has_drained(&mut self, number: u64) -> Result<(), LedgerError> {
        if number < self.number || self.end == HEADER_LEN {
            return Ok(());
        }
        self.erase(HEADER_LEN).map_err(io_error(&self.path))?;
        (self.end, self.last_at) = (HEADER_LEN, None);
        Ok(())
    }

    /// Whether the file at the journal's path is the one that is open.
    pub fn is_current(&self) -> bool {
        let Ok(own) = self.file.metadata() else { return false };
        self.path.metadata().is_ok_and(|named| (named.dev(), named.ino()) == (own.dev(), own.ino()))
    }

    /// Writes a record at the end, with room for as much again behind it.
    fn write(&mut self, record: &[u8]) -> io::Result<()> {
        let record_len = record.len() as u64;
        let needed = self.end + record_len;
        if needed > self.len {
            // This record must fit. Room for the next one is taken if there is any.
            let with_spare = needed + record_len + SPARE_LEN;
            self.extend(with_spare).or_else(|_full| self.extend(needed))?;
        }
        self.file.write_all_at(record, self.end)?;
        self.file.sync_data()
    }

    /// Takes room by writing zeros: room that is only reserved may be missing when it is needed.
    fn extend(&mut self, len: u64) -> io::Result<()> {
        const BLOCK: [u8; 4096] = [0; 4096];
        let before = self.len;
        let mut at = before;
        while at < len {
            let part = usize::try_from(len - at).unwrap_or(BLOCK.len()).min(BLOCK.len());
            if let Err(error) = self.file.write_all_at(&BLOCK[..part], at) {
                self.file.set_len(before)?;
                return Err(error);
            }
            at += part as u64;
        }
        self.file.sync_all()?;
        self.len = len;
        Ok(())
    }

    /// Marks that no record begins at this offset.
    fn erase(&self, at: u64) -> io::Result<()> {
        if at + 4 <= self.len {
            self.file.write_all_at(&[0; 4], at)?;
        }
        self.file.sync_data()
    }

    fn read_id(&self) -> io::Result<Option<Uuid>> {
        let mut header = [0; MAGIC.len() + 16];
        if self.len < HEADER_LEN {
            return Ok(None);
        }
        self.file.read_exact_at(&mut header, 0)?;
        let (magic, id) = header.split_at(MAGIC.len());
        if magic == MAGIC {
            return Ok(Uuid::from_slice(id).ok());
        }
        if header.iter().all(|byte| *byte == 0) {
            // The process was killed while it made the file.
            return Ok(None);
        }
        Err(io::Error::other(
            "this is no journal of terms, or a newer edge's; run that one, or move it away",
        ))
    }

    /// Makes the journal. Its header is written last, so that a cut leaves no half journal.
    fn make(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.len = 0;
        self.extend(HEADER_LEN + SPARE_LEN)?;
        self.begin()?;
        // The name is on the disk when the directory is.
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }

    /// Begins numbers at 1, under a new id, which no earlier record has.
    fn begin(&mut self) -> io::Result<()> {
        self.id = Uuid::new_v4();
        let header = [&MAGIC[..], self.id.as_bytes()].concat();
        self.file.write_all_at(&header, 0)?;
        self.file.sync_all()
    }

    fn read(&mut self) -> Result<Vec<(JournalEntry, TermsChange)>, LedgerError> {
        let mut bytes = vec![0; usize::try_from(self.len).unwrap_or(usize::MAX)];
        self.file.read_exact_at(&mut bytes, 0).map_err(io_error(&self.path))?;
        let mut changes = Vec::new();
        while let Some((number, text)) = self.record(&bytes) {
            let change = serde_json::from_slice(text)
                .map_err(|error| io_error(&self.path)(io::Error::other(error)))?;
            changes.push(((self.id, number), change));
            self.end += (HEAD_LEN + text.len()) as u64;
            self.number = number;
        }
        Ok(changes)
    }

    /// The record at the end, if there is one that is whole and newer than the last.
    fn record<'b>(&self, bytes: &'b [u8]) -> Option<(u64, &'b [u8])> {
        record(self.id, self.number, bytes.get(usize::try_from(self.end).ok()?..)?)
    }

    fn checksum(&self, number: u64, text: &[u8]) -> [u8; 8] {
        checksum(self.id, number, text)
    }
}

/// The changes in the journal of `state_dir`, for a process that only looks: it takes no lock and
/// writes nothing.
pub fn changes_in(state_dir: &Path) -> Result<Vec<(JournalEntry, TermsChange)>, LedgerError> {
    let path = state_dir.join(FILE_NAME);
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        bytes => bytes.map_err(io_error(&path))?,
    };
    let header = bytes.split_at_checked(MAGIC.len()).filter(|(magic, _)| *magic == MAGIC);
    let Some((id, mut rest)) = header.and_then(|(_, rest)| rest.split_first_chunk::<16>()) else {
        return Ok(Vec::new());
    };
    let (id, mut last) = (Uuid::from_bytes(*id), 0);
    let mut changes = Vec::new();
    while let Some((number, text)) = record(id, last, rest) {
        let change = serde_json::from_slice(text)
            .map_err(|error| io_error(&path)(io::Error::other(error)))?;
        changes.push(((id, number), change));
        (last, rest) = (number, &rest[HEAD_LEN + text.len()..]);
    }
    Ok(changes)
}

/// The record at the front, if there is one that is whole and newer than the last.
fn record(id: Uuid, last: u64, bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let text = rest.get(..usize::try_from(u32::from_le_bytes(*len)).ok()?)?;
    let number = u64::from_le_bytes(*number);
    let is_whole = number > last && checksum(id, number, text) == *sum;
    is_whole.then_some((number, text))
}

fn checksum(id: Uuid, number: u64, text: &[u8]) -> [u8; 8] {
    let mut hash = Sha256::new();
    hash.update(id.as_bytes());
    hash.update(number.to_le_bytes());
    hash.update(text);
    let mut checksum = [0; 8];
    checksum.copy_from_slice(&hash.finalize()[..8]);
    checksum
}

fn io_error(path: &Path) -> impl Fn(io::Error) -> LedgerError {
    let path = path.to_owned();
    move |source| {
        let (path, is_full) = (
            path.clone(),
            matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded),
        );
        let source = Box::new(source);
        if is_full { LedgerError::Full { path, source } } else { LedgerError::Io { path, source } }
    }
}
