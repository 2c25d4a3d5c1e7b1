//! `edge bill`: what the circuits of an edge cost in a month, from terms, usage and prices.
//!
//! Money is exact: decimals and integers, rounded once a line, half up, to two decimals. Totals are
//! sums of lines as shown.

mod exact;
mod fees;
mod invoice;
mod month;
mod rates;
mod stay;
mod table;
#[cfg(test)]
mod tests;
mod volume;

use std::collections::BTreeMap;

use jiff::Timestamp;

pub use self::{
    invoice::{CircuitBill, Invoice, Line, Quantity},
    month::{Month, NotAMonth},
};
use self::{rates::Rates, stay::Stay};
use crate::{
    config::Prices,
    ledger::{Terms, UsageRecord},
};

/// What the ledger has about a month.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Usage. A record is priced by the terms that hold when it ends: days are fine enough for
    /// circuits that change their zone or become local, and months for all others.
    pub records: Vec<UsageRecord>,
    /// Which terms circuits had, and when; in any order, of other months too.
    pub spans: Vec<Span>,
}

/// Terms, for as long as a circuit has had them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The terms.
    pub terms: Terms,
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None`: they still hold.
    pub to: Option<Timestamp>,
}

/// Why there is no invoice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// A record says something that nothing is known to cost.
    #[error(
        "a usage record of circuit {circuit:?} has the {key} {value:?}, which this edge does not know; \
             bill with the version that wrote the ledger"
    )]
    UnknownRecord {
        /// The circuit's name.
        circuit: String,
        /// What it is.
        key: &'static str,
        /// What the record says.
        value: String,
    },
    /// More than 28 digits.
    #[error(
        "circuit {circuit:?}: bytes or amounts are too large to add up; check its usage and prices"
    )]
    TooLarge {
        /// The circuit's name.
        circuit: String,
    },
}

/// The invoice of `month`. What has no price is in it without an amount, and
/// [`Invoice::missing`] says what to add.
pub fn invoice(
    edge: &str,
    month: Month,
    prices: &Prices,
    input: &Input,
) -> Result<Invoice, BillError> {
    let mut rates = Rates::new(prices);
    let mut circuits = Vec::new();
    for ((circuit, service_key), account) in accounts(month, input) {
        let zone = account
            .stays
            .last()
            .map_or_else(|| prices.zone.clone(), |stay| rates.zone_of(stay.terms).map(Into::into));
        let mut lines = fees::lines(&account.stays, month, &mut rates)?;
        lines.extend(volume::lines(circuit, &account.records, &account.stays, &mut rates)?);
        let total = exact::sum(lines.iter().map(|line| line.amount)).map_err(too_large(circuit))?;
        let (circuit, service_key) = (circuit.into(), service_key.map(Into::into));
        circuits.push(CircuitBill { circuit, service_key, zone, lines, total });
    }
    let totals = circuits.iter().map(|circuit| circuit.total);
    let total = exact::sum(totals).map_err(too_large("every circuit"))?;
    Ok(Invoice {
        edge: edge.into(),
        month,
        currency: prices.currency.clone(),
        circuits,
        total,
        missing: rates.into_missing(),
    })
}

/// What one customer has had under one circuit's name.
#[derive(Default)]
struct Account<'a> {
    stays: Vec<Stay<'a>>,
    records: Vec<&'a UsageRecord>,
}

/// By circuit and service key: a name that another customer gets is another account.
fn accounts(month: Month, input: &Input) -> BTreeMap<(&str, Option<&str>), Account<'_>> {
    let mut accounts: BTreeMap<_, Account<'_>> = BTreeMap::new();
    for stay in stay::stays(&input.spans, month) {
        let key = (stay.terms.circuit.as_str(), stay.terms.service_key.as_deref());
        accounts.entry(key).or_default().stays.push(stay);
    }
    let is_in_month = |record: &&UsageRecord| month.contains(record.start);
    for record in input.records.iter().filter(is_in_month) {
        let key = (record.circuit.as_str(), record.service_key.as_deref());
        accounts.entry(key).or_default().records.push(record);
    }
    accounts
}

fn too_large(circuit: &str) -> impl Fn(exact::TooLarge) -> BillError {
    move |exact::TooLarge| BillError::TooLarge { circuit: circuit.into() }
}
