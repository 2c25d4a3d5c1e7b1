//! Errors of the data plane, by what a caller may do about them.

use std::{array::TryFromSliceError, ffi::NulError, io, num::TryFromIntError};

use aya::{
    BtfError, EbpfError,
    maps::{MapError, xdp::XdpMapError},
    pin::PinError,
    programs::{ProgramError, links::LinkError},
};
use netlink_packet_core::DecodeError;
use nix::errno::Errno;

use crate::{
    report::{Told, errno},
    time::error::TimeError,
};

/// A result of the kernel's side.
pub type Result<T, E = KernelError> = std::result::Result<T, E>;

/// Something that the kernel, an interface or a pin did not give.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// There is no such interface, or it has gone meanwhile.
    #[error(transparent)]
    NoInterface(Told),
    /// Another program or another port has the interface, or another daemon the pins.
    #[error(transparent)]
    Busy(Told),
    /// This kernel, or the interface as it is set up now, can't carry the data plane.
    #[error(transparent)]
    Unsuitable(Told),
    /// The kernel's verifier refuses a program: a `LoadError` is the cause, and has its log.
    #[error(transparent)]
    Refused(Told),
    /// This process lacks the permission.
    #[error(transparent)]
    Permission(Told),
    /// The machine, or the process, has no memory, files or disk left for it.
    #[error(transparent)]
    OutOfRoom(Told),
    /// Pins, tables or answers of the kernel that can't be read, or don't belong together.
    #[error(transparent)]
    Damaged(Told),
    /// The system refuses a step for another reason.
    #[error(transparent)]
    System(Told),
}

impl KernelError {
    pub(in crate::kernel) fn busy(text: impl Into<String>) -> Self {
        Self::Busy(Told::new(text))
    }

    pub(in crate::kernel) fn unsuitable(text: impl Into<String>) -> Self {
        Self::Unsuitable(Told::new(text))
    }

    pub(in crate::kernel) fn damaged(text: impl Into<String>) -> Self {
        Self::Damaged(Told::new(text))
    }

    /// The text and the causes.
    #[must_use]
    pub fn told(&self) -> &Told {
        match self {
            Self::NoInterface(told)
            | Self::Busy(told)
            | Self::Unsuitable(told)
            | Self::Refused(told)
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
            Self::NoInterface(told) => Self::NoInterface(told.after(text)),
            Self::Busy(told) => Self::Busy(told.after(text)),
            Self::Unsuitable(told) => Self::Unsuitable(told.after(text)),
            Self::Refused(told) => Self::Refused(told.after(text)),
            Self::Permission(told) => Self::Permission(told.after(text)),
            Self::OutOfRoom(told) => Self::OutOfRoom(told.after(text)),
            Self::Damaged(told) => Self::Damaged(told.after(text)),
            Self::System(told) => Self::System(told.after(text)),
        }
    }

    /// The kind of an error that has only the system's number.
    pub(in crate::kernel) fn by_number(number: Option<i32>) -> fn(Told) -> Self {
        match number {
            Some(libc::EPERM | libc::EACCES) => Self::Permission,
            Some(
                libc::ENOMEM
                | libc::ENOBUFS
                | libc::EMFILE
                | libc::ENFILE
                | libc::ENOSPC
                | libc::EDQUOT,
            ) => Self::OutOfRoom,
            Some(libc::ENODEV) => Self::NoInterface,
            Some(libc::EOPNOTSUPP) => Self::Unsuitable,
            _ => Self::System,
        }
    }
}

/// Errors of libraries, whose kind is that of the system's number in them.
macro_rules! of_the_system {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for KernelError {
            fn from(error: $error) -> Self {
                Self::by_number(errno(&error))(Told::bare(error))
            }
        }
    )*};
}
of_the_system! {
    io::Error, Errno, NulError, TryFromIntError,
    BtfError, EbpfError, LinkError, MapError, PinError, ProgramError, TimeError, XdpMapError,
}

/// Answers of the kernel that don't have the format of its interface.
macro_rules! of_an_answer {
    ($($error:ty),* $(,)?) => {$(
        impl From<$error> for KernelError {
            fn from(error: $error) -> Self {
                Self::Damaged(Told::bare(error))
            }
        }
    )*};
}
of_an_answer!(DecodeError, TryFromSliceError);

/// Names the step that failed, as `anyhow` does, and keeps the kind of the error.
pub(in crate::kernel) trait Context<T> {
    fn context(self, text: impl Into<String>) -> Result<T>;
    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T>;
}

impl<T, E: Into<KernelError>> Context<T> for Result<T, E> {
    fn context(self, text: impl Into<String>) -> Result<T> {
        self.map_err(|error| error.into().after(text))
    }

    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T> {
        self.map_err(|error| error.into().after(text()))
    }
}

/// A part that is missing in what was read.
impl<T> Context<T> for Option<T> {
    fn context(self, text: impl Into<String>) -> Result<T> {
        self.ok_or_else(|| KernelError::damaged(text))
    }

    fn with_context<S: Into<String>>(self, text: impl FnOnce() -> S) -> Result<T> {
        self.ok_or_else(|| KernelError::damaged(text()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_leaves_the_kind_as_it_is() {
        for (number, is_kind) in [
            (
                libc::EPERM,
                (|e| matches!(e, KernelError::Permission(_))) as fn(&KernelError) -> bool,
            ),
            (libc::ENOMEM, |e| matches!(e, KernelError::OutOfRoom(_))),
            (libc::ENODEV, |e| matches!(e, KernelError::NoInterface(_))),
            (libc::EIO, |e| matches!(e, KernelError::System(_))),
        ] {
            let cause = || io::Error::from_raw_os_error(number);
            let error = Err::<(), _>(cause()).context("one").context("two").unwrap_err();
            assert!(is_kind(&error), "{error:?}");
            assert_eq!(format!("{error:#}"), format!("two: one: {}", cause()));
        }
    }
}
