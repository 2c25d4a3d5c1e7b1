//! Errors of the feed, by what a caller may do about them.

use std::{io, num::TryFromIntError};

use netlink_packet_core::DecodeError;
use nix::errno::Errno;

use crate::report::{Told, errno};

/// A result of the feed.
pub type Result<T, E = FeedError> = std::result::Result<T, E>;

/// Something that the kernel's routing tables or neighbours did not give.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// There is no such network namespace, or it is not the one that a step needs.
    #[error(transparent)]
    NoNamespace(Told),
    /// The interface is not there, or it is down.
    #[error(transparent)]
    NoInterface(Told),
    /// This process lacks the permission.
    #[error(transparent)]
    Permission(Told),
    /// The kernel has no memory for it, or its table of neighbours is full.
    #[error(transparent)]
    OutOfRoom(Told),
    /// The table changed during each try to read it. The routes as they were read last stay in force;
    /// another try follows.
    #[error(transparent)]
    Unsettled(Told),
    /// An answer of the kernel that can't be read.
    #[error(transparent)]
    Damaged(Told),
    /// The system refuses a step for another reason.
    #[error(transparent)]
    System(Told),
}

impl FeedError {
    pub(super) fn damaged(text: impl Into<String>) -> Self {
        Self::Damaged(Told::new(text))
    }

    /// The text and the causes.
    #[must_use]
    pub fn told(&self) -> &Told {
        match self {
            Self::NoNamespace(told)
            | Self::NoInterface(told)
            | Self::Permission(told)
            | Self::OutOfRoom(told)
            | Self::Unsettled(told)
            | Self::Damaged(told)
            | Self::System(told) => told,
        }
    }

    /// Puts the step that failed before the error's text. The error keeps its kind.
    #[must_use]
    pub fn after(self, text: impl Into<String>) -> Self {
        let (kind, told): (fn(Told) -> Self, Told) = match self {
            Self::NoNamespace(told) => (Self::NoNamespace, told),
            Self::NoInterface(told) => (Self::NoInterface, told),
            Self::Permission(told) => (Self::Permission, told),
            Self::OutOfRoom(told) => (Self::OutOfRoom, told),
            Self::Unsettled(told) => (Self::Unsettled, told),
            Self::Damaged(told) => (Self::Damaged, told),
            Self::System(told) => (Self::System, told),
        };
        kind(told.after(text))
    }

    /// The kind of an error that has only the system's number.
    fn by_number(number: Option<i32>) -> fn(Told) -> Self {
        match number {
            Some(libc::EPERM | libc::EACCES | libc::EROFS) => Self::Permission,
            Some(libc::ENOMEM | libc::ENOBUFS | libc::EMFILE | libc::ENFILE) => Self::OutOfRoom,
            Some(libc::ENODEV | libc::ENXIO | libc::ENETDOWN) => Self::NoInterface,
            _ => Self::System,
        }
    }
}

/// Errors of libraries, whose kind is that of the system's number in them.
macro_rules! of_the_system {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for FeedError {
            fn from(error: $error) -> Self {
                Self::by_number(errno(&error))(Told::bare(error))
            }
        }
    )*};
}
of_the_system!(io::Error, Errno, TryFromIntError);

impl From<DecodeError> for FeedError {
    fn from(error: DecodeError) -> Self {
        Self::Damaged(Told::bare(error))
    }
}

/// Names the step that failed, as `anyhow` does, and keeps the kind of the error.
pub(super) trait Context<T> {
    fn context(self, text: impl Into<String>) -> Result<T>;
    fn with_context(self, text: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: Into<FeedError>> Context<T> for Result<T, E> {
    fn context(self, text: impl Into<String>) -> Result<T> {
        self.map_err(|error| error.into().after(text))
    }

    fn with_context(self, text: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| error.into().after(text()))
    }
}

/// A part that is missing in what was read.
impl<T> Context<T> for Option<T> {
    fn context(self, text: impl Into<String>) -> Result<T> {
        self.ok_or_else(|| FeedError::damaged(text))
    }

    fn with_context(self, text: impl FnOnce() -> String) -> Result<T> {
        self.ok_or_else(|| FeedError::damaged(text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_leaves_the_kind_as_it_is() {
        let kinds = [
            (libc::EROFS, (|e| matches!(e, FeedError::Permission(_))) as fn(&FeedError) -> bool),
            (libc::ENOBUFS, |e| matches!(e, FeedError::OutOfRoom(_))),
            (libc::ENODEV, |e| matches!(e, FeedError::NoInterface(_))),
            (libc::ENETDOWN, |e| matches!(e, FeedError::NoInterface(_))),
            (libc::EIO, |e| matches!(e, FeedError::System(_))),
        ];
        for (number, is_kind) in kinds {
            let cause = || io::Error::from_raw_os_error(number);
            let error = Err::<(), _>(cause()).context("one").context("two").unwrap_err();
            assert!(is_kind(&error), "{error:?}");
            assert_eq!(format!("{error:#}"), format!("two: one: {}", cause()));
            assert_eq!(error.told().errno(), Some(number));
        }
    }
}
