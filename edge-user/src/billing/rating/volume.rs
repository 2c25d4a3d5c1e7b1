//! Volumes: outbound bytes of a metered circuit are billed, all others only shown.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;

use super::{
    BillError, Charge, Quantity, exact::TooLarge, rates::Rates, stay::HeldTerms, too_large,
};
use crate::{
    billing::ledger::UsageRecord,
    model::{Billing, Direction, Sku, Terms},
};

/// The kind of a volume, in the order of the invoice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Billed, at the price of a zone.
    Metered(Option<String>),
    Unlimited,
    Local,
    Inbound,
}

/// The charges for an account's usage; those of no bytes are left out. `spans` are all terms that
/// the circuit has had, also in other months, by time.
pub(super) fn charges(
    circuit: &str,
    records: &[&UsageRecord],
    spans: &[HeldTerms<'_>],
    rates: &mut Rates<'_>,
) -> Result<Vec<Charge>, BillError> {
    let mut volumes: BTreeMap<Kind, u64> = BTreeMap::new();
    for record in records {
        let bytes = volumes.entry(kind(record, spans, rates)?).or_default();
        *bytes = bytes.checked_add(record.bytes).ok_or(TooLarge).map_err(too_large(circuit))?;
    }
    let mut charges = Vec::new();
    for (kind, bytes) in volumes.into_iter().filter(|(_, bytes)| *bytes != 0) {
        let quantity = Quantity::Volume { bytes, gb: rates.prices.gb };
        let unit_price = match &kind {
            Kind::Metered(zone) => rates.outbound_gb(circuit, zone.as_deref()),
            Kind::Unlimited | Kind::Local | Kind::Inbound => Some(Decimal::ZERO),
        };
        let amount = unit_price.map(|price| rates.scale.amount(price, quantity.fraction()));
        let amount = amount.transpose().map_err(too_large(circuit))?;
        let (what, zone) = (kind.what().into(), kind.zone().cloned());
        charges.push(Charge { what, zone, quantity, unit_price, amount });
    }
    Ok(charges)
}

/// The terms of a record: those that held at its end, or the last ones before it, as the last
/// frames of a circuit are often counted after its end, in the next month. A record before all
/// terms has the first ones.
pub(super) fn terms_of<'a>(record: &UsageRecord, spans: &[HeldTerms<'a>]) -> Option<&'a Terms> {
    place_of(record.end, spans).and_then(|place| spans.get(place)).map(|span| span.terms)
}

/// The place of the terms of a record with this end.
pub(super) fn place_of(end: Timestamp, spans: &[HeldTerms<'_>]) -> Option<usize> {
    let later = spans.partition_point(|span| span.from < end);
    (!spans.is_empty()).then(|| later.saturating_sub(1))
}

/// The kind of a record, by its own billing and by its terms.
pub(super) fn kind(
    record: &UsageRecord,
    spans: &[HeldTerms<'_>],
    rates: &Rates<'_>,
) -> Result<Kind, BillError> {
    let direction =
        known(Direction::ALL, Direction::as_str, record, "direction", &record.direction);
    let billing = known(Billing::ALL, Billing::as_str, record, "billing", &record.billing);
    let (direction, billing) = (direction?, billing?);
    let terms = terms_of(record, spans);
    Ok(match (direction, terms.map(|terms| terms.sku), billing) {
        (Direction::Inbound, ..) => Kind::Inbound,
        (Direction::Outbound, Some(Sku::Local), _) => Kind::Local,
        (Direction::Outbound, _, Billing::Unlimited) => Kind::Unlimited,
        (Direction::Outbound, _, Billing::Metered) => {
            let default = rates.prices.zone.as_deref();
            let zone = terms.map_or(default, |terms| rates.zone_of(terms));
            Kind::Metered(zone.map(Into::into))
        }
    })
}

/// The value that a word of the ledger stands for. A word that this version doesn't know is an
/// error: the record must not be billed at nothing.
fn known<T: Copy>(
    all: &[T],
    spelling: impl Fn(T) -> &'static str,
    record: &UsageRecord,
    key: &'static str,
    value: &str,
) -> Result<T, BillError> {
    let found = all.iter().copied().find(|known| spelling(*known) == value);
    found.ok_or_else(|| BillError::UnknownRecord {
        circuit: record.circuit.clone(),
        key,
        value: value.into(),
    })
}

impl Kind {
    pub(super) const fn what(&self) -> &'static str {
        match self {
            Self::Metered(_) => "outbound, metered",
            Self::Unlimited => "outbound, included (unlimited)",
            Self::Local => "outbound, egress included (local)",
            Self::Inbound => "inbound, free",
        }
    }

    /// The zone whose price applies.
    pub(super) const fn zone(&self) -> Option<&String> {
        if let Self::Metered(zone) = self { zone.as_ref() } else { None }
    }
}
