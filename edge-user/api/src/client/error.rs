//! Errors of a call to a daemon.

use std::{io, path::PathBuf, time::Duration};

use crate::ErrorDocument;

/// A call to a daemon that has failed.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No daemon listens at the socket.
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
    /// This user may not connect to the socket.
    #[error(
        "this user may not connect to the edge daemon at {}; become root, or a member of the group edge (`adduser USER \
         edge`, then log in again)",
        socket.display(),
    )]
    NotLetIn {
        /// The socket's path.
        socket: PathBuf,
    },
    /// The daemon refuses the request, and nothing was changed.
    #[error("{document}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// The daemon's reason.
        document: ErrorDocument,
    },
    /// The daemon has not answered in time. It may have done the request, or may still do it.
    #[error(
        "the edge daemon at {} has not answered for {limit:?}, and may still do what was asked; \
         its log may say why",
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
         another program listens there; use the daemon's version of `edge`, or another socket (`-s \
         PATH`)",
        socket.display(),
    )]
    NotEdge {
        /// The socket's path.
        socket: PathBuf,
        /// The part of the answer that is wrong.
        why: String,
    },
    /// The connection has failed, or something else on this machine.
    #[error("asking the edge daemon at {}", socket.display())]
    Io {
        /// The socket's path.
        socket: PathBuf,
        /// The operating system's reason.
        source: io::Error,
    },
}

impl ClientError {
    /// Whether the caller made a mistake: a request or a configuration that the daemon can't
    /// accept, or a name that it doesn't know. The command line's exit code is then 2, else 1.
    #[must_use]
    pub const fn is_callers(&self) -> bool {
        matches!(self, Self::Refused { status: 400 | 404 | 422, .. })
    }
}
