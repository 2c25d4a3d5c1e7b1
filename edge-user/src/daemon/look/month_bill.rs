//! The invoice of a month, with what it lacks.

use edge_api::Availability;
use jiff::{SignedDuration, Timestamp};

use super::{month_availability::availability_so_far, today, view::View, warnings::Warnings};
use crate::{
    billing::{
        ledger::Ledger,
        rating::{self, Input, Invoice, Month, MonthSla},
    },
    daemon::error::Result,
    model::Prices,
    time,
};

/// An operator who detaches a data plane to put another in its place has done so by then.
const DETACHED_FOR_LONG: SignedDuration = SignedDuration::from_hours(24);

/// An invoice, and the warnings that go with it.
#[derive(Clone, Debug)]
pub struct MonthBill {
    /// The invoice.
    pub invoice: Invoice,
    /// The warnings.
    pub warnings: Warnings,
}

/// The invoice of `month` at these prices, of all circuits or of the one that has, or had, this name. It has no circuit
/// where the ledger knows none of that name in that month.
///
/// # Errors
///
/// The ledger can't be read, or has a record that this version knows no price for.
pub fn month_bill(
    view: &View,
    edge: &str,
    prices: &Prices,
    month: Month,
    circuit: Option<&str>,
) -> Result<MonthBill> {
    let (mut input, of_sla) = read(&view.ledger, month, prices)?;
    if let Some(circuit) = circuit {
        input.retain_circuit(circuit);
    }
    let invoice = rating::invoice(edge, month, prices, &input)?;
    let mut warnings = warnings_of(view, month, of_sla)?;
    warnings.texts.extend(invoice.missing.iter().map(ToString::to_string));
    Ok(MonthBill { invoice, warnings })
}

/// The warnings that go with amounts of `month`, with those about its availability.
pub(super) fn warnings_of(view: &View, month: Month, of_sla: Warnings) -> Result<Warnings> {
    let mut warnings = Warnings::of_unseen(view, Some(month.end()));
    add_of_ledger(&mut warnings, view, month)?;
    warnings.texts.extend(of_sla.texts);
    warnings.is_complete &= of_sla.is_complete;
    warnings.texts.extend(of_month(month, today(&view.ledger)?));
    Ok(warnings)
}

/// The ledger's records and terms for `month` and, where there are credits, the availability, with the warnings about it.
pub(super) fn read(ledger: &Ledger, month: Month, prices: &Prices) -> Result<(Input, Warnings)> {
    let spans = ledger.terms_around(month.start(), month.end())?;
    let (sla, warnings) = sla(ledger, month, prices)?;
    let mut input = Input { records: Vec::new(), spans, sla };
    input.records = ledger.usage_in_parts(month.start(), month.end(), &input.changes_of_price())?;
    Ok((input, warnings))
}

/// The availability of `month`, which a bill without credits does not need.
fn sla(ledger: &Ledger, month: Month, prices: &Prices) -> Result<(MonthSla, Warnings)> {
    if prices.sla_credits.is_empty() {
        let warnings = Warnings { texts: Vec::new(), is_complete: true };
        return Ok((MonthSla::default(), warnings));
    }
    let now = today(ledger)?;
    let found = availability_so_far(ledger, month, None, now)?;
    let Availability { peerings, is_complete, warnings: texts, .. } = found;
    Ok((MonthSla { peerings, is_over: month.end() <= now }, Warnings { texts, is_complete }))
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
