//! Errors as operators read them: the step that failed, followed by its causes, each once.

use std::{
    error::Error,
    fmt::{self, Display, Formatter},
    io,
};

use nix::errno::Errno;

/// The text of an error, and its cause. The cause keeps its own type, as callers look for some
/// types.
///
/// `{}` shows the text alone, and `{:#}` the causes behind it, as with `anyhow`.
#[derive(Debug)]
pub struct Told {
    /// The step that failed; `None`: no caller has named one, and the cause is the text.
    text: Option<String>,
    cause: Option<Box<dyn Error + Send + Sync>>,
}

impl Told {
    /// A text without a cause.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), cause: None }
    }

    /// A cause without a text of our own.
    pub fn bare(cause: impl Error + Send + Sync + 'static) -> Self {
        Self { text: None, cause: Some(Box::new(cause)) }
    }

    /// Puts the step that failed before the present text.
    #[must_use]
    pub fn after(self, text: impl Into<String>) -> Self {
        let cause = if self.text.is_some() { Some(Box::new(self).into()) } else { self.cause };
        Self { text: Some(text.into()), cause }
    }

    /// The cause, where no text comes before it. [`Error::source`] leaves this one out, as `{}`
    /// shows it.
    #[must_use]
    pub fn speaker(&self) -> Option<&(dyn Error + 'static)> {
        if self.text.is_some() { None } else { self.cause() }
    }

    /// The number of the system's error among the causes.
    #[must_use]
    pub fn errno(&self) -> Option<i32> {
        self.cause().and_then(errno)
    }

    fn cause(&self) -> Option<&(dyn Error + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn Error + 'static))
    }
}

impl Display for Told {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (&self.text, &self.cause) {
            (Some(text), _) => f.write_str(text)?,
            (None, Some(cause)) => write!(f, "{cause}")?,
            (None, None) => {}
        }
        match self.source() {
            Some(source) if f.alternate() => write!(f, ": {}", chain(source)),
            _ => Ok(()),
        }
    }
}

impl Error for Told {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        let cause = self.cause()?;
        if self.text.is_some() { Some(cause) } else { cause.source() }
    }
}

/// An error with its causes, from the outermost on, as `{:#}` of `anyhow` has them.
#[must_use]
pub fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// The number of the system's error, wherever in the chain it is.
#[must_use]
pub fn errno(error: &(dyn Error + 'static)) -> Option<i32> {
    causes(error).find_map(|cause| {
        let io = cause.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error);
        io.or_else(|| cause.downcast_ref::<Errno>().map(|errno| *errno as i32))
    })
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'a (dyn Error + 'static)| Error::source(*error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn denied() -> io::Error {
        io::Error::from_raw_os_error(libc::EACCES)
    }

    #[test]
    fn each_layer_is_told_once() {
        let bare = Told::bare(denied());
        assert_eq!(format!("{bare:#}"), denied().to_string());
        assert!(bare.source().is_none() && bare.speaker().is_some());
        let told = bare.after("opening a").after("the books in b");
        assert_eq!(told.to_string(), "the books in b");
        assert_eq!(format!("{told:#}"), format!("the books in b: opening a: {}", denied()));
        assert_eq!(format!("{told:#}"), chain(&told));
        assert_eq!(Told::new("alone").after("not").to_string(), "not");
    }

    #[test]
    fn it_reads_as_anyhow_has_it() {
        let told = || Told::bare(denied()).after("opening a");
        let outer = anyhow::Error::new(told()).context("starting");
        let expected = anyhow::Error::new(denied()).context("opening a").context("starting");
        assert_eq!(format!("{outer:#}"), format!("{expected:#}"));
        assert!(outer.chain().any(|cause| cause.downcast_ref::<io::Error>().is_some()));
    }

    #[test]
    fn the_number_is_found_in_any_layer() {
        let told = Told::bare(Errno::ENODEV).after("asking").after("looking");
        assert_eq!((told.errno(), errno(&told)), (Some(libc::ENODEV), Some(libc::ENODEV)));
        assert_eq!(Told::bare(denied()).errno(), Some(libc::EACCES));
        assert_eq!(Told::new("no number").errno(), None);
    }
}
