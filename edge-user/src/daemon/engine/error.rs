//! Reasons why a change does not happen.

use crate::config::{BandwidthRefused, ConfigErrors};

/// A change that did not happen, or not all of it: the message says which.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// The file is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The circuit can't have the bandwidth, or there is no such circuit.
    #[error(transparent)]
    Bandwidth(#[from] BandwidthRefused),
    /// The file asks for other places, which a running daemon can't move to.
    #[error(
        "pin_dir, control, metrics and state_dir can't be changed by a reload; restart the daemon"
    )]
    NeedsRestart,
    /// The client has another configuration in mind than the one that runs.
    #[error("another configuration runs by now, and nothing was changed; look at it again")]
    HasChanged,
    /// The daemon ends.
    #[error("the daemon is ending, and nothing was changed")]
    Ending,
    /// The machine refused it.
    #[error("{0:#}")]
    Failed(anyhow::Error),
}

/// An error keeps its kind, however deep below it arose.
impl From<anyhow::Error> for ChangeError {
    fn from(error: anyhow::Error) -> Self {
        let error = match error.downcast() {
            Ok(errors) => return Self::Config(errors),
            Err(error) => error,
        };
        error.downcast().map_or_else(Self::Failed, Self::Bandwidth)
    }
}
