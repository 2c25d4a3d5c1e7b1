use std::io::{self, Write as _};

use anyhow::Result;
use clap::ValueEnum;
use edge_user::{
    billing::{
        ledger::{Ledger, TermsSpan},
        rating::{self, Input, Month, Span},
    },
    config,
    daemon::look::View,
    time, view,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    ConfigArg, UsageError,
    look::{Completeness, look_of, tell, today},
    usage::warn_of_expired,
};

/// An operator who detaches a data plane to put another in its place has done so by then.
const DETACHED_FOR_LONG: SignedDuration = SignedDuration::from_hours(24);

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
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// A table for people.
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
    let view = look_of(&config)?;
    let mut input = read(&view.ledger, month)?;
    if let Some(circuit) = &args.circuit {
        input.retain_circuit(circuit);
    }
    let invoice = rating::invoice(&config.edge.name, month, prices, &input)?;
    if let Some(circuit) = args.circuit.as_ref().filter(|_| invoice.circuits.is_empty()) {
        let message = format!("the ledger has no circuit {circuit:?} in {month}; check its name");
        return Err(UsageError(message).into());
    }

    let seen = tell(&view, Some(month.end()));
    let kept = warn_of_ledger(&view, month)?;
    warn_of_month(month, today(&view.ledger)?);
    for missing in &invoice.missing {
        eprintln!("warning: {missing}");
    }
    let mut out = io::stdout().lock();
    match args.format {
        Format::Table => view::bill::print(&invoice, &mut out)?,
        Format::Json => {
            serde_json::to_writer(&mut out, &invoice)?;
            writeln!(out)?;
        }
    }
    Completeness { is_complete: seen.is_complete && kept.is_complete }.of("these amounts")
}

/// The ledger's records and terms for `month`.
fn read(ledger: &Ledger, month: Month) -> Result<Input> {
    let spans = ledger.terms_around(month.start(), month.end())?.into_iter();
    let spans = spans.map(|TermsSpan { terms, from, to }| Span { terms, from, to }).collect();
    let mut input = Input { records: Vec::new(), spans };
    input.records = ledger.usage_in_parts(month.start(), month.end(), &input.changes_of_price())?;
    Ok(input)
}

/// Says what the ledger lacks of `month`, and what it goes on with.
fn warn_of_ledger(view: &View, month: Month) -> Result<Completeness> {
    let ledger = &view.ledger;
    let kept = warn_of_expired("usage", Some(month.start()), ledger.expired_until()?);
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
    let beginning = ledger.beginning()?;
    let is_before = beginning.is_none_or(|beginning| month.end() <= beginning);
    if is_before {
        let since =
            beginning.map_or("nothing yet".to_owned(), |at| format!("nothing before {at:.0}"));
        eprintln!("warning: the ledger knows {since}, and so nothing of {month}");
    } else if let Some(beginning) = beginning.filter(|beginning| month.contains(*beginning)) {
        eprintln!(
            "warning: the ledger begins at {beginning:.0}: what was before is not in this bill"
        );
    }
    if !view.is_counting {
        warn_of_detached(ledger, month)?;
    }
    Ok(Completeness { is_complete: kept.is_complete && !is_before })
}

/// Warns of fees that go on although no data plane counts for their circuits.
fn warn_of_detached(ledger: &Ledger, month: Month) -> Result<()> {
    let sold = ledger.open_terms()?.len();
    let Some(last) = ledger.last_reading()?.filter(|_| sold > 0) else { return Ok(()) };
    if today(ledger)?.min(month.end()).duration_since(last) >= DETACHED_FOR_LONG {
        eprintln!(
            "warning: no data plane has counted since {last:.0}, and fees of what is sold ({sold} circuits) go on; \
             `edge ledger end-terms` ends them"
        );
    }
    Ok(())
}

fn warn_of_month(month: Month, now: Timestamp) {
    if now < month.start() {
        eprintln!(
            "warning: {month} has not begun: fees are those of what is sold now, without volumes"
        );
    } else if now < month.end() {
        eprintln!("warning: {month} is not over: fees are those to its end, volumes those so far");
    }
}
