//! The ledger that a command looks at, and the part of it that it can't see.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use edge_api::{Client, is_answered};
use edge_user::{
    billing::ledger::Ledger,
    config::{self, Config, DEFAULT_CONTROL, DEFAULT_STATE_DIR},
    daemon::{
        look::{self, LookedAt, View, Warnings},
        remembered::remembered_state_dir,
    },
};

/// The ledger to look at.
#[derive(Debug, clap::Args)]
pub(super) struct LedgerArg {
    /// The configuration that says where the ledger is.
    #[arg(short, long, value_name = "FILE", conflicts_with = "state_dir")]
    config: Option<PathBuf>,
    /// The directory that the ledger is in.
    #[arg(long, value_name = "DIR")]
    state_dir: Option<PathBuf>,
    /// The control socket of the daemon that keeps the ledger [default: /run/edge/control.sock, or
    /// the configuration's].
    #[arg(short, long, value_name = "PATH", value_parser = super::socket_path())]
    socket: Option<PathBuf>,
}

/// The answer is not complete: exit code 1. A warning before it names the missing part.
#[derive(Debug, thiserror::Error)]
#[error("{0} are not complete: see the warnings")]
pub(super) struct Incomplete(&'static str);

/// Whether the printed answer has everything that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Completeness {
    pub(super) is_complete: bool,
}

impl Completeness {
    /// An error where figures, of that name, are not complete.
    pub(super) fn of(self, figures: &'static str) -> Result<()> {
        if self.is_complete { Ok(()) } else { Err(Incomplete(figures).into()) }
    }
}

impl LedgerArg {
    /// Looks at the ledger, with everything that was counted up to now.
    pub(super) fn look(&self) -> Result<View> {
        let config = self.config()?;
        let socket = self.socket(config.as_ref());
        let here = config.as_ref().map(LookedAt::of);
        Ok(look::look(&self.state_dir_of(config.as_ref())?, here.as_ref(), &socket)?)
    }

    /// Looks at the ledger as it is on the disk.
    pub(super) fn look_as_it_is(&self) -> Result<Ledger> {
        Ok(Ledger::look(&self.state_dir()?)?.ledger)
    }

    /// The ledger's directory.
    pub(super) fn state_dir(&self) -> Result<PathBuf> {
        self.state_dir_of(self.config()?.as_ref())
    }

    /// The socket at which a daemon answers, if one runs.
    pub(super) fn control(&self) -> Result<PathBuf> {
        Ok(self.socket(self.config()?.as_ref()))
    }

    fn config(&self) -> Result<Option<Config>> {
        Ok(self.config.as_deref().map(config::load_without_keys).transpose()?)
    }

    fn socket(&self, config: Option<&Config>) -> PathBuf {
        let of_config = || config.map(|config| config.edge.control.clone());
        self.socket.clone().or_else(of_config).unwrap_or_else(|| DEFAULT_CONTROL.into())
    }

    fn state_dir_of(&self, config: Option<&Config>) -> Result<PathBuf> {
        let named = self.state_dir.clone().or_else(|| Some(config?.edge.state_dir.clone()));
        let socket = self.socket(config);
        match named.or_else(|| answered_state_dir(&socket)) {
            Some(state_dir) => Ok(state_dir),
            None => self.last_state_dir(&socket),
        }
    }

    /// The directory of the daemon that was last at the socket.
    fn last_state_dir(&self, socket: &Path) -> Result<PathBuf> {
        match remembered_state_dir(socket) {
            Some(state_dir) => Ok(state_dir),
            None if self.socket.is_none() => Ok(DEFAULT_STATE_DIR.into()),
            None => bail!(
                "no edge daemon answers at {}, nor did one lately, so its ledger can't be found; \
                 name it with `-c FILE` or `--state-dir DIR`",
                socket.display(),
            ),
        }
    }
}

/// Looks at the ledger of a configuration, with everything that was counted up to now.
pub(super) fn look_of(config: &Config) -> Result<View> {
    Ok(look::look(&config.edge.state_dir, Some(&LookedAt::of(config)), &config.edge.control)?)
}

/// Prints warnings, and returns whether the figures that they go with are complete.
pub(super) fn warn(warnings: &Warnings) -> Completeness {
    for text in &warnings.texts {
        eprintln!("warning: {text}");
    }
    Completeness { is_complete: warnings.is_complete }
}

/// Where the ledger of the daemon at `socket` is, if one answers.
fn answered_state_dir(socket: &Path) -> Option<PathBuf> {
    let ledger = is_answered(socket).then(|| Client::new(socket).ledger().ok()).flatten();
    ledger.map(|ledger| ledger.state_dir)
}
