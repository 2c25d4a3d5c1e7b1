//! Reasons why a replay ends before its capture does.

use std::{error::Error, io, num::TryFromIntError};

use nix::errno::Errno;

use super::{TooLong, capture::CaptureError};
use crate::{kernel::error::KernelError, report::Told};

/// A result of a replay.
pub type Result<T, E = ReplayError> = std::result::Result<T, E>;

/// A replay that did not begin, or that ended early.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The kernel refuses a program, a table or a test run.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The capture can't be read, or the output can't be written.
    #[error(transparent)]
    Capture(#[from] CaptureError),
    /// A frame that no interface could have received.
    #[error(transparent)]
    TooLong(#[from] TooLong),
    /// An engine can't run a frame.
    #[error(transparent)]
    Engine(Told),
    /// The lines about the frames can't be written.
    #[error(transparent)]
    Output(Told),
}

impl ReplayError {
    /// The error inside this one, where no text comes before it. `source()` leaves it out.
    #[must_use]
    pub fn speaker(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Kernel(error) => error.told().speaker(),
            Self::Capture(error) => Some(error),
            Self::TooLong(error) => Some(error),
            Self::Engine(told) | Self::Output(told) => told.speaker(),
        }
    }

    pub(super) fn unfinished() -> Self {
        Self::Engine(Told::new("the path has not ended"))
    }

    pub(super) fn no_room_for_routes(domain: &str) -> Self {
        let text = format!(
            "the routes of {domain} are more than a forwarding table has room for; leave some out"
        );
        Self::Engine(Told::new(text))
    }

    /// Puts the frame that the engine ran before the text.
    pub(super) fn at_frame(self, frame: u64) -> Self {
        let text = format!("frame {frame} of the capture");
        match self {
            Self::Kernel(error) => Self::Kernel(error.after(text)),
            Self::Engine(told) => Self::Engine(told.after(text)),
            Self::Capture(_) | Self::TooLong(_) | Self::Output(_) => self,
        }
    }
}

impl From<Errno> for ReplayError {
    fn from(error: Errno) -> Self {
        Self::Engine(Told::bare(error))
    }
}

impl From<TryFromIntError> for ReplayError {
    fn from(error: TryFromIntError) -> Self {
        Self::Engine(Told::bare(error))
    }
}

impl From<io::Error> for ReplayError {
    fn from(error: io::Error) -> Self {
        Self::Output(Told::bare(error))
    }
}

impl From<serde_json::Error> for ReplayError {
    fn from(error: serde_json::Error) -> Self {
        Self::Output(Told::bare(error))
    }
}
