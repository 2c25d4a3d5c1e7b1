//! A change that is taken back unless somebody confirms it, in a file of the state directory: a daemon that
//! is killed meanwhile has it at its next start.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use uuid::Uuid;

use crate::{
    daemon::error::{Context as _, DaemonError, Result},
    time::{self, Moment},
};

/// The file in the state directory.
const FILE_NAME: &str = "unconfirmed.json";

/// A change in effect that waits for its confirmation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unconfirmed {
    /// The text of the configuration before.
    pub(super) before: String,
    /// The digest of the change's configuration.
    pub(super) digest: String,
    /// The kernel's boot.
    boot_id: Uuid,
    /// The deadline by the clock since that boot, in microseconds: a wall clock may be set meanwhile.
    deadline_boot_us: i64,
    /// The user who asked for it, where that is known.
    pub(super) user: Option<String>,
    /// The user's message.
    pub(super) message: Option<String>,
}

impl Unconfirmed {
    /// A change that is made now, and waits this long.
    pub(super) fn new(before: String, digest: String, within: Duration) -> Result<Self> {
        let Moment { boot_id, boot_us, .. } = now()?;
        let within_us = i64::try_from(within.as_micros()).unwrap_or(i64::MAX);
        let deadline_boot_us = boot_us.saturating_add(within_us);
        Ok(Self { before, digest, boot_id, deadline_boot_us, user: None, message: None })
    }

    /// The one that a state directory has.
    pub(super) fn read(state_dir: &Path) -> Result<Option<Self>> {
        let path = path(state_dir);
        let cannot = || format!("reading {}", path.display());
        let read = || -> io::Result<Self> { Ok(serde_json::from_slice(&fs::read(&path)?)?) };
        match read() {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(cannot),
        }
    }

    /// Writes it, so that it outlives the daemon and the machine.
    pub(super) fn write(&self, state_dir: &Path) -> Result<()> {
        let path = path(state_dir);
        let write = || -> io::Result<()> {
            fs::create_dir_all(state_dir)?;
            let mut file = NamedTempFile::with_prefix_in(".new-", state_dir)?;
            file.write_all(&serde_json::to_vec(self)?)?;
            file.as_file().sync_all()?;
            file.persist(&path)?;
            fs::File::open(state_dir)?.sync_all()
        };
        write().with_context(|| format!("writing {}", path.display()))
    }

    /// Removes the one of a state directory, if it has one.
    pub(super) fn remove(state_dir: &Path) -> Result<()> {
        let path = path(state_dir);
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

    /// Removes it, where that must not fail.
    pub(super) fn forget(state_dir: &Path) {
        if let Err(error) = Self::remove(state_dir) {
            tracing::error!(
                "the record of a change that waits no more is still there, and a start with the same configuration would \
                 take it back; remove it: {error:#}"
            );
        }
    }

    /// The time that is left until the deadline; `None`: it is over, as it is after another boot.
    pub(super) fn left(&self, now: &Moment) -> Option<Duration> {
        let left_us = self.deadline_boot_us.saturating_sub(now.boot_us);
        let left_us = u64::try_from(left_us).ok().filter(|left_us| *left_us > 0);
        left_us.filter(|_| self.boot_id == now.boot_id).map(Duration::from_micros)
    }

    /// Ends the wait: whoever reads this goes back.
    pub(super) const fn end(&mut self) {
        self.deadline_boot_us = 0;
    }

    /// The date of the deadline by the present wall clock.
    pub(super) fn until(&self, now: &Moment) -> Timestamp {
        let left = SignedDuration::from_micros(self.deadline_boot_us.saturating_sub(now.boot_us));
        now.wall.saturating_add(left).unwrap_or(now.wall)
    }
}

/// The time by both clocks.
pub(super) fn now() -> Result<Moment> {
    time::now().map_err(|error| DaemonError::failed(crate::report::chain(&error)))
}

fn path(state_dir: &Path) -> PathBuf {
    state_dir.join(FILE_NAME)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    #[test]
    fn it_is_over_at_the_deadline_and_after_another_boot() {
        let mut waits =
            Unconfirmed::new("before".into(), "aa".into(), Duration::from_mins(10)).unwrap();
        let made = now().unwrap();
        let left = waits.left(&made).unwrap();
        assert!(left <= Duration::from_mins(10) && left > Duration::from_secs(500), "{left:?}");
        let at = |after_s: i64, boot_id| {
            // A wall clock that is set makes no difference.
            let wall = Timestamp::UNIX_EPOCH;
            Moment { boot_us: made.boot_us + after_s * 1_000_000, boot_id, wall, ..made }
        };
        assert!(waits.left(&at(500, made.boot_id)).is_some());
        assert_eq!(waits.left(&at(601, made.boot_id)), None);
        assert_eq!(waits.left(&at(1, Uuid::from_u128(1))), None);
        let until = waits.until(&made).duration_since(made.wall);
        assert!((500..=600).contains(&until.as_secs()), "{until}");
        waits.end();
        assert_eq!(waits.left(&made), None);
    }

    #[test]
    fn a_state_directory_has_one_at_most() {
        let directory = TempDir::new().unwrap();
        let state_dir = directory.path().join("not there yet");
        assert_eq!(Unconfirmed::read(&state_dir).unwrap(), None);
        Unconfirmed::remove(&state_dir).unwrap();
        let mut waits = Unconfirmed::new("b".into(), "aa".into(), Duration::from_secs(1)).unwrap();
        waits.write(&state_dir).unwrap();
        waits.user = Some("anna".to_owned());
        waits.write(&state_dir).unwrap();
        assert_eq!(Unconfirmed::read(&state_dir).unwrap(), Some(waits));
        assert_eq!(fs::read_dir(&state_dir).unwrap().count(), 1);
        Unconfirmed::remove(&state_dir).unwrap();
        assert_eq!(Unconfirmed::read(&state_dir).unwrap(), None);
        fs::write(path(&state_dir), "{").unwrap();
        assert!(Unconfirmed::read(&state_dir).is_err());
    }
}
