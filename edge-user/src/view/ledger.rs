//! The ledger as people read it: its state, and its contents.

use std::io::{self, Write};

use edge_api::LedgerStatus;

use crate::{billing::ledger::LedgerContents, units::count};

/// Prints notices, for which there are no conditions.
pub fn print(ledger: &LedgerStatus, out: &mut dyn Write) -> io::Result<()> {
    if let Some(notice) = &ledger.notice {
        writeln!(out, "! {notice}")?;
    }
    for export in &ledger.exports {
        if let Some(notice) = &export.notice {
            writeln!(out, "! export {}: {notice}", export.name)?;
        }
    }
    Ok(())
}

/// Prints the contents of a ledger, a fact a line.
pub fn contents(contents: &LedgerContents, out: &mut dyn Write) -> io::Result<()> {
    let LedgerContents { path, figures, sold, gaps, doubts, clock_notice } = contents;
    writeln!(out, "path        {}", path.display())?;
    writeln!(out, "id          {}", figures.id)?;
    writeln!(out, "layout      {}", figures.layout)?;
    writeln!(out, "size        {} bytes", count(figures.bytes))?;
    writeln!(out, "checkpoint  {}", figures.checkpoint)?;
    writeln!(out, "epochs      {}", count(figures.epochs))?;
    writeln!(out, "series      {}", count(figures.series))?;
    writeln!(out, "open usage  {} rows", count(figures.open_usage))?;
    let (records, last) = (count(figures.records), figures.last_seq);
    writeln!(out, "records     {records} kept, the last is number {last}")?;
    writeln!(out, "samples     {}", count(figures.samples))?;
    if let Some(sealed_until) = figures.sealed_until {
        writeln!(out, "sealed      until {sealed_until}")?;
    }
    for sink in &figures.sinks {
        let whole = sink.sealed_until.map(|until| format!("; it has all until {until}"));
        writeln!(
            out,
            "receiver    {} has batch {} and lacks {} records{}",
            sink.name,
            sink.acknowledged,
            count(sink.pending),
            whole.unwrap_or_default(),
        )?;
    }
    for span in sold {
        writeln!(out, "sold        {} since {:.0}", span.terms.circuit, span.from)?;
    }
    for gap in gaps {
        writeln!(out, "gap         {gap}")?;
    }
    for doubt in doubts {
        writeln!(out, "doubt       {doubt}")?;
    }
    if let Some(notice) = clock_notice {
        writeln!(out, "clock       {notice}")?;
    }
    Ok(())
}
