//! Whether the daemon's file says what runs.

use std::{
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use crate::config::{self, ConfigDigest};

/// A look at the daemon's file, which is read again only when it is another one.
#[derive(Debug)]
pub(super) struct FileLook {
    path: PathBuf,
    seen: Option<(FileVersion, Result<String, String>)>,
}

/// Everything of a file that changes with its text: device, inode, length, and the times of its last changes.
type FileVersion = (u64, u64, u64, [(i64, i64); 2]);

impl FileLook {
    /// A look at this file.
    pub(super) const fn new(path: PathBuf) -> Self {
        Self { path, seen: None }
    }

    /// A sentence about the file, unless it says the configuration with this digest.
    pub(super) fn fault(&mut self, running: &str) -> Option<String> {
        let path = self.path.display();
        let identity = match identity(&self.path) {
            Ok(identity) => identity,
            Err(error) => {
                self.seen = None;
                return Some(format!(
                    "{path} can't be read, so that the next start fails: {error}; put the file back"
                ));
            }
        };
        let seen = self.seen.take().filter(|(seen, _)| *seen == identity);
        let digest = seen.map_or_else(|| digest(&self.path), |(_, digest)| digest);
        let fault = match &digest {
            Ok(digest) if digest == running => None,
            Ok(_) => Some(format!(
                "{path} has another configuration than the one that runs: `edge diff -c {path}` shows the difference, and \
                 `edge reload` makes the change"
            )),
            Err(error) => Some(format!(
                "{path} is wrong, so that the next start fails: {error}; `edge check -c {path}` shows all"
            )),
        };
        self.seen = Some((identity, digest));
        fault
    }
}

fn identity(path: &Path) -> std::io::Result<FileVersion> {
    let file = fs::metadata(path)?;
    let times = [(file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec())];
    Ok((file.dev(), file.ino(), file.len(), times))
}

/// The digest of the file's configuration, or its first mistake.
fn digest(path: &Path) -> Result<String, String> {
    match config::load(path) {
        Ok(config) => Ok(ConfigDigest::new(&config).to_string()),
        Err(errors) => Err(errors.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const FILE: &str =
        "edge = { name = 'e' }\nport = [{ name = 'p', interface = 'i', side = 'core' }]\n";

    #[test]
    fn a_file_is_told_of_unless_it_means_what_runs() {
        let directory = TempDir::new().unwrap();
        let path = directory.path().join("edge.toml");
        fs::write(&path, FILE).unwrap();
        let running = digest(&path).unwrap();
        let mut look = FileLook::new(path.clone());
        assert_eq!(look.fault(&running), None);
        assert_eq!(look.fault(&running), None);
        fs::write(&path, format!("# with a comment\n{FILE}")).unwrap();
        assert_eq!(look.fault(&running), None);
        for (text, expected) in [
            (FILE.replace("'i'", "'j'"), "has another configuration"),
            (FILE.replace("core", "corr"), "is wrong, so that the next start fails: "),
        ] {
            fs::write(&path, text).unwrap();
            for _ in 0..2 {
                let fault = look.fault(&running).unwrap();
                assert!(fault.contains(expected), "{fault}");
            }
        }
        fs::remove_file(&path).unwrap();
        assert!(look.fault(&running).unwrap().contains("can't be read"));
        fs::write(&path, FILE).unwrap();
        assert_eq!(look.fault(&running), None);
        assert!(look.fault("another").is_some());
    }
}
