//! Why a batch could not be delivered.

use std::time::Duration;

/// A failed try to deliver a batch. Another try always follows.
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

/// Kinds of failure, each with another remedy for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The ledger gave no batch, or took no acknowledgement.
    Ledger,
    /// Something on this machine: a directory, or the token's file.
    Local,
    /// The receiver was not reached, or did not answer.
    Network,
    /// The receiver's TLS certificate was not accepted.
    Tls,
    /// The receiver can't take batches at present.
    Unavailable,
    /// The receiver refuses, with this status, until an operator has acted.
    Refused(u16),
    /// A defect of `edge`.
    Defect,
}

impl DeliveryError {
    /// A failure after which the receiver has asked for no pause.
    pub(super) fn new(kind: FailureKind, message: String) -> Self {
        Self { kind, message, retry_after: None }
    }
}
