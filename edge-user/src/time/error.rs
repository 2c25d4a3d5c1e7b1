//! Reasons why a moment has no date.

use std::io;

/// The kernel doesn't tell which boot this is.
#[derive(Debug, thiserror::Error)]
pub enum TimeError {
    /// The file with the boot's id can't be read.
    #[error("reading {path}")]
    Unreadable {
        /// The file.
        path: &'static str,
        /// The system's error.
        source: io::Error,
    },
    /// The file has something else than an id.
    #[error("{path} has no id")]
    NoId {
        /// The file.
        path: &'static str,
        /// The fault of the text that it has instead.
        source: uuid::Error,
    },
}
