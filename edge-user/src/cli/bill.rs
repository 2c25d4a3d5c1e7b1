use std::io::{self, Write as _};

use anyhow::Result;
use clap::ValueEnum;
use edge_user::{
    bill::{self, Input, Month, Span},
    config::{self, Config},
    ledger::{Grain, TermsSpan, UsageQuery},
    time,
};

use super::{ConfigArg, UsageError, ledger::open_of, usage::warn_of_expired};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    config: ConfigArg,
    /// The calendar month, in UTC: 2026-01. One that is not over is billed to its end.
    #[arg(long, value_name = "MONTH")]
    month: Month,
    /// Of this circuit only.
    #[arg(long, value_name = "NAME")]
    circuit: Option<String>,
    /// How it is printed.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Table,
    /// One JSON document: exact decimals, in strings.
    Json,
}

pub(super) fn bill(args: &Args) -> Result<()> {
    let config = config::load(&args.config.config)?;
    let Some(prices) = &config.prices else {
        let path = args.config.config.display();
        let help = "add [prices] with `currency` and [prices.zones.NAME]";
        return Err(UsageError(format!("{path} has no prices; {help}")).into());
    };
    let month = args.month;
    let mut input = read_ledger(&config, month, args.circuit.as_deref())?;
    if let Some(circuit) = &args.circuit {
        input.spans.retain(|span| span.terms.circuit == *circuit);
    }
    let invoice = bill::invoice(&config.edge.name, month, prices, &input)?;
    if let Some(circuit) = args.circuit.as_ref().filter(|_| invoice.circuits.is_empty()) {
        let message = format!("the ledger has no circuit {circuit:?} in {month}; check its name");
        return Err(UsageError(message).into());
    }

    if time::wall() < month.end() {
        eprintln!("warning: {month} is not over: fees are those to its end, volumes those so far");
    }
    for missing in &invoice.missing {
        eprintln!("warning: {missing}");
    }
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => invoice.print(&mut out)?,
        Format::Json => {
            serde_json::to_writer(&mut out, &invoice)?;
            writeln!(out)?;
        }
    }
    Ok(())
}

/// What the ledger has about `month`.
fn read_ledger(config: &Config, month: Month, circuit: Option<&str>) -> Result<Input> {
    let ledger = open_of(config)?;
    let records = ledger.usage(&UsageQuery {
        // Under an earlier name it was the same edge.
        edge: None,
        circuit: circuit.map(Into::into),
        from: Some(month.start()),
        to: Some(month.end()),
        grain: Grain::Day,
    })?;
    let spans = ledger.terms(month.start(), month.end())?.into_iter();
    let spans = spans.map(|TermsSpan { terms, from, to }| Span { terms, from, to }).collect();
    warn_of_expired("usage", Some(month.start()), ledger.expired_until()?);
    for gap in ledger.gaps()? {
        if gap.last_read < month.end() && gap.found > month.start() {
            eprintln!("warning: {gap}");
        }
    }
    for doubt in ledger.doubts(time::wall())? {
        if doubt.concerns(month.start(), month.end()) {
            eprintln!("warning: {doubt}");
        }
    }
    Ok(Input { records, spans })
}
