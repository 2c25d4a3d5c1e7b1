//! Errors of the BGP speaker, by their remedies.

use std::io;

use nix::errno::Errno;

use super::model::faults::SpeakerFaults;
use crate::report::Told;

/// A result of the speaker's side.
pub type Result<T, E = BirdError> = std::result::Result<T, E>;

/// A step that BIRD, its socket or the system did not do.
#[derive(Debug, thiserror::Error)]
pub enum BirdError {
    /// There is no BIRD on this machine, or not where the configuration says.
    #[error(transparent)]
    Missing(Told),
    /// This version of BIRD can't do it.
    #[error(transparent)]
    Unsuitable(Told),
    /// The plan contradicts itself or BIRD's limits. BIRD was not asked.
    #[error(transparent)]
    Plan(#[from] SpeakerFaults),
    /// BIRD refuses the configuration, and goes on with the one it has.
    #[error(transparent)]
    Refused(Told),
    /// BIRD runs, or should, and does not answer.
    #[error(transparent)]
    Silent(Told),
    /// An answer that has another form than BIRD's.
    #[error(transparent)]
    Garbled(Told),
    /// Another process has the socket.
    #[error(transparent)]
    Busy(Told),
    /// The system refuses a step.
    #[error(transparent)]
    System(Told),
}

impl BirdError {
    pub(in crate::routing::bird) fn garbled(text: impl Into<String>) -> Self {
        Self::Garbled(Told::new(text))
    }

    pub(in crate::routing::bird) fn silent(text: impl Into<String>) -> Self {
        Self::Silent(Told::new(text))
    }

    /// Puts the step that failed before the error's text. The error keeps its kind.
    #[must_use]
    pub fn after(self, text: impl Into<String>) -> Self {
        match self {
            Self::Missing(told) => Self::Missing(told.after(text)),
            Self::Unsuitable(told) => Self::Unsuitable(told.after(text)),
            Self::Plan(faults) => Self::Plan(faults),
            Self::Refused(told) => Self::Refused(told.after(text)),
            Self::Silent(told) => Self::Silent(told.after(text)),
            Self::Garbled(told) => Self::Garbled(told.after(text)),
            Self::Busy(told) => Self::Busy(told.after(text)),
            Self::System(told) => Self::System(told.after(text)),
        }
    }
}

macro_rules! of_the_system {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for BirdError {
            fn from(error: $error) -> Self {
                Self::System(Told::bare(error))
            }
        }
    )*};
}
of_the_system!(io::Error, Errno, rustix::io::Errno);

/// Names the step that failed, as `anyhow` does, and keeps the kind of the error.
pub(in crate::routing::bird) trait Context<T> {
    fn context(self, text: impl Into<String>) -> Result<T>;
    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<BirdError>> Context<T> for Result<T, E> {
    fn context(self, text: impl Into<String>) -> Result<T> {
        self.map_err(|error| error.into().after(text))
    }

    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.into().after(text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_leaves_the_kind_as_it_is() {
        let refused = || io::Error::from_raw_os_error(libc::ECONNREFUSED);
        let error = Err::<(), _>(refused()).context("connecting").context("asking").unwrap_err();
        assert!(matches!(error, BirdError::System(_)));
        assert_eq!(format!("{error:#}"), format!("asking: connecting: {}", refused()));
        let silent = Err::<(), _>(BirdError::silent("no answer")).with_context(|| "asking");
        assert!(matches!(silent, Err(BirdError::Silent(_))));
    }
}
