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
    seen: Option<SeenFile>,
}

/// A file as it was read last.
#[derive(Debug)]
struct SeenFile {
    /// The file itself, and the files of prefixes that it names, with their versions; `None`: there is none.
    versions: Vec<(PathBuf, Option<FileVersion>)>,
    /// The digest of its configuration, or its first mistake.
    digest: Result<String, String>,
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
        if let Err(error) = identity(&self.path) {
            self.seen = None;
            return Some(format!(
                "{path} can't be read, so that the next start fails: {error}; put the file back"
            ));
        }
        let seen = self.seen.take().filter(SeenFile::is_current);
        let seen = seen.unwrap_or_else(|| SeenFile::read(&self.path));
        let fault = match &seen.digest {
            Ok(digest) if digest == running => None,
            Ok(_) => Some(format!(
                "{path} has another configuration than the one that runs: `edge diff -c {path}` shows the difference, and \
                 `edge reload` makes the change"
            )),
            Err(error) => Some(format!(
                "{path} is wrong, so that the next start fails: {error}; `edge check -c {path}` shows all"
            )),
        };
        self.seen = Some(seen);
        fault
    }
}

impl SeenFile {
    fn read(path: &Path) -> Self {
        let version = |path: PathBuf| {
            let version = identity(&path).ok();
            (path, version)
        };
        // Before the look: what changes meanwhile is read again.
        let own = version(path.to_owned());
        match config::load(path) {
            Ok(config) => {
                let named = config.prefixes_files(path).into_iter().map(version);
                let digest = ConfigDigest::new(&config).to_string();
                Self { versions: [own].into_iter().chain(named).collect(), digest: Ok(digest) }
            }
            // The mistake may be one of a file that it names.
            Err(errors) => {
                let first = errors.to_string().lines().next().unwrap_or_default().to_owned();
                Self { versions: Vec::new(), digest: Err(first) }
            }
        }
    }

    fn is_current(&self) -> bool {
        let is_current =
            |(path, version): &(PathBuf, Option<FileVersion>)| identity(path).ok() == *version;
        !self.versions.is_empty() && self.versions.iter().all(is_current)
    }
}

fn identity(path: &Path) -> std::io::Result<FileVersion> {
    let file = fs::metadata(path)?;
    let times = [(file.mtime(), file.mtime_nsec()), (file.ctime(), file.ctime_nsec())];
    Ok((file.dev(), file.ino(), file.len(), times))
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    fn digest(path: &Path) -> Result<String, String> {
        SeenFile::read(path).digest
    }

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

    #[test]
    fn another_file_of_prefixes_is_another_configuration() {
        let directory = TempDir::new().unwrap();
        let (path, named) = (directory.path().join("edge.toml"), directory.path().join("we.txt"));
        let region = "[[region]]\nname = 'we'\narea = 'europe'\ncommunity = '12076:51002'\nprefixes_file = 'we.txt'\n";
        fs::write(&path, format!("{FILE}{region}")).unwrap();
        fs::write(&named, "20.33.0.0/16\n").unwrap();
        let running = digest(&path).unwrap();
        let mut look = FileLook::new(path);
        assert_eq!(look.fault(&running), None);
        fs::write(&named, "# a comment\n20.33.0.0/16\n").unwrap();
        assert_eq!(look.fault(&running), None);
        fs::write(&named, "20.34.0.0/16\n").unwrap();
        assert!(look.fault(&running).unwrap().contains("has another configuration"));
        fs::remove_file(&named).unwrap();
        assert!(look.fault(&running).unwrap().contains("prefixes_file"));
        fs::write(&named, "20.33.0.0/16\n").unwrap();
        assert_eq!(look.fault(&running), None);
    }
}
