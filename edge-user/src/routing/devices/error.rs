//! Errors of the routing namespace and its devices, by what a caller may do about them.

use std::{ffi::NulError, io};

use netlink_packet_core::DecodeError;
use nix::errno::Errno;

use crate::report::{Told, errno};

/// A result of the routing namespace's side.
pub type Result<T, E = DevicesError> = std::result::Result<T, E>;

/// Something that the kernel or a namespace did not give.
#[derive(Debug, thiserror::Error)]
pub enum DevicesError {
    /// Devices were asked for that can't be.
    #[error(transparent)]
    Invalid(Told),
    /// A name is taken by something that edge has not made.
    #[error(transparent)]
    Busy(Told),
    /// The namespace, or a device in it, was removed by somebody else.
    #[error(transparent)]
    Gone(Told),
    /// This kernel, or the place that edge runs in, can't have such devices.
    #[error(transparent)]
    Unsuitable(Told),
    /// This process lacks the permission.
    #[error(transparent)]
    Permission(Told),
    /// The machine, or the process, has no memory or files left for it.
    #[error(transparent)]
    OutOfRoom(Told),
    /// Answers of the kernel that can't be read.
    #[error(transparent)]
    Damaged(Told),
    /// The system refuses a step for another reason.
    #[error(transparent)]
    System(Told),
}

impl DevicesError {
    pub(super) fn invalid(text: impl Into<String>) -> Self {
        Self::Invalid(Told::new(text))
    }

    pub(super) fn busy(text: impl Into<String>) -> Self {
        Self::Busy(Told::new(text))
    }

    pub(super) fn gone(text: impl Into<String>) -> Self {
        Self::Gone(Told::new(text))
    }

    pub(super) fn damaged(text: impl Into<String>) -> Self {
        Self::Damaged(Told::new(text))
    }

    /// The text and the causes.
    #[must_use]
    pub fn told(&self) -> &Told {
        match self {
            Self::Invalid(told)
            | Self::Busy(told)
            | Self::Gone(told)
            | Self::Unsuitable(told)
            | Self::Permission(told)
            | Self::OutOfRoom(told)
            | Self::Damaged(told)
            | Self::System(told) => told,
        }
    }

    /// Puts the step that failed before the error's text. The error keeps its kind.
    #[must_use]
    pub fn after(self, text: impl Into<String>) -> Self {
        match self {
            Self::Invalid(told) => Self::Invalid(told.after(text)),
            Self::Busy(told) => Self::Busy(told.after(text)),
            Self::Gone(told) => Self::Gone(told.after(text)),
            Self::Unsuitable(told) => Self::Unsuitable(told.after(text)),
            Self::Permission(told) => Self::Permission(told.after(text)),
            Self::OutOfRoom(told) => Self::OutOfRoom(told.after(text)),
            Self::Damaged(told) => Self::Damaged(told.after(text)),
            Self::System(told) => Self::System(told.after(text)),
        }
    }

    /// The kind of an error that has only the system's number.
    fn by_number(number: Option<i32>) -> fn(Told) -> Self {
        match number {
            Some(libc::EPERM | libc::EACCES | libc::EROFS) => Self::Permission,
            Some(libc::ENOMEM | libc::ENOBUFS | libc::EMFILE | libc::ENFILE | libc::ENOSPC) => {
                Self::OutOfRoom
            }
            Some(libc::EEXIST | libc::EBUSY | libc::EADDRINUSE) => Self::Busy,
            Some(libc::ENODEV) => Self::Gone,
            Some(libc::EOPNOTSUPP | libc::EAFNOSUPPORT) => Self::Unsuitable,
            _ => Self::System,
        }
    }
}

/// Errors of libraries, whose kind is that of the system's number in them.
macro_rules! of_the_system {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for DevicesError {
            fn from(error: $error) -> Self {
                Self::by_number(errno(&error))(Told::bare(error))
            }
        }
    )*};
}
of_the_system!(io::Error, Errno, NulError);

/// Answers of the kernel that don't have the format of its interface.
impl From<DecodeError> for DevicesError {
    fn from(error: DecodeError) -> Self {
        Self::Damaged(Told::bare(error))
    }
}

/// Names the step that failed, as `anyhow` does, and keeps the kind of the error.
pub(super) trait Context<T> {
    fn context(self, text: impl Into<String>) -> Result<T>;
    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<DevicesError>> Context<T> for Result<T, E> {
    fn context(self, text: impl Into<String>) -> Result<T> {
        self.map_err(|error| error.into().after(text))
    }

    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.into().after(text()))
    }
}
