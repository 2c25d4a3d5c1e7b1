//! The settings of the ledger and of its exports.

use std::{path::PathBuf, time::Duration};

use serde::Serialize;

use crate::model::spelled::spelled;

/// `[ledger]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LedgerConfig {
    /// Length of a usage record: a multiple of five minutes that divides a day.
    pub period: Duration,
    /// Time between two bookings of the counters: 1 s to 5 min, and so never longer than a period.
    pub checkpoint: Duration,
    /// Time that usage is kept: at least 62 days.
    pub keep: Duration,
    /// Time that samples of five minutes are kept: at least 31 days.
    pub keep_samples: Duration,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        const DAY: Duration = Duration::from_hours(24);
        Self {
            period: Duration::from_hours(1),
            checkpoint: Duration::from_secs(10),
            keep: DAY * 400,
            keep_samples: DAY * 100,
        }
    }
}

/// `[[export]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Export {
    /// The export's name: no other has it.
    pub name: String,
    /// The destination of its records.
    pub to: Sink,
    /// Whether the receiver is told of which time it has every record.
    pub watermarks: bool,
}

/// The destination of records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Sink {
    /// A file for each batch.
    Files {
        /// The directory, which no other export has.
        dir: PathBuf,
        /// Format of each file.
        format: ExportFormat,
    },
    /// A POST for each batch.
    Http {
        /// An absolute `http` or `https` URL, without a user.
        url: String,
        /// The file with the bearer token.
        token_file: Option<PathBuf>,
    },
}

spelled! {
    /// Format of an export's files.
    pub enum ExportFormat {
        /// One JSON document a line.
        Jsonl = "jsonl",
        /// Comma-separated values, below a line with their names.
        Csv = "csv",
    }
}
