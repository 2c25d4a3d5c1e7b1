//! Reasons why the daemon doesn't start, or doesn't end as it should.

use std::{error::Error, io};

use crate::{config::ConfigErrors, daemon::error::DaemonError, report::Told};

/// A result of running the daemon.
pub type Result<T, E = ServerError> = std::result::Result<T, E>;

/// A daemon that did not start, or did not end as it should.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The engine failed, or could not take over an earlier data plane.
    #[error(transparent)]
    Daemon(#[from] DaemonError),
    /// Another program has the control socket.
    #[error(transparent)]
    Taken(Told),
    /// The system refuses a socket, a signal or a thread.
    #[error(transparent)]
    System(Told),
    /// A defect of edge.
    #[error(
        "the engine has ended by itself, which is a defect of edge: please report it; frames \
         go on as before, and a restart takes the data plane over"
    )]
    EngineEnded,
}

impl ServerError {
    /// The error inside this one, where no text comes before it. `source()` leaves it out.
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

/// Names the step that failed, as `anyhow` does.
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
