//! The state of the books as people read it.

use std::io::{self, Write};

use edge_api::{LedgerState, LedgerStatus};
use jiff::Timestamp;

/// Prints each matter that an operator should look into.
pub fn print(ledger: &LedgerStatus, out: &mut dyn Write) -> io::Result<()> {
    let since = |since: Option<Timestamp>| {
        since.map(|since| format!(" since {since:.0}")).unwrap_or_default()
    };
    if ledger.state == LedgerState::Failing {
        let error = ledger.error.as_deref().unwrap_or_default();
        writeln!(out, "! not booked{}: {error}", since(ledger.failing_since))?;
    }
    if let Some(notice) = &ledger.notice {
        writeln!(out, "! {notice}")?;
    }
    for export in &ledger.exports {
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
