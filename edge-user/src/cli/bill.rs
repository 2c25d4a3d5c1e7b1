use std::io::{self, Write as _};

use anyhow::Result;
use clap::ValueEnum;
use edge_user::{
    billing::rating::Month,
    config,
    daemon::look::{MonthBill, month_bill},
    view,
};

use super::{
    ConfigArg, UsageError,
    look::{look_of, warn},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// The calendar month in UTC, such as 2026-01. A month that is not over has its fees up to its
    /// end, and its volumes so far.
    #[arg(long, value_name = "MONTH")]
    month: Month,
    /// Bills only the circuit that has, or had, this name.
    #[arg(long, value_name = "NAME")]
    circuit: Option<String>,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t = BillFormat::Table)]
    format: BillFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BillFormat {
    /// A table for people.
    Table,
    /// One JSON document: exact decimals, in strings.
    Json,
}

pub(super) fn bill(args: &Args) -> Result<()> {
    let config = config::load_without_keys(&args.config.config)?;
    let Some(prices) = &config.prices else {
        let path = args.config.config.display();
        let help = "add [prices] with `currency` and [prices.zones.NAME]";
        return Err(UsageError(format!("{path} has no prices; {help}")).into());
    };
    let month = args.month;
    let view = look_of(&config)?;
    let MonthBill { invoice, warnings } =
        month_bill(&view, &config.edge.name, prices, month, args.circuit.as_deref())?;
    if let Some(circuit) = args.circuit.as_ref().filter(|_| invoice.circuits.is_empty()) {
        let message = format!("the ledger has no circuit {circuit:?} in {month}; check its name");
        return Err(UsageError(message).into());
    }

    let completeness = warn(&warnings);
    let mut out = io::stdout().lock();
    match args.format {
        BillFormat::Table => view::bill::print(&invoice, &mut out)?,
        BillFormat::Json => {
            serde_json::to_writer(&mut out, &invoice)?;
            writeln!(out)?;
        }
    }
    completeness.of("these amounts")
}
