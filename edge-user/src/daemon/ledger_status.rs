//! The state of the books.

use std::{io::Write, path::PathBuf};

use anyhow::Result;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::billing::export::ExportStatus;

/// The state of the books, for `edge status`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LedgerStatus {
    /// The directory of the ledger.
    pub state_dir: PathBuf,
    /// `ok`, or `failing`: nothing is lost meanwhile, the meters go on.
    pub state: LedgerState,
    /// The error, and its cure.
    pub error: Option<String>,
    /// Since when.
    pub failing_since: Option<Timestamp>,
    /// Another matter that an operator should look into.
    pub notice: Option<String>,
    /// When the meters were last booked.
    pub last_booked: Option<Timestamp>,
    /// Where records go.
    pub exports: Vec<ExportStatus>,
}

/// Whether the books can be kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LedgerState {
    /// Nothing was tried yet.
    #[default]
    Starting,
    /// They can.
    Ok,
    /// They can't.
    Failing,
}

impl LedgerStatus {
    /// Prints each matter that an operator should look into.
    pub(super) fn print(&self, out: &mut dyn Write) -> Result<()> {
        let since = |since: Option<Timestamp>| {
            since.map(|since| format!(" since {since:.0}")).unwrap_or_default()
        };
        if self.state == LedgerState::Failing {
            let error = self.error.as_deref().unwrap_or_default();
            writeln!(out, "! not booked{}: {error}", since(self.failing_since))?;
        }
        if let Some(notice) = &self.notice {
            writeln!(out, "! {notice}")?;
        }
        for export in &self.exports {
            if let Some(error) = &export.last_error {
                let (name, since) = (&export.name, since(export.failing_since));
                writeln!(out, "! export {name} fails{since}: {error}")?;
            }
            if let Some(notice) = &export.notice {
                writeln!(out, "! export {}: {notice}", export.name)?;
            }
        }
        Ok(())
    }
}
