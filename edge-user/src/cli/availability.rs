use std::io::{self, Write as _};

use anyhow::Result;
use clap::ValueEnum;
use edge_user::{
    billing::rating::Month,
    daemon::look::{Warnings, month_availability, today},
    view,
};

use super::{
    UsageError,
    look::{LedgerArg, warn},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The calendar month in UTC, such as 2026-01 [default: this month].
    #[arg(long, value_name = "MONTH")]
    month: Option<Month>,
    /// Shows only this circuit.
    #[arg(long, value_name = "NAME")]
    circuit: Option<String>,
    /// Shows each change of a link, too, below the table. JSON has them in any case.
    #[arg(long)]
    changes: bool,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t)]
    format: AvailabilityFormat,
    /// Prints one JSON document, as `--format json` does.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    ledger: LedgerArg,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum AvailabilityFormat {
    /// For people.
    #[default]
    Table,
    /// A line for each peering, with a header.
    Csv,
    /// One document.
    Json,
}

pub(super) fn availability(args: &Args) -> Result<()> {
    let ledger = args.ledger.look_as_it_is()?;
    let month = match args.month {
        Some(month) => month,
        None => Month::of(today(&ledger)?),
    };
    let found = month_availability(&ledger, month, args.circuit.as_deref())?;
    if let Some(circuit) = args.circuit.as_ref().filter(|_| found.peerings.is_empty()) {
        return Err(UsageError(format!(
            "the ledger knows no routed link of a circuit {circuit:?} in {month}; `edge availability` without it shows \
             all there are"
        ))
        .into());
    }
    let warnings = Warnings { texts: found.warnings.clone(), is_complete: found.is_complete };
    let completeness = warn(&warnings);
    let mut out = io::stdout().lock();
    match if args.json { AvailabilityFormat::Json } else { args.format } {
        AvailabilityFormat::Table => view::availability::print(&found, args.changes, &mut out)?,
        AvailabilityFormat::Csv => view::availability::print_csv(&found, &mut out)?,
        AvailabilityFormat::Json => writeln!(out, "{}", serde_json::to_string(&found)?)?,
    }
    completeness.of("these figures")
}
