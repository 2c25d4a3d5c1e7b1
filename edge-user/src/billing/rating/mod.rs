//! `edge bill`: the costs of an edge's circuits in a month, from terms, usage and prices.
//!
//! Amounts are exact fractions of integers. The total of a circuit is rounded once, half up, to the
//! currency's smallest unit. Lines are shown as shares of that total, and add up to it.

mod credit;
mod currency;
mod digits;
mod exact;
mod explain;
mod explained;
mod fees;
mod invoice;
mod missed_sla;
mod month;
mod rates;
mod rounding;
mod stay;
#[cfg(test)]
mod tests;
mod volume;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rust_decimal::Decimal;

pub use self::{
    credit::MonthSla,
    explain::explain,
    explained::{
        ExplainedCircuit, ExplainedLine, ExplainedRecord, ExplainedSeries, ExplainedStretch,
        ExplainedTerms, Explanation, TermsHeld,
    },
    invoice::{CircuitBill, Invoice, Line, Quantity},
    missed_sla::MissedSla,
    month::{Month, NotAMonth},
};
use self::{currency::minor_digits, exact::Exact, rates::Rates, stay::HeldTerms};
use crate::{
    billing::ledger::{CircuitIdentity, Identities, TermsSpan, UsageRecord},
    model::{Prices, Terms},
};

/// The ledger's data about a month.
#[derive(Clone, Debug, Default)]
pub struct Input {
    /// Usage. The terms that hold when a record ends, or the last ones before, set its price. So a
    /// record that is longer than a period of the ledger should not go beyond a change of zone or
    /// SKU.
    pub records: Vec<UsageRecord>,
    /// Terms of circuits with their times, in any order. There are terms of other months, too: the
    /// last usage of an ended circuit may have been counted in the next month.
    pub spans: Vec<TermsSpan>,
    /// The availability of the month, for credits.
    pub sla: MonthSla,
}

impl Input {
    /// Leaves only the circuit that has, or had, this name.
    pub fn retain_circuit(&mut self, name: &str) {
        let named = self.named(name);
        let spans = self
            .spans
            .iter()
            .map(|TermsSpan { terms, .. }| named.has(&terms.circuit, terms.service_key.as_deref()));
        let records = self.records.iter();
        let records =
            records.map(|record| named.has(&record.circuit, record.service_key.as_deref()));
        let (spans, records): (Vec<_>, Vec<_>) = (spans.collect(), records.collect());
        retain(&mut self.spans, &spans);
        retain(&mut self.records, &records);
    }

    /// The circuit that has, or had, this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Named<'_> {
        let identities = self.identities();
        let spans = self.spans.iter().map(|span| (&span.terms.circuit, &span.terms.service_key));
        let records = self.records.iter().map(|record| (&record.circuit, &record.service_key));
        let named = spans.chain(records).filter(|(circuit, _)| *circuit == name);
        let circuits = named.map(|(circuit, key)| identities.of(circuit, key.as_deref())).collect();
        Named { identities, circuits }
    }

    /// The moments when the price of a volume may have changed, by each name of a circuit. No
    /// record should go beyond one.
    #[must_use]
    pub fn changes_of_price(&self) -> BTreeMap<String, Vec<Timestamp>> {
        let identities = self.identities();
        let mut circuits: BTreeMap<CircuitIdentity<'_>, Vec<&TermsSpan>> = BTreeMap::new();
        for span in &self.spans {
            let Terms { circuit, service_key, .. } = &span.terms;
            circuits.entry(identities.of(circuit, service_key.as_deref())).or_default().push(span);
        }
        let mut changes: BTreeMap<String, BTreeSet<Timestamp>> = BTreeMap::new();
        for mut spans in circuits.into_values() {
            spans.sort_by_key(|span| span.from);
            let price = |span: &TermsSpan| (span.terms.zone.clone(), span.terms.sku);
            let pairs = spans.windows(2).filter(|pair| price(pair[0]) != price(pair[1]));
            let of_circuit: Vec<Timestamp> = pairs.map(|pair| pair[1].from).collect();
            let names: BTreeSet<&String> = spans.iter().map(|span| &span.terms.circuit).collect();
            for name in names {
                changes.entry(name.clone()).or_default().extend(&of_circuit);
            }
        }
        changes.into_iter().map(|(name, moments)| (name, moments.into_iter().collect())).collect()
    }

    fn identities(&self) -> Identities<'_> {
        Identities::new(self.spans.iter().map(|span| (&span.terms, span.from, span.to)))
    }
}

/// A circuit by a name that it has, or had: several, where others have had the name.
#[derive(Clone, Debug)]
pub struct Named<'a> {
    identities: Identities<'a>,
    circuits: BTreeSet<CircuitIdentity<'a>>,
}

impl Named<'_> {
    /// Whether it had this name with this service key.
    #[must_use]
    pub fn has(&self, circuit: &str, service_key: Option<&str>) -> bool {
        self.circuits.contains(&self.identities.of(circuit, service_key))
    }
}

fn retain<T>(all: &mut Vec<T>, keep: &[bool]) {
    let mut keep = keep.iter();
    all.retain(|_| keep.next().copied().unwrap_or(false));
}

/// Why there is no invoice.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BillError {
    /// A record has a value that this version knows no price for.
    #[error(
        "a usage record of circuit {circuit:?} has the {key} {value:?}, which this edge does not know; \
             bill with the version that wrote the ledger"
    )]
    UnknownRecord {
        /// The circuit's name.
        circuit: String,
        /// The name of the field whose value is not known.
        key: &'static str,
        /// The field's value in the record.
        value: String,
    },
    /// A sum has more than 28 digits.
    #[error(
        "circuit {circuit:?}: bytes or amounts are too large to add up; check its usage and prices"
    )]
    TooLarge {
        /// The circuit's name.
        circuit: String,
    },
}

/// The invoice of `month`. A line without a price has no amount, and [`Invoice::missing`] names the
/// price to add.
pub fn invoice(
    edge: &str,
    month: Month,
    prices: &Prices,
    input: &Input,
) -> Result<Invoice, BillError> {
    let mut rates = Rates::new(prices, month);
    let circuits: Vec<CircuitBill> =
        billed(month, input, &mut rates)?.into_iter().map(|(_, bill)| bill).collect();
    let minor_digits = minor_digits(&prices.currency);
    let totals = circuits.iter().map(|circuit| circuit.total);
    let total = exact::sum(totals, minor_digits).map_err(too_large("every circuit"))?;
    Ok(Invoice {
        edge: edge.into(),
        month,
        currency: prices.currency.clone(),
        circuits,
        total,
        minor_digits,
        missing: rates.into_missing(),
    })
}

/// The accounts with their bills, by name.
fn billed<'a>(
    month: Month,
    input: &'a Input,
    rates: &mut Rates<'_>,
) -> Result<Vec<(CircuitAccount<'a>, CircuitBill)>, BillError> {
    let mut billed = Vec::new();
    for account in accounts(month, input) {
        let bill = account.bill((month, &input.sla), rates)?;
        billed.extend(bill.map(|bill| (account, bill)));
    }
    billed.sort_by(|(_, one), (_, other)| {
        (&one.circuit, &one.service_key).cmp(&(&other.circuit, &other.service_key))
    });
    Ok(billed)
}

/// A line before its shown amount is known.
struct Charge {
    what: String,
    zone: Option<String>,
    quantity: Quantity,
    unit_price: Option<Decimal>,
    amount: Option<Exact>,
}

/// The records and terms of one customer's circuit.
struct CircuitAccount<'a> {
    identity: CircuitIdentity<'a>,
    /// All its terms, by time.
    spans: Vec<HeldTerms<'a>>,
    /// The records of the month.
    records: Vec<&'a UsageRecord>,
}

impl CircuitAccount<'_> {
    /// The circuit's bill; `None`: it had neither terms nor usage in the month.
    fn bill(
        &self,
        (month, sla): (Month, &MonthSla),
        rates: &mut Rates<'_>,
    ) -> Result<Option<CircuitBill>, BillError> {
        let stays = stay::stays(&self.spans, month);
        let last_record = self.records.iter().max_by_key(|record| record.end);
        let of_usage = || volume::terms_of(last_record?, &self.spans);
        let terms = stays.last().map(|stay| stay.terms).or_else(of_usage);
        let names = terms.map(|terms| (&terms.circuit, &terms.service_key));
        let names = names.or(last_record.map(|record| (&record.circuit, &record.service_key)));
        let Some((circuit, service_key)) =
            names.filter(|_| !stays.is_empty() || last_record.is_some())
        else {
            return Ok(None);
        };
        let zone = terms.map_or_else(
            || rates.prices.zone.clone(),
            |terms| rates.zone_of(terms).map(Into::into),
        );
        let mut charges = fees::charges(&stays, month, rates)?;
        let credit = credit::charge(&self.spans, (month, sla), &charges, rates);
        charges.extend(credit.map_err(too_large(circuit))?);
        charges.extend(volume::charges(circuit, &self.records, &self.spans, rates)?);
        let (total, lines) = lines(charges, rates).map_err(too_large(circuit))?;
        let (circuit, service_key) = (circuit.clone(), service_key.clone());
        Ok(Some(CircuitBill { circuit, service_key, zone, lines, total }))
    }
}

/// The lines for charges, and the total to be paid.
fn lines(
    charges: Vec<Charge>,
    rates: &Rates<'_>,
) -> Result<(Option<Decimal>, Vec<Line>), exact::TooLarge> {
    let scale = &rates.scale;
    let amounts: Option<Vec<Exact>> = charges.iter().map(|charge| charge.amount).collect();
    let (total, shown) = if let Some(amounts) = amounts {
        let (total, shown) = scale.shares(&amounts)?;
        (Some(total), shown.into_iter().map(Some).collect())
    } else {
        let each = charges.iter().map(|charge| charge.amount);
        let each = each.map(|amount| amount.map(|amount| scale.rounded(amount)).transpose());
        (None, each.collect::<Result<Vec<_>, _>>()?)
    };
    let lines = charges.into_iter().zip(shown).map(|(charge, amount)| {
        let Charge { what, zone, quantity, unit_price, .. } = charge;
        Line { what, zone, quantity, unit_price, amount }
    });
    Ok((total, lines.collect()))
}

/// The accounts by identity: a name that passes to another customer is another account, a renamed
/// circuit is the same one.
fn accounts(month: Month, input: &Input) -> Vec<CircuitAccount<'_>> {
    let identities = input.identities();
    let new = |identity| CircuitAccount { identity, spans: Vec::new(), records: Vec::new() };
    let mut accounts: BTreeMap<CircuitIdentity<'_>, CircuitAccount<'_>> = BTreeMap::new();
    for held in stay::held(&input.spans) {
        let Terms { circuit, service_key, .. } = held.terms;
        let identity = identities.of(circuit, service_key.as_deref());
        accounts.entry(identity).or_insert_with(|| new(identity)).spans.push(held);
    }
    for record in input.records.iter().filter(|record| month.contains(record.start)) {
        let identity = identities.of(&record.circuit, record.service_key.as_deref());
        accounts.entry(identity).or_insert_with(|| new(identity)).records.push(record);
    }
    let mut accounts: Vec<_> = accounts.into_values().collect();
    for account in &mut accounts {
        account.spans.sort_by_key(|span| span.from);
    }
    accounts
}

fn too_large(circuit: &str) -> impl Fn(exact::TooLarge) -> BillError {
    move |exact::TooLarge| BillError::TooLarge { circuit: circuit.into() }
}
