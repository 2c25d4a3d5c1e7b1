use std::io::{self, Write as _};

use anyhow::Result;
use clap::ValueEnum;
use edge_user::{
    billing::{
        ledger::Ledger,
        rating::{self, Input, Month},
    },
    config,
    daemon::look::{View, Warnings},
    time, view,
};
use jiff::{SignedDuration, Timestamp};

use super::{
    ConfigArg, UsageError,
    look::{look_of, today, warn},
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
    let mut input = read(&view.ledger, month)?;
    if let Some(circuit) = &args.circuit {
        input.retain_circuit(circuit);
    }
    let invoice = rating::invoice(&config.edge.name, month, prices, &input)?;
    if let Some(circuit) = args.circuit.as_ref().filter(|_| invoice.circuits.is_empty()) {
        let message = format!("the ledger has no circuit {circuit:?} in {month}; check its name");
        return Err(UsageError(message).into());
    }

    let mut warnings = Warnings::of_unseen(&view, Some(month.end()));
    add_of_ledger(&mut warnings, &view, month)?;
    let texts = &mut warnings.texts;
    texts.extend(of_month(month, today(&view.ledger)?));
    texts.extend(invoice.missing.iter().map(ToString::to_string));
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

/// The ledger's records and terms for `month`.
fn read(ledger: &Ledger, month: Month) -> Result<Input> {
    let spans = ledger.terms_around(month.start(), month.end())?;
    let mut input = Input { records: Vec::new(), spans };
    input.records = ledger.usage_in_parts(month.start(), month.end(), &input.changes_of_price())?;
    Ok(input)
}

/// Adds what the ledger lacks of `month`, and what it goes on with.
fn add_of_ledger(warnings: &mut Warnings, view: &View, month: Month) -> Result<()> {
    let ledger = &view.ledger;
    warnings.add_expired("usage", Some(month.start()), ledger.expired_until()?);
    let gaps = ledger.gaps()?.into_iter();
    let gaps = gaps.filter(|gap| gap.last_read < month.end() && gap.found > month.start());
    warnings.texts.extend(gaps.map(|gap| gap.to_string()));
    let doubts = ledger.doubts(time::wall())?.into_iter();
    let doubts = doubts.filter(|doubt| doubt.concerns(month.start(), month.end()));
    warnings.texts.extend(doubts.map(|doubt| doubt.to_string()));
    let beginning = ledger.beginning()?;
    if beginning.is_none_or(|beginning| month.end() <= beginning) {
        let since =
            beginning.map_or("nothing yet".to_owned(), |at| format!("nothing before {at:.0}"));
        warnings.texts.push(format!("the ledger knows {since}, and so nothing of {month}"));
        warnings.is_complete = false;
    } else if let Some(beginning) = beginning.filter(|beginning| month.contains(*beginning)) {
        warnings.texts.push(format!(
            "the ledger begins at {beginning:.0}: what was before is not in this bill"
        ));
    }
    if !view.is_counting {
        warnings.texts.extend(of_detached(ledger, month)?);
    }
    Ok(())
}

/// Warns of fees that go on although no data plane counts for their circuits.
fn of_detached(ledger: &Ledger, month: Month) -> Result<Option<String>> {
    let sold = ledger.open_terms()?.len();
    let Some(last) = ledger.last_reading()?.filter(|_| sold > 0) else { return Ok(None) };
    let is_long = today(ledger)?.min(month.end()).duration_since(last) >= DETACHED_FOR_LONG;
    Ok(is_long.then(|| {
        format!(
            "no data plane has counted since {last:.0}, and fees of what is sold ({sold} circuits) go on; \
             `edge ledger end-terms` ends them"
        )
    }))
}

/// A warning where `month` is not over.
fn of_month(month: Month, now: Timestamp) -> Option<String> {
    if now < month.start() {
        Some(format!("{month} has not begun: fees are those of what is sold now, without volumes"))
    } else if now < month.end() {
        Some(format!("{month} is not over: fees are those to its end, volumes those so far"))
    } else {
        None
    }
}
