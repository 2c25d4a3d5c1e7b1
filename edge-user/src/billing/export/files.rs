//! Batches as files in a directory, from which another program collects them.

use std::{
    fs::{self, DirBuilder, File, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;
use uuid::Uuid;

use super::{
    Receiver,
    encode::{self, RecordFormat},
    error::{DeliveryError, FailureKind},
};
use crate::billing::ledger::{Batch, Watermark};

/// Random characters in the name of a file that is being written.
const RANDOM: usize = 8;

/// A directory that gets one file a batch: `edge-usage-LEDGER-NUMBER.jsonl` or `.csv`, and
/// `edge-watermark-LEDGER.json` for the last watermark. A file with such a name is always whole.
///
/// The program that collects the files may move or delete them at any time.
#[derive(Debug)]
pub struct Files {
    dir: PathBuf,
    format: RecordFormat,
    /// Whether the directory exists and its leftovers are removed.
    is_ready: bool,
}

impl Files {
    /// Touches no file yet. The first batch makes the directory, for the owner and its group, if
    /// its parent exists.
    #[must_use]
    pub fn new(dir: PathBuf, format: RecordFormat) -> Self {
        Self { dir, format, is_ready: false }
    }

    /// Puts a whole file in the directory, in place of one of its name.
    fn put(&mut self, ledger: Uuid, name: &str, text: &[u8]) -> Result<(), DeliveryError> {
        let put = self.try_put(ledger, name, text);
        self.is_ready = put.is_ok();
        put
    }

    fn try_put(&self, ledger: Uuid, name: &str, text: &[u8]) -> Result<(), DeliveryError> {
        if !self.is_ready {
            self.prepare(ledger)?;
        }
        let beside = self.write_beside(name, text)?;
        let path = self.dir.join(name);
        beside.persist(&path).map_err(|error| failed("putting in place", &path, &error.error))?;
        sync_dir(&self.dir)
    }

    fn prepare(&self, ledger: Uuid) -> Result<(), DeliveryError> {
        match DirBuilder::new().mode(0o750).create(&self.dir) {
            Ok(()) => {
                let parent = self.dir.parent().filter(|parent| !parent.as_os_str().is_empty());
                sync_dir(parent.unwrap_or(Path::new(".")))?;
            }
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed("making the directory", &self.dir, &error)),
        }
        self.remove_leftovers(ledger)
            .map_err(|error| failed("removing leftovers in", &self.dir, &error))
    }

    /// Removes the unfinished files of a killed run, but none of another ledger: several edges may
    /// share a directory.
    fn remove_leftovers(&self, ledger: Uuid) -> io::Result<()> {
        for entry in fs::read_dir(&self.dir)? {
            let entry = entry?;
            let is_leftover =
                entry.file_name().to_str().is_some_and(|name| self.is_leftover(name, ledger));
            if is_leftover && let Err(error) = fs::remove_file(entry.path()) {
                // Another exporter of this ledger, which is ending, may have removed it first.
                if error.kind() != io::ErrorKind::NotFound {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn is_leftover(&self, name: &str, ledger: Uuid) -> bool {
        let Some(rest) = name.strip_prefix('.').and_then(|rest| rest.strip_suffix(".tmp")) else {
            return false;
        };
        let [stem, extension, random] = rest.split('.').collect::<Vec<_>>()[..] else {
            return false;
        };
        let number = stem.strip_prefix(&format!("edge-usage-{ledger}-"));
        let is_batch = number.is_some_and(|number| {
            number.len() >= 10 && number.bytes().all(|digit| digit.is_ascii_digit())
        }) && extension == self.format.extension();
        let is_watermark = format!("{stem}.{extension}") == watermark_name(ledger);
        (is_batch || is_watermark)
            && random.len() == RANDOM
            && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    }

    /// Writes a file to disk under a name that no program collects. Each writer has its own
    /// name, as a stopped one may still write when its successor has begun.
    fn write_beside(&self, name: &str, text: &[u8]) -> Result<NamedTempFile, DeliveryError> {
        let write = || {
            let mut file = tempfile::Builder::new()
                .prefix(&format!(".{name}."))
                .suffix(".tmp")
                .rand_bytes(RANDOM)
                .permissions(Permissions::from_mode(0o640))
                .tempfile_in(&self.dir)?;
            file.write_all(text)?;
            file.as_file().sync_all()?;
            Ok(file)
        };
        write().map_err(|error| failed("writing a file in", &self.dir, &error))
    }

    fn name(&self, batch: &Batch) -> String {
        let (ledger, number) = (batch.ledger, batch.number);
        format!("edge-usage-{ledger}-{number:010}.{}", self.format.extension())
    }
}

impl Receiver for Files {
    fn deliver(&mut self, batch: &Batch) -> Result<(), DeliveryError> {
        let text = encode::batch(self.format, batch)?;
        self.put(batch.ledger, &self.name(batch), &text)
    }

    fn announce(&mut self, watermark: &Watermark) -> Result<(), DeliveryError> {
        let text = encode::watermark(watermark)?;
        self.put(watermark.ledger, &watermark_name(watermark.ledger), &text)
    }
}

fn watermark_name(ledger: Uuid) -> String {
    format!("edge-watermark-{ledger}.json")
}

/// Makes names that have changed in a directory outlive a power failure.
fn sync_dir(dir: &Path) -> Result<(), DeliveryError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(|error| failed("syncing the directory", dir, &error))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> DeliveryError {
    let todos = [
        (io::ErrorKind::NotFound, "; make its parent directory, or mount what belongs there"),
        (io::ErrorKind::PermissionDenied, "; the daemon needs to read, write and enter it"),
        (io::ErrorKind::StorageFull, "; make room there"),
        (io::ErrorKind::QuotaExceeded, "; make room there"),
        (io::ErrorKind::ReadOnlyFilesystem, "; make it writable"),
    ];
    let todo = todos.iter().find(|(kind, _todo)| *kind == error.kind());
    let todo = todo.map_or("", |(_kind, todo)| todo);
    let message = format!("{what} {}: {error}{todo}", path.display());
    DeliveryError::new(FailureKind::Local, message)
}

#[cfg(test)]
mod tests;
