use std::io::{self, Write as _};

use anyhow::Result;
use clap::ValueEnum;
use edge_user::{
    billing::ledger::{DropsQuery, Grain, Ledger, PercentileQuery, UsageQuery},
    config,
    daemon::look::{Warnings, today},
    units::when,
    view::{drops, usage as format},
};
use jiff::Timestamp;

use super::{
    UsageError,
    look::{Completeness, LedgerArg, warn},
};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Shows only this circuit.
    #[arg(long, value_name = "NAME")]
    circuit: Option<String>,
    /// Shows only usage under this name of the edge, where the edge was renamed.
    #[arg(long, value_name = "NAME")]
    edge: Option<String>,
    /// Shows periods that start at this moment or later: 2026-01, 2026-01-31 or
    /// 2026-01-31T12:00:00Z.
    #[arg(long, value_name = "TIME", value_parser = when::timestamp)]
    from: Option<Timestamp>,
    /// Shows periods that start before this moment, written in the same way.
    #[arg(long, value_name = "TIME", value_parser = when::timestamp)]
    to: Option<Timestamp>,
    /// The time that each sum is over, in UTC.
    #[arg(long, value_enum, default_value_t)]
    by: By,
    /// Format of the output.
    #[arg(long, value_enum, default_value_t)]
    format: UsageFormat,
    /// Shows the 95th percentile of five-minute samples instead: of this month so far, without
    /// `--from` and `--to`.
    #[arg(long, conflicts_with = "by")]
    p95: bool,
    /// Shows dropped frames instead, of this circuit or of all, by direction, link, class and reason, and the worst five
    /// minutes.
    #[arg(long, value_name = "CIRCUIT", num_args = 0..=1, conflicts_with_all = ["by", "p95"])]
    #[expect(
        clippy::option_option,
        reason = "clap's type for an option whose value may be missing"
    )]
    drops: Option<Option<String>>,
    /// The same as `--format json`.
    #[arg(long, conflicts_with = "format")]
    json: bool,
    #[command(flatten)]
    ledger: LedgerArg,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum By {
    /// Periods as the ledger keeps them.
    #[default]
    Period,
    Hour,
    Day,
    Month,
    /// All of it.
    Total,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum UsageFormat {
    /// For people.
    #[default]
    Table,
    /// With a header.
    Csv,
    /// One document.
    Json,
}

pub(super) fn usage(args: &Args) -> Result<()> {
    if let (Some(from), Some(to)) = (args.from, args.to)
        && from >= to
    {
        return Err(UsageError(format!("--from {from} is not before --to {to}")).into());
    }
    if args.circuit.is_some() && matches!(&args.drops, Some(Some(_))) {
        return Err(UsageError("the circuit is given twice: leave out --circuit".to_owned()).into());
    }
    let view = args.ledger.look()?;
    let known = view.ledger.circuits()?;
    known_or(args, &known)?;
    let mut warnings = Warnings::of(&view, args.to)?;
    if args.drops.is_some() {
        print_drops(args, &view.ledger, &mut warnings)?;
    } else if args.p95 {
        print_percentiles(args, &view.ledger, &mut warnings)?;
    } else {
        print_usage(args, &view.ledger, &mut warnings)?;
    }
    Completeness { is_complete: warnings.is_complete }.of("these figures")
}

fn print_usage(args: &Args, ledger: &Ledger, warnings: &mut Warnings) -> Result<()> {
    let query = UsageQuery {
        edge: args.edge.clone(),
        circuit: args.circuit.clone(),
        from: args.from,
        to: args.to,
        grain: match args.by {
            By::Period => Grain::Period,
            By::Hour => Grain::Hour,
            By::Day => Grain::Day,
            By::Month => Grain::Month,
            By::Total => Grain::Total,
        },
    };
    let records = ledger.usage(&query)?;
    warnings.add_expired("usage", args.from, ledger.expired_until()?);
    warn(warnings);
    let mut out = io::stdout().lock();
    match args.format() {
        UsageFormat::Table => writeln!(out, "{}", format::usage_table(&records))?,
        UsageFormat::Csv => format::csv(&mut out, format::USAGE_HEADER, &records)?,
        UsageFormat::Json => format::json(&mut out, "records", &records)?,
    }
    Ok(())
}

fn print_percentiles(args: &Args, ledger: &Ledger, warnings: &mut Warnings) -> Result<()> {
    let query = PercentileQuery {
        edge: args.edge.clone(),
        circuit: args.circuit.clone(),
        from: args.from,
        to: args.to,
    };
    let percentiles = ledger.percentiles(&query, today(ledger)?)?;
    let from = percentiles.first().map(|percentile| percentile.start).or(args.from);
    warnings.add_expired("samples", from, ledger.samples_expired_until()?);
    warn(warnings);
    let mut out = io::stdout().lock();
    match args.format() {
        UsageFormat::Table => writeln!(out, "{}", format::percentile_table(&percentiles))?,
        UsageFormat::Csv => format::csv(&mut out, format::PERCENTILE_HEADER, &percentiles)?,
        UsageFormat::Json => format::json(&mut out, "percentiles", &percentiles)?,
    }
    Ok(())
}

fn print_drops(args: &Args, ledger: &Ledger, warnings: &mut Warnings) -> Result<()> {
    let query = DropsQuery {
        edge: args.edge.clone(),
        circuit: args.circuit().cloned(),
        from: args.from,
        to: args.to,
    };
    let found = ledger.drops(&query)?;
    warnings.add_expired("samples", args.from, ledger.samples_expired_until()?);
    warn(warnings);
    let mut out = io::stdout().lock();
    match args.format() {
        UsageFormat::Table => drops::text(&mut out, &found)?,
        UsageFormat::Csv => format::csv(&mut out, drops::DROPS_HEADER, &found.drops)?,
        UsageFormat::Json => writeln!(out, "{}", serde_json::to_string(&found)?)?,
    }
    Ok(())
}

impl Args {
    /// The circuit that is asked for.
    fn circuit(&self) -> Option<&String> {
        self.circuit.as_ref().or_else(|| self.drops.as_ref()?.as_ref())
    }

    fn format(&self) -> UsageFormat {
        if self.json { UsageFormat::Json } else { self.format }
    }
}

/// Refuses the name of an edge or a circuit that the ledger has never heard of.
fn known_or(args: &Args, known: &[(String, String)]) -> Result<(), UsageError> {
    if let Some(edge) = &args.edge
        && !known.iter().any(|(name, _)| name == edge)
    {
        return Err(unknown("edge", edge, known.iter().map(|(name, _)| name.as_str())));
    }
    let is_asked = |edge: &str| args.edge.as_ref().is_none_or(|asked| asked == edge);
    let circuits = || known.iter().filter(|known| is_asked(&known.0)).map(|known| known.1.as_str());
    match args.circuit() {
        Some(circuit) if !circuits().any(|name| name == circuit) => {
            Err(unknown("circuit", circuit, circuits()))
        }
        _ => Ok(()),
    }
}

fn unknown<'n>(what: &str, name: &str, known: impl Iterator<Item = &'n str>) -> UsageError {
    let help = match config::nearest(name, known) {
        None => "`edge usage` without it shows all there is".to_owned(),
        Some(near) => format!("did you mean {near:?}?"),
    };
    UsageError(format!("the ledger has no {what} {name:?}; {help}"))
}
