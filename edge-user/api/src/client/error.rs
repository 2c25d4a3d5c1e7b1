//! Errors of a call to a daemon.

use std::{io, path::PathBuf, time::Duration};

use crate::ErrorDocument;

/// A call to a daemon that has failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens at the socket.
    #[error(
        "no edge daemon answers at {}; `edge run -c FILE` starts one, `-s PATH` names its control \
         socket",
        socket.display(),
    )]
    NoDaemon {
        /// The socket's path.
        socket: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
    /// The daemon refuses the request, and nothing was changed.
    #[error("{document}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The daemon's reason.
        document: ErrorDocument,
    },
    /// The daemon has not answered in time: it may have done what it was asked for, or be about to.
    #[error(
        "the edge daemon at {} has not answered for {limit:?}; its log may say why",
        socket.display(),
    )]
    Timeout {
        /// The socket's path.
        socket: PathBuf,
        /// The longest time that the call may take.
        limit: Duration,
    },
    /// The answer is not one that this version of `edge` knows.
    #[error(
        "the answer at {} is not one of edge's ({why}): client and daemon differ in version, or \
         another program listens there",
        socket.display(),
    )]
    NotEdge {
        /// The socket's path.
        socket: PathBuf,
        /// The part of the answer that is wrong.
        why: String,
    },
    /// The connection, or something else on this machine, has failed.
    #[error("asking the edge daemon at {}", socket.display())]
    Io {
        /// The socket's path.
        socket: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

impl ClientError {
    /// Whether it is the caller's mistake: a request or a configuration that the daemon can't accept, or
    /// a name that it does not know. The command line's exit code is 2 then, else 1.
    #[must_use]
    pub const fn is_callers(&self) -> bool {
        matches!(self, Self::Refused { status: 400 | 404 | 422, .. })
    }
}
