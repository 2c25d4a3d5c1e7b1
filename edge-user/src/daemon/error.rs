//! Errors of the daemon, by who can mend them.

use std::{error::Error, io};

use tempfile::PersistError;
use tokio::sync::{oneshot, watch};

use crate::{
    billing::{ledger::LedgerError, rating::BillError},
    config::{BandwidthRefused, ConfigErrors},
    kernel::error::KernelError,
    plan::Full,
    report::Told,
    time::error::TimeError,
};

/// A result of the daemon's.
pub type Result<T, E = DaemonError> = std::result::Result<T, E>;

/// Something that the daemon can't do.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The circuit can't have the bandwidth, or there is no such circuit.
    #[error(transparent)]
    Bandwidth(#[from] BandwidthRefused),
    /// The configuration asks for an interface that is not there.
    #[error(transparent)]
    NoInterface(Told),
    /// Somebody else has the interface, or the data plane.
    #[error(transparent)]
    Taken(Told),
    /// This kernel, or an interface as it is set up now, can't carry the configuration.
    #[error(transparent)]
    Unsuitable(Told),
    /// The daemon lacks the permission.
    #[error(transparent)]
    Permission(Told),
    /// The machine or the tables have no room for it.
    #[error(transparent)]
    OutOfRoom(Told),
    /// The books can't be kept, or looked at.
    #[error(transparent)]
    Ledger(Told),
    /// The machine failed, or edge has a defect.
    #[error(transparent)]
    Failed(Told),
}

impl DaemonError {
    pub(super) fn failed(text: impl Into<String>) -> Self {
        Self::Failed(Told::new(text))
    }

    pub(super) fn ledger(text: impl Into<String>) -> Self {
        Self::Ledger(Told::new(text))
    }

    /// The error inside this one, where no text comes before it. `source()` leaves it out.
    #[must_use]
    pub fn speaker(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Config(errors) => Some(errors),
            Self::Bandwidth(refused) => Some(refused),
            Self::NoInterface(told)
            | Self::Taken(told)
            | Self::Unsuitable(told)
            | Self::Permission(told)
            | Self::OutOfRoom(told)
            | Self::Ledger(told)
            | Self::Failed(told) => told.speaker(),
        }
    }

    /// Puts the step that failed before the error's text. The error keeps its kind. A caller's
    /// mistake stays as it is: its text has its place.
    #[must_use]
    pub fn after(self, text: impl Into<String>) -> Self {
        self.map(|told| told.after(text))
    }

    /// One error of all these, of the first one's kind; none where there are none.
    pub(super) fn none_of(problems: Vec<Self>) -> Result<()> {
        let told: Vec<String> = problems.iter().map(|problem| format!("{problem:#}")).collect();
        problems
            .into_iter()
            .next()
            .map_or(Ok(()), |first| Err(first.map(|_among_the_others| Told::new(told.join("\n")))))
    }

    fn map(self, change: impl FnOnce(Told) -> Told) -> Self {
        match self {
            Self::Config(_) | Self::Bandwidth(_) => self,
            Self::NoInterface(told) => Self::NoInterface(change(told)),
            Self::Taken(told) => Self::Taken(change(told)),
            Self::Unsuitable(told) => Self::Unsuitable(change(told)),
            Self::Permission(told) => Self::Permission(change(told)),
            Self::OutOfRoom(told) => Self::OutOfRoom(change(told)),
            Self::Ledger(told) => Self::Ledger(change(told)),
            Self::Failed(told) => Self::Failed(change(told)),
        }
    }
}

impl From<KernelError> for DaemonError {
    fn from(error: KernelError) -> Self {
        match error {
            KernelError::NoInterface(told) => Self::NoInterface(told),
            KernelError::Busy(told) => Self::Taken(told),
            KernelError::Unsuitable(told) => Self::Unsuitable(told),
            KernelError::Permission(told) => Self::Permission(told),
            KernelError::OutOfRoom(told) => Self::OutOfRoom(told),
            KernelError::Refused(told) | KernelError::Damaged(told) | KernelError::System(told) => {
                Self::Failed(told)
            }
        }
    }
}

/// Errors whose kind is that of the system's error in them.
macro_rules! of_the_system {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for DaemonError {
            fn from(error: $error) -> Self {
                KernelError::from(error).into()
            }
        }
    )*};
}
of_the_system!(io::Error, TimeError);

impl From<PersistError> for DaemonError {
    fn from(error: PersistError) -> Self {
        Self::Failed(Told::bare(error))
    }
}

impl From<LedgerError> for DaemonError {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(Told::bare(error))
    }
}

impl From<BillError> for DaemonError {
    fn from(error: BillError) -> Self {
        Self::Failed(Told::bare(error))
    }
}

impl From<Full> for DaemonError {
    fn from(error: Full) -> Self {
        Self::OutOfRoom(Told::bare(error))
    }
}

/// A thread of the daemon has ended.
impl From<oneshot::error::RecvError> for DaemonError {
    fn from(error: oneshot::error::RecvError) -> Self {
        Self::Failed(Told::bare(error))
    }
}

impl From<watch::error::RecvError> for DaemonError {
    fn from(error: watch::error::RecvError) -> Self {
        Self::Failed(Told::bare(error))
    }
}

/// Names the step that failed, as `anyhow` does, and keeps the kind of the error.
pub(super) trait Context<T> {
    fn context(self, text: impl Into<String>) -> Result<T>;
    fn with_context(self, text: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<DaemonError>> Context<T> for Result<T, E> {
    fn context(self, text: impl Into<String>) -> Result<T> {
        self.map_err(|error| error.into().after(text))
    }

    fn with_context(self, text: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| error.into().after(text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_are_told_together_as_what_the_first_one_is() {
        let taken = DaemonError::Taken(Told::new("eth0 is taken").after("port \"a\""));
        let missing = DaemonError::NoInterface(Told::new("there is no eth1"));
        let error = DaemonError::none_of(vec![taken, missing]).unwrap_err();
        assert!(matches!(error, DaemonError::Taken(_)), "{error:?}");
        assert_eq!(format!("{error:#}"), "port \"a\": eth0 is taken\nthere is no eth1");
        assert!(DaemonError::none_of(Vec::new()).is_ok());
    }
}
