//! Reasons why the daemon doesn't start, or doesn't end as it should.

use std::{error::Error, io};

use crate::{config::ConfigErrors, daemon::error::DaemonError, report::Told};

/// A result of what runs the daemon.
pub type Result<T, E = ServerError> = std::result::Result<T, E>;

/// A daemon that did not start, or did not end as it should.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The engine, or what it is to take over.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// Somebody else has a place where the daemon is to be asked.
    #[error(transparent)]
    Taken(Told),
    /// The system has no socket, no signal or no thread for it.
    #[error(transparent)]
    System(Told),
    /// A defect of ours.
    #[error(
        "the engine has ended by itself, which is a defect of edge, please report it; frames \
         go on as they are, and a restart takes them over"
    )]
    EngineEnded,
}

impl ServerError {
    /// The error that this one is, with nothing told before it. `source()` leaves it out.
    #[must_use]
    pub fn speaker(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(errors) => Some(errors),
            Self::Daemon(error) => error.speaker(),
            Self::Taken(told) | Self::System(told) => told.speaker(),
            Self::EngineEnded => None,
        }
    }
}

/// Says what was being done, as `anyhow` does it.
pub(super) trait Context<T> {
    fn context(self, text: &str) -> Result<T>;
    fn with_context(self, text: impl FnOnce() -> String) -> Result<T>;
}

impl<T> Context<T> for io::Result<T> {
    fn context(self, text: &str) -> Result<T> {
        self.with_context(|| text.to_owned())
    }

    fn with_context(self, text: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| ServerError::System(Told::bare(error).after(text())))
    }
}
