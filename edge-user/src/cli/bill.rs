use std::io::{self, BufWriter, Write as _};

use anyhow::{Error, Result, bail};
use clap::ValueEnum;
use edge_user::{
    billing::rating::Month,
    config::{self, Config},
    daemon::look::{MonthBill, View, month_bill, month_explanation},
    model::Prices,
    view,
};

use super::{
    ConfigArg, UsageError,
    look::{Completeness, look_of, warn},
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
    /// Shows what each line of this circuit's bill is made of: records, readings, terms and who has
    /// changed them, and gaps.
    #[arg(long, value_name = "NAME", conflicts_with = "circuit")]
    explain: Option<String>,
    /// With `--explain`, shows each record, where a table has one line for records that follow each
    /// other. JSON has each one in any case.
    #[arg(long, requires = "explain")]
    records: bool,
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
    if let Some(circuit) = &args.explain {
        return explain(args, &config, prices, &view, circuit);
    }
    let MonthBill { invoice, warnings } =
        month_bill(&view, &config.edge.name, prices, month, args.circuit.as_deref())?;
    if let Some(circuit) = args.circuit.as_ref().filter(|_| invoice.circuits.is_empty()) {
        return Err(unknown(circuit, month));
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

fn unknown(circuit: &str, month: Month) -> Error {
    let message = format!("the ledger has no circuit {circuit:?} in {month}; check its name");
    UsageError(message).into()
}

fn explain(
    args: &Args,
    config: &Config,
    prices: &Prices,
    view: &View,
    circuit: &str,
) -> Result<()> {
    let (edge, state_dir) = (&*config.edge.name, &*config.edge.state_dir);
    let explanation = month_explanation(view, state_dir, (edge, prices), args.month, circuit)?;
    if explanation.circuits.is_empty() {
        return Err(unknown(circuit, args.month));
    }
    let mut out = BufWriter::new(io::stdout().lock());
    match args.format {
        BillFormat::Table => view::explained::print(&explanation, args.records, &mut out)?,
        BillFormat::Json => {
            serde_json::to_writer(&mut out, &explanation)?;
            writeln!(out)?;
        }
    }
    out.flush()?;
    if let Some(first) = explanation.differences.first() {
        bail!(
            "the parts of this bill are not the bill, which is a defect of edge: {first}; report it with this output"
        );
    }
    Completeness { is_complete: explanation.is_complete }.of("these parts")
}
