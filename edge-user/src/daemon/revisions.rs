//! The configurations that the edge has had, in files of the state directory: a text `NNNNNNNN.toml`, and a document
//! `NNNNNNNN.json` about it. A revision without its document was not finished.

use std::{
    ffi::OsStr,
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use edge_api::{History, Revision};
use tempfile::NamedTempFile;

use crate::daemon::error::{Context as _, Result};

/// The most revisions that are kept.
const KEPT: usize = 100;
/// The directory in the state directory.
const DIRECTORY: &str = "revisions";

/// The revisions of an edge.
#[derive(Clone, Debug)]
pub(super) struct Revisions(PathBuf);

impl Revisions {
    /// The revisions in a state directory.
    #[must_use]
    pub(super) fn of(state_dir: &Path) -> Self {
        Self(state_dir.join(DIRECTORY))
    }

    /// All that are kept, the newest first. One whose document is damaged is left out.
    pub(super) fn history(&self) -> Result<History> {
        let numbers = self.numbers()?.into_iter().rev();
        Ok(History { revisions: numbers.filter_map(|number| self.read(number)).collect() })
    }

    /// The newest one.
    pub(super) fn newest(&self) -> Result<Option<Revision>> {
        Ok(self.numbers()?.into_iter().rev().find_map(|number| self.read(number)))
    }

    /// The document of one; `None`: it is damaged.
    fn read(&self, number: u64) -> Option<Revision> {
        let path = self.document(number);
        let document = fs::read(&path).and_then(|text| Ok(serde_json::from_slice(&text)?));
        document.inspect_err(|error| tracing::warn!("{}: {error}", path.display())).ok()
    }

    /// The text of one; `None`: it is not kept.
    pub(super) fn text(&self, number: u64) -> Result<Option<String>> {
        let path = self.config(number);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text).filter(|_| self.document(number).exists())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Keeps a text with its document, whose number is the next one, and forgets the oldest beyond those that are kept.
    /// Returns the number.
    pub(super) fn keep(&self, text: &str, about: impl FnOnce(u64) -> Revision) -> Result<u64> {
        let cannot = || format!("keeping a revision in {}", self.0.display());
        let numbers = self.numbers()?;
        let number = numbers.last().map_or(1, |last| last + 1);
        let keep = || -> io::Result<()> {
            fs::create_dir_all(&self.0)?;
            self.write(&self.config(number), text.as_bytes())?;
            self.write(&self.document(number), &serde_json::to_vec(&about(number))?)?;
            fs::File::open(&self.0)?.sync_all()
        };
        keep().with_context(cannot)?;
        let old = numbers.len().saturating_sub(KEPT - 1);
        for number in &numbers[..old] {
            // The document first: a text without one is no revision.
            fs::remove_file(self.document(*number)).with_context(cannot)?;
            match fs::remove_file(self.config(*number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(cannot);
                }
                _ => {}
            }
        }
        Ok(number)
    }

    /// The numbers of all revisions, in ascending order.
    fn numbers(&self) -> Result<Vec<u64>> {
        let number = |entry: fs::DirEntry| {
            let path = entry.path();
            let is_document = path.extension() == Some(OsStr::new("json"));
            path.file_stem()?.to_str()?.parse().ok().filter(|_| is_document)
        };
        let read = || -> io::Result<Vec<u64>> {
            let entries = match fs::read_dir(&self.0) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                entries => entries?.collect::<io::Result<Vec<_>>>()?,
            };
            let mut numbers: Vec<u64> = entries.into_iter().filter_map(number).collect();
            numbers.sort_unstable();
            Ok(numbers)
        };
        read().with_context(|| format!("reading {}", self.0.display()))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = NamedTempFile::with_prefix_in(".new-", &self.0)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    }

    fn config(&self, number: u64) -> PathBuf {
        self.0.join(format!("{number:08}.toml"))
    }

    fn document(&self, number: u64) -> PathBuf {
        self.0.join(format!("{number:08}.json"))
    }
}

#[cfg(test)]
mod tests {
    use edge_api::RevisionOrigin;
    use jiff::Timestamp;
    use tempfile::TempDir;

    use super::*;

    fn about(number: u64) -> Revision {
        Revision {
            revision: number,
            at: Timestamp::UNIX_EPOCH,
            by: RevisionOrigin::Apply,
            user: Some("anna".to_owned()),
            message: None,
            digest: format!("d{number}"),
            summary: String::new(),
            terms_at: None,
        }
    }

    #[test]
    fn the_last_hundred_are_kept_with_their_texts() {
        let directory = TempDir::new().unwrap();
        let revisions = Revisions::of(directory.path());
        assert_eq!(revisions.history().unwrap().revisions, []);
        for number in 1..=103 {
            assert_eq!(revisions.keep(&format!("text {number}"), about).unwrap(), number);
        }
        let history = revisions.history().unwrap().revisions;
        let numbers: Vec<u64> = history.iter().map(|it| it.revision).collect();
        assert_eq!(numbers, (4..=103).rev().collect::<Vec<_>>());
        assert_eq!(revisions.newest().unwrap(), Some(about(103)));
        assert_eq!(revisions.text(4).unwrap().as_deref(), Some("text 4"));
        assert_eq!(revisions.text(3).unwrap(), None);
        assert_eq!(fs::read_dir(directory.path().join(DIRECTORY)).unwrap().count(), 200);
    }

    #[test]
    fn an_unfinished_or_damaged_one_is_none() {
        let directory = TempDir::new().unwrap();
        let revisions = Revisions::of(directory.path());
        revisions.keep("one", about).unwrap();
        fs::write(revisions.config(2), "two").unwrap();
        assert_eq!(revisions.text(2).unwrap(), None);
        assert_eq!(revisions.keep("other two", about).unwrap(), 2);
        assert_eq!(revisions.text(2).unwrap().as_deref(), Some("other two"));
        fs::write(revisions.document(2), "{").unwrap();
        assert_eq!(revisions.newest().unwrap(), Some(about(1)));
        // Its number is not given again.
        assert_eq!(revisions.keep("three", about).unwrap(), 3);
    }
}
