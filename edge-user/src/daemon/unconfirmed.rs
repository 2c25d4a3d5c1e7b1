//! A change that is taken back unless somebody confirms it, in a file of the state directory: a daemon that
//! is killed meanwhile has it at its next start.

use std::{path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::state_file;
use crate::{
    daemon::error::Result,
    time::{self, deadline::Deadline},
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
    /// The end of the wait. With another boot it is over.
    pub(super) deadline: Deadline,
    /// The user who asked for it, where that is known.
    pub(super) user: Option<String>,
    /// The user's message.
    pub(super) message: Option<String>,
}

impl Unconfirmed {
    /// A change that is made now, and waits this long.
    pub(super) fn new(before: String, digest: String, within: Duration) -> Result<Self> {
        let deadline = Deadline::after(&time::now()?, within);
        Ok(Self { before, digest, deadline, user: None, message: None })
    }

    /// The one that a state directory has.
    pub(super) fn read(state_dir: &Path) -> Result<Option<Self>> {
        state_file::read(state_dir, FILE_NAME)
    }

    /// Writes it, so that it outlives the daemon and the machine.
    pub(super) fn write(&self, state_dir: &Path) -> Result<()> {
        state_file::write(state_dir, FILE_NAME, self)
    }

    /// Removes the one of a state directory, if it has one.
    pub(super) fn remove(state_dir: &Path) -> Result<()> {
        state_file::remove(state_dir, FILE_NAME)
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
}
