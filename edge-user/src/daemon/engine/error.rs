//! Reasons why a change does not happen.

use super::super::error::DaemonError;
use crate::{
    config::{BandwidthRefused, ConfigErrors},
    report::Told,
};

/// A change that did not happen, or not all of it: the message says which, with its causes.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The circuit can't have the bandwidth, or there is no such circuit.
    #[error(transparent)]
    Bandwidth(#[from] BandwidthRefused),
    /// The file has other paths or addresses, and a running daemon can't move to them.
    #[error(
        "a reload can't change pin_dir, control, metrics and state_dir, nor, where circuits are routed, \
         [routing] netns and table and the edge's name, and nothing was changed; restart the daemon"
    )]
    NeedsRestart,
    /// The daemon's sandbox, which it can't leave, has no room for it.
    #[error("{0}, and nothing was changed; restart the daemon with this configuration")]
    Sandboxed(String),
    /// The client has another configuration in mind than the one that runs.
    #[error("another configuration runs by now, and nothing was changed; look at it again")]
    HasChanged,
    /// The daemon's file does not say what runs, so that a change of its text would be another change, too.
    #[error(
        "{0} has another configuration than the one that runs, and nothing was changed; `edge diff -c {0}` shows the \
         difference, and `edge reload` or `edge apply` ends it"
    )]
    OtherFile(String),
    /// The edge has not had that configuration, or not among the last ones.
    #[error(
        "there is no such revision, and nothing was changed; `edge history` has those that are kept"
    )]
    NoRevision,
    /// A change waits for its confirmation.
    #[error(
        "the last change waits for its confirmation, and nothing was changed; `edge confirm` keeps it, and \
         `edge rollback` takes it back now"
    )]
    Unconfirmed,
    /// No change waits for a confirmation.
    #[error(
        "no change waits for a confirmation; `edge history` shows whether the last one was taken back"
    )]
    NothingToConfirm,
    /// The text of the configuration that runs does not give it back.
    #[error(
        "the configuration that runs could not be taken up again, as a key file, a file of prefixes or a bandwidth is another one by now, and \
         nothing was changed; apply the change without a confirmation"
    )]
    NoWayBack,
    /// Peers tell more routes than the change would allow.
    #[error(
        "the change would end sessions, and nothing was changed: {0}; have the customers tell fewer routes first, or keep `sku` \
         or `max_routes`"
    )]
    RoutesBeyond(String),
    /// There is no such link to drain.
    #[error("{0}; `edge sessions` shows those that there are, and nothing was changed")]
    NoLink(String),
    /// No other link of the circuit could take its traffic.
    #[error(
        "circuit {0:?} has no other link that is up and in use, so that its traffic would stop, and nothing was changed; see \
         `edge sessions`, or drain it with --force"
    )]
    LastLink(String),
    /// The daemon ends.
    #[error("the daemon is ending, and nothing was changed")]
    Ending,
    /// The configuration asks for an interface that is not there.
    #[error("{0:#}")]
    NoInterface(Told),
    /// The configuration asks for an interface that another program or another port has.
    #[error("{0:#}")]
    Taken(Told),
    /// The kernel, or an interface as it is set up now, can't carry the configuration.
    #[error("{0:#}")]
    Unsuitable(Told),
    /// The daemon may not do it.
    #[error("{0:#}")]
    Permission(Told),
    /// The machine has no room for it.
    #[error("{0:#}")]
    OutOfRoom(Told),
    /// The ledger can't be written.
    #[error("{0:#}")]
    Ledger(Told),
    /// The change is in effect, and a later step failed: the file is not saved, or the ports were
    /// not looked at. Another try is no remedy, of whatever kind the error is.
    #[error("{0:#}")]
    InEffect(DaemonError),
    /// The machine refuses it, or it is a defect of ours.
    #[error("{0:#}")]
    Failed(Told),
}

/// An error keeps its kind, however deep below it arose.
impl From<DaemonError> for ChangeError {
    fn from(error: DaemonError) -> Self {
        match error {
            DaemonError::Config(errors) => Self::Config(errors),
            DaemonError::Bandwidth(refused) => Self::Bandwidth(refused),
            DaemonError::NoInterface(told) => Self::NoInterface(told),
            DaemonError::Taken(told) => Self::Taken(told),
            DaemonError::Unsuitable(told) => Self::Unsuitable(told),
            DaemonError::Permission(told) => Self::Permission(told),
            DaemonError::OutOfRoom(told) => Self::OutOfRoom(told),
            DaemonError::Ledger(told) => Self::Ledger(told),
            DaemonError::Failed(told) => Self::Failed(told),
        }
    }
}
