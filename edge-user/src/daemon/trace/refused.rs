//! Reasons why there is no trace.

use crate::report::Told;

/// A trace that did not begin. No port has another program.
#[derive(Debug, thiserror::Error)]
pub enum TraceRefused {
    /// Nothing has the name that was given.
    #[error("there is no {kind} {name:?}{}", hint(.nearest.as_deref(), .known))]
    NoSuch {
        /// The kind of the thing.
        kind: &'static str,
        /// The name.
        name: String,
        /// A name that this one may be a misspelling of.
        nearest: Option<String>,
        /// All names, where they are few.
        known: Vec<String>,
    },
    /// Only the devices know these frames.
    #[error(
        "a trace has no frames of the reason egress-refused: the path has forwarded them, and they are told as ok; `edge status` \
         has the number of those that devices have refused"
    )]
    RefusedByDevices,
    /// No port that the frames come by has a program now.
    #[error(
        "no frame can come, as each of these ports waits for its interface: {0}; `edge status` says why"
    )]
    NothingAttached(String),
    /// Another trace runs.
    #[error("another trace runs{}, and there is one at a time; it ends with its command, or after its time", by(.0.as_deref()))]
    Busy(Option<String>),
    /// The daemon ends.
    #[error("the daemon is ending")]
    Ending,
    /// The kernel refuses it.
    #[error("{0:#}")]
    Failed(Told),
}

fn hint(nearest: Option<&str>, known: &[String]) -> String {
    /// Names that are listed at most.
    const MOST: usize = 30;
    match nearest {
        Some(nearest) => format!("; did you mean {nearest:?}?"),
        None if known.is_empty() || known.len() > MOST => "; `edge status` shows all".to_owned(),
        None => format!("; there are {}", known.join(", ")),
    }
}

fn by(user: Option<&str>) -> String {
    user.map_or_else(String::new, |user| format!(" for {user}"))
}
