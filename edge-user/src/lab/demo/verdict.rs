//! Statements about a demo's outcome.

use std::io::Write;

use anyhow::Result;

/// A statement, and whether it holds.
pub(super) struct Check {
    pub(super) holds: bool,
    pub(super) text: String,
}

/// Prints the checks; how many failed.
pub(super) fn report(out: &mut dyn Write, checks: &[Check]) -> Result<usize> {
    for check in checks {
        let mark = if check.holds { "ok    " } else { "FAILED" };
        writeln!(out, "  {mark}  {}", check.text)?;
    }
    Ok(checks.iter().filter(|check| !check.holds).count())
}
