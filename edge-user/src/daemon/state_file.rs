//! Documents in the state directory, which outlive the daemon and the machine.

use std::{fs, io, io::Write as _, path::Path};

use serde::{Serialize, de::DeserializeOwned};
use tempfile::NamedTempFile;

use crate::daemon::error::{Context as _, Result};

/// The document of this name; `None`: there is none.
pub(super) fn read<T: DeserializeOwned>(state_dir: &Path, name: &str) -> Result<Option<T>> {
    let path = state_dir.join(name);
    let read = || -> io::Result<T> { Ok(serde_json::from_slice(&fs::read(&path)?)?) };
    match read() {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
    }
}

/// Writes the document, or leaves the one that there is.
pub(super) fn write(state_dir: &Path, name: &str, document: &impl Serialize) -> Result<()> {
    let path = state_dir.join(name);
    let write = || -> io::Result<()> {
        fs::create_dir_all(state_dir)?;
        let mut file = NamedTempFile::with_prefix_in(".new-", state_dir)?;
        file.write_all(&serde_json::to_vec(document)?)?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        fs::File::open(state_dir)?.sync_all()
    };
    write().with_context(|| format!("writing {}", path.display()))
}

/// Writes a list, or removes its document where it is empty.
pub(super) fn write_list(state_dir: &Path, name: &str, list: &[impl Serialize]) -> Result<()> {
    if list.is_empty() { remove(state_dir, name) } else { write(state_dir, name, &list) }
}

/// Removes the document, if there is one.
pub(super) fn remove(state_dir: &Path, name: &str) -> Result<()> {
    let path = state_dir.join(name);
    let remove = || -> io::Result<()> {
        // A disk that can't be written refuses to remove a file that is not there, too.
        if fs::exists(&path)? {
            fs::remove_file(&path)?;
            fs::File::open(state_dir)?.sync_all()?;
        }
        Ok(())
    };
    remove().with_context(|| format!("removing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_document_comes_back_until_it_is_removed() {
        let directory = TempDir::new().unwrap();
        let state_dir = directory.path().join("not there yet");
        assert_eq!(read::<u32>(&state_dir, "a.json").unwrap(), None);
        remove(&state_dir, "a.json").unwrap();
        write(&state_dir, "a.json", &1).unwrap();
        write(&state_dir, "a.json", &2).unwrap();
        assert_eq!(read(&state_dir, "a.json").unwrap(), Some(2));
        assert_eq!(fs::read_dir(&state_dir).unwrap().count(), 1);
        remove(&state_dir, "a.json").unwrap();
        assert_eq!(read::<u32>(&state_dir, "a.json").unwrap(), None);
        fs::write(state_dir.join("a.json"), "{").unwrap();
        assert!(read::<u32>(&state_dir, "a.json").is_err());
    }
}
