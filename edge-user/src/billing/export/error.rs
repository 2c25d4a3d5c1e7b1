//! Why a batch could not be delivered.

use std::time::Duration;

/// A try that failed: there is always another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DeliveryError {
    /// The kind of failure: an operator is told when it changes.
    pub kind: FailureKind,
    /// The failure, its place, and what to do.
    pub message: String,
    /// The time for which the receiver asks to be left alone.
    pub retry_after: Option<Duration>,
}

/// Kinds of failure, as far as an operator does different things about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The ledger gave no batch, or took no acknowledgement.
    Ledger,
    /// Something on this machine: a directory, or the token's file.
    Local,
    /// The receiver was not reached, or did not answer.
    Network,
    /// The receiver could not show by TLS that it is who it should be.
    Tls,
    /// The receiver says that it can't at present.
    Unavailable,
    /// The receiver refuses, with this status: it goes on when an operator has acted.
    Refused(u16),
    /// A defect of `edge`.
    Defect,
}

impl DeliveryError {
    /// A failure after which the receiver has not asked for anything.
    pub(super) fn new(kind: FailureKind, message: String) -> Self {
        Self { kind, message, retry_after: None }
    }
}
