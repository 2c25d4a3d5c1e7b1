//! The configuration file's successor, which takes its place when it is in effect.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, fchown},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::daemon::error::{Context as _, DaemonError, Result};

/// Another text for the configuration file, written beside the file that it is to replace. Dropping this removes the new
/// file.
pub(super) struct NewFile {
    path: PathBuf,
    replaced: String,
    file: NamedTempFile,
}

impl NewFile {
    /// Writes the new file, whose text is made from the present one. A symbolic link stands for the file that it leads to.
    pub(super) fn prepare(
        config_path: &Path,
        text: impl FnOnce(&str) -> Result<String>,
    ) -> Result<Self> {
        let cannot =
            || format!("{} can't be saved, and nothing was changed", config_path.display());
        let path = fs::canonicalize(config_path).with_context(cannot)?;
        let replaced = fs::read_to_string(&path).with_context(cannot)?;
        let text = text(&replaced)?;
        let file = Self::beside(&path, &text).with_context(cannot)?;
        Ok(Self { path, replaced, file })
    }

    /// Puts the new file in the old one's place, unless somebody has changed the old one meanwhile.
    pub(super) fn replace(self) -> Result<PathBuf> {
        let Self { path, replaced, file } = self;
        file.as_file().sync_all()?;
        if fs::read_to_string(&path)? != replaced {
            return Err(DaemonError::failed(
                "somebody else has changed the file at this moment; give the command again",
            ));
        }
        file.persist(&path)?;
        // The name is the directory's.
        fs::File::open(directory(&path))?.sync_all()?;
        Ok(path)
    }

    fn beside(path: &Path, text: &str) -> io::Result<NamedTempFile> {
        let metadata = fs::metadata(path)?;
        let mut file = NamedTempFile::with_prefix_in(".edge-", directory(path))?;
        file.write_all(text.as_bytes())?;
        // The owner first, as `chown` clears bits of the mode. A daemon that is not root may give a file to groups of its
        // own alone, and owns what it has written.
        let (owner, group) = (Some(metadata.uid()), Some(metadata.gid()));
        match fchown(file.as_file(), owner, group) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                let _not_its_group = fchown(file.as_file(), None, group);
            }
            given => given?,
        }
        file.as_file().set_permissions(metadata.permissions())?;
        Ok(file)
    }
}

fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}
