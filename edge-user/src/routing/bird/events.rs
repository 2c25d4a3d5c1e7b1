//! Events of BIRD's life, for the log.

use std::{fmt, time::Duration};

use super::names::SessionName;

/// Something that happened to BIRD, for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SpeakerEvent {
    /// BIRD has ended by itself, and is started again after this time.
    Ended {
        /// Its end.
        status: String,
        /// The time.
        wait: Duration,
    },
    /// BIRD has been started again.
    Restarted {
        /// Its process.
        pid: i32,
    },
    /// BIRD could not be started, and is again after this time.
    Failed {
        /// The error, with its causes.
        error: String,
        /// The time.
        wait: Duration,
    },
    /// BIRD runs and does not answer.
    Hangs {
        /// The time since the first look without an answer.
        since: Duration,
    },
    /// BIRD did not answer for [`super::setup::SpeakerSetup::hang`], and was killed.
    Killed,
    /// BIRD had given up a session, and tries it again.
    TriedAgain {
        /// The session.
        session: SessionName,
    },
    /// Routes of domains that are gone are still in the kernel. It is tried again.
    Unflushed {
        /// The error, with its causes.
        error: String,
    },
}

impl fmt::Display for SpeakerEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended { status, wait } => write!(
                f,
                "BIRD ended ({status}); the kernel keeps its routes, and it is started again in {wait:?}"
            ),
            Self::Restarted { pid } => write!(f, "BIRD runs again, as process {pid}"),
            Self::Failed { error, wait } => write!(
                f,
                "BIRD can't be started ({error}); routes stay as they are, and it is tried again in {wait:?}"
            ),
            Self::Hangs { since } => {
                write!(f, "BIRD has not answered for {since:?}; routes stay as they are")
            }
            Self::Killed => f.write_str("BIRD did not answer and was killed; it is started again"),
            Self::TriedAgain { session } => write!(
                f,
                "BIRD had given up the session {session}, whose socket could not be opened; it is tried again"
            ),
            Self::Unflushed { error } => write!(
                f,
                "routes of domains that are gone can't be removed ({error}); it is tried again"
            ),
        }
    }
}
