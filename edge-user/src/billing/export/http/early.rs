//! Answers that come before the whole request is sent, such as 413 (too large). The receiver then
//! closes the connection, and writing the rest of the request fails, although its answer has
//! arrived.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use ureq::{
    Error, Timeout,
    unversioned::transport::{Buffers, ConnectionDetails, Connector, NextTimeout, Transport},
};

/// The error of a request whose rest could not be sent, if there was one.
#[derive(Clone, Debug, Default)]
pub(super) struct Unsent(Arc<Mutex<Option<Failure>>>);

/// An error that can be made anew from its parts, as [`io::Error`] has no copies.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    kind: io::ErrorKind,
    text: String,
}

impl Unsent {
    /// Forgets and returns it.
    pub(super) fn take(&self) -> Option<Failure> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn note(&self, failure: Failure) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(failure);
    }
}

impl Failure {
    /// The error of a write where the other side has closed the connection, or reads no more;
    /// `None` for other errors, after which no answer comes.
    fn of(error: &Error) -> Option<Self> {
        let kind = if let Error::Io(error) = error {
            error.kind()
        } else if matches!(error, Error::Timeout(Timeout::PerWrite)) {
            io::ErrorKind::TimedOut
        } else {
            return None;
        };
        let is_closed = matches!(
            kind,
            io::ErrorKind::BrokenPipe
                | io::ErrorKind::ConnectionReset
                | io::ErrorKind::ConnectionAborted
                | io::ErrorKind::TimedOut
        );
        is_closed.then(|| Self { kind, text: error.to_string() })
    }

    fn to_error(&self) -> Error {
        Error::Io(io::Error::new(self.kind, self.text.clone()))
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

/// Has connections read an answer where the request can't be sent to its end. This layer is between
/// the socket and TLS.
#[derive(Debug)]
pub(super) struct EarlyAnswers(pub(super) Unsent);

impl<In: Transport> Connector<In> for EarlyAnswers {
    type Out = Patient<In>;

    fn connect(
        &self,
        _details: &ConnectionDetails<'_>,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        Ok(chained.map(|inner| Patient { inner, unsent: self.0.clone(), failed: None }))
    }
}

/// A connection that drops bytes which can't be written, until it has nothing to read either.
#[derive(Debug)]
pub(super) struct Patient<In> {
    inner: In,
    unsent: Unsent,
    failed: Option<Failure>,
}

impl<In: Transport> Transport for Patient<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.failed.is_some() {
            return Ok(());
        }
        let Err(error) = self.inner.transmit_output(amount, timeout) else { return Ok(()) };
        let failure = Failure::of(&error).ok_or(error)?;
        self.unsent.note(failure.clone());
        self.failed = Some(failure);
        Ok(())
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        match (self.inner.await_input(timeout), &self.failed) {
            // No answer has come: the first error is the cause.
            (Ok(false) | Err(_), Some(failure)) => Err(failure.to_error()),
            (input, _) => input,
        }
    }

    fn is_open(&mut self) -> bool {
        self.failed.is_none() && self.inner.is_open()
    }
}
