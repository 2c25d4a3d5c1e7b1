//! The directory of a speaker: its configuration, its socket, its log.
//!
//! ```text
//! /run/edge/bird/
//!   current/bird.conf, keys.conf      what BIRD has, and is started with
//!   candidate/bird.conf, keys.conf    what BIRD is asked to take
//!   bird.ctl                          its control socket
//!   bird.err                          its words while it started
//!   log/bird.log                      its log
//! ```

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _, fchown},
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{AT_FDCWD, RenameFlags, renameat2},
    unistd::{Gid, Uid, User},
};

use super::{
    error::{BirdError, Context as _, Result},
    generate::{KEYS_FILE, SpeakerConfig},
};
use crate::report::Told;

const CONFIG_FILE: &str = "bird.conf";
/// Most of BIRD's words that an error repeats.
const MAX_SAID_BYTES: usize = 2_000;

/// The user that BIRD runs as after it has opened its socket. It keeps the capabilities to change
/// routes and to bind sockets, and no others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpeakerAccount {
    /// The user.
    pub uid: Uid,
    /// The group.
    pub gid: Gid,
}

impl SpeakerAccount {
    /// The user of this name; `None`: there is none.
    pub fn find(name: &str) -> Result<Option<Self>> {
        let user = match User::from_name(name) {
            // A machine without a list of users says so in this way (getpwnam(3)).
            Err(Errno::ENOENT) => None,
            found => found.with_context(|| format!("looking for the user {name}"))?,
        };
        Ok(user.map(|user| Self { uid: user.uid, gid: user.gid }))
    }
}

/// The files of a speaker.
#[derive(Clone, Debug)]
pub struct SpeakerFiles {
    directory: PathBuf,
    account: Option<SpeakerAccount>,
}

impl SpeakerFiles {
    /// The files below `directory`, which is made with the first of them. `account` is who reads
    /// them; `None`: root.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>, account: Option<SpeakerAccount>) -> Self {
        Self { directory: directory.into(), account }
    }

    /// The user that BIRD runs as; `None`: root.
    #[must_use]
    pub fn account(&self) -> Option<SpeakerAccount> {
        self.account
    }

    /// The control socket.
    #[must_use]
    pub fn socket(&self) -> PathBuf {
        self.directory.join("bird.ctl")
    }

    /// The configuration that BIRD is started with.
    #[must_use]
    pub fn current(&self) -> PathBuf {
        self.directory.join("current").join(CONFIG_FILE)
    }

    /// The configuration that BIRD is asked to take.
    #[must_use]
    pub fn candidate(&self) -> PathBuf {
        self.directory.join("candidate").join(CONFIG_FILE)
    }

    /// The log.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.directory.join("log/bird.log")
    }

    /// Looks whether the directory can be in BIRD's configuration and in a socket's address.
    pub fn check(&self) -> Result<()> {
        /// Longest address of a socket (`sun_path`), without its end and the socket's name.
        const MAX_LEN_BYTES: usize = 107 - "/bird.ctl".len();
        let text = self.directory.to_str().unwrap_or_default();
        let is_fit = self.directory.is_absolute()
            && text.len() <= MAX_LEN_BYTES
            && !text.contains(|c: char| c == '"' || c.is_control());
        if is_fit {
            return Ok(());
        }
        Err(BirdError::Unsuitable(Told::new(format!(
            "{} can't be BIRD's directory: it takes an absolute path of at most {MAX_LEN_BYTES} bytes \
             without quotation marks; choose another",
            self.directory.display()
        ))))
    }

    /// Makes the directories that are missing.
    pub fn make(&self) -> Result<()> {
        let make = || {
            // Only a name of the socket is in it for others.
            make_directory(&self.directory, 0o755)?;
            let log = self.directory.join("log");
            make_directory(&log, 0o750)?;
            self.give(&File::open(&log)?, self.account.map(|account| account.uid))
        };
        make()
            .with_context(|| format!("making the directory {} for BIRD", self.directory.display()))
    }

    /// Writes a candidate. One that is there already goes.
    pub fn write_candidate(&self, config: &SpeakerConfig) -> Result<()> {
        let place = self.directory.join("candidate");
        let write = || {
            remove_directory(&place)?;
            make_directory(&place, 0o750)?;
            self.give(&File::open(&place)?, None)?;
            // The group reads the configuration; the keys are their owner's alone.
            self.write(&place.join(CONFIG_FILE), 0o640, &config.text, None)?;
            let owner = self.account.map(|account| account.uid);
            self.write(&place.join(KEYS_FILE), 0o600, &config.keys, owner)
        };
        write().with_context(|| format!("writing BIRD's configuration below {}", place.display()))
    }

    /// Makes the candidate the current configuration, in one step.
    pub fn promote(&self) -> Result<()> {
        let (candidate, current) =
            (self.directory.join("candidate"), self.directory.join("current"));
        let exchange = || {
            let flags = if current.exists() {
                RenameFlags::RENAME_EXCHANGE
            } else {
                RenameFlags::RENAME_NOREPLACE
            };
            renameat2(AT_FDCWD, &candidate, AT_FDCWD, &current, flags)?;
            remove_directory(&candidate)
        };
        exchange().with_context(|| format!("replacing {}", current.display()))
    }

    /// Forgets a candidate.
    pub fn drop_candidate(&self) -> Result<()> {
        remove_directory(&self.directory.join("candidate")).context("removing a configuration")
    }

    /// The current configuration; `None`: there is none yet, or it can't be read.
    #[must_use]
    pub fn read_current(&self) -> Option<SpeakerConfig> {
        let current = self.current();
        let text = fs::read_to_string(&current).ok()?;
        let keys = fs::read_to_string(current.with_file_name(KEYS_FILE)).ok()?;
        Some(SpeakerConfig { text, keys })
    }

    /// An empty file for BIRD's words while it starts.
    pub(super) fn start_output(&self) -> Result<File> {
        let path = self.directory.join("bird.err");
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o640);
        options.open(&path).with_context(|| format!("opening {}", path.display()))
    }

    /// BIRD's words while it started, in one line.
    pub(super) fn said(&self) -> String {
        let said = fs::read(self.directory.join("bird.err")).unwrap_or_default();
        let said = String::from_utf8_lossy(&said[..said.len().min(MAX_SAID_BYTES)]);
        said.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
    }

    /// Removes the directory with all that is in it.
    pub fn remove(&self) -> Result<()> {
        remove_directory(&self.directory)
            .with_context(|| format!("removing {}", self.directory.display()))
    }

    fn write(&self, path: &Path, mode: u32, text: &str, owner: Option<Uid>) -> io::Result<()> {
        let mut options = OpenOptions::new();
        // With its mode from the start, and never through somebody's link.
        let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
        self.give(&file, owner)?;
        file.write_all(text.as_bytes())
    }

    /// Gives a file to BIRD's group, and to `owner`.
    fn give(&self, file: &File, owner: Option<Uid>) -> io::Result<()> {
        let Some(account) = self.account else {
            return Ok(());
        };
        fchown(file, owner.map(Uid::as_raw), Some(account.gid.as_raw()))
    }
}

fn make_directory(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn remove_directory(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str, keys: &str) -> SpeakerConfig {
        SpeakerConfig { text: text.to_owned(), keys: keys.to_owned() }
    }

    #[test]
    fn a_candidate_becomes_the_current_one_in_one_step() -> Result<()> {
        let place = tempfile::tempdir()?;
        let files = SpeakerFiles::new(place.path().join("bird"), None);
        files.make()?;
        assert!(files.read_current().is_none());
        for round in ["first", "second"] {
            files.write_candidate(&config("forgotten", ""))?;
            files.write_candidate(&config(round, "keys"))?;
            files.promote()?;
            assert!(files.read_current() == Some(config(round, "keys")));
            assert!(!files.candidate().exists());
        }
        files.write_candidate(&config("third", ""))?;
        files.drop_candidate()?;
        files.drop_candidate()?;
        assert!(files.read_current() == Some(config("second", "keys")));
        files.remove()?;
        assert!(!place.path().join("bird").exists());
        Ok(())
    }

    #[test]
    fn keys_are_for_their_owner_alone() -> Result<()> {
        let place = tempfile::tempdir()?;
        let files = SpeakerFiles::new(place.path().join("bird"), None);
        files.make()?;
        files.write_candidate(&config("text", "keys"))?;
        let mode = |path: PathBuf| -> io::Result<u32> {
            Ok(fs::metadata(path)?.permissions().mode() & 0o7777)
        };
        assert_eq!(mode(files.candidate().with_file_name(KEYS_FILE))?, 0o600);
        assert_eq!(mode(files.candidate())?, 0o640);
        files.promote()?;
        assert_eq!(mode(files.current().with_file_name(KEYS_FILE))?, 0o600);
        assert_eq!(mode(files.current().with_file_name(""))?, 0o750);
        Ok(())
    }

    #[test]
    fn directories_that_bird_cannot_have_are_refused() {
        let check = |path: &str| SpeakerFiles::new(path, None).check();
        assert!(check("/run/edge/bird").is_ok());
        let long = format!("/{}", "x".repeat(99));
        for bad in ["run/bird", "/a\"b", "/a\nb", &long] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
