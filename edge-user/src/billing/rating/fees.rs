//! Monthly fees: each is for all the time that a circuit had one price.

use rust_decimal::Decimal;

use super::{
    BillError, Charge, Month, Quantity,
    rates::Rates,
    stay::{SoldPiece, Stay},
    too_large,
};
use crate::{
    model::{Billing, MonthlyFees, Sku, Terms},
    units::bit_rate,
};

/// All the time that a circuit was sold at one price.
struct Time<'a> {
    terms: &'a Terms,
    quantity: Quantity,
}

/// A charge for each price that a circuit has had, and one more where it was premium. Even where
/// terms change often, each price has one charge, with the sum of its time.
pub(super) fn charges(
    stays: &[Stay<'_>],
    month: Month,
    rates: &mut Rates<'_>,
) -> Result<Vec<Charge>, BillError> {
    let mut charges = Vec::new();
    for Time { terms, quantity } in times(stays, month) {
        let Terms { billing, sku, .. } = *terms;
        let base = rates.monthly(terms, |fees| fees.base(billing, sku));
        charges.push(charge(base_name(terms), base, terms, quantity, rates)?);
        if let Some(name) = add_on_name(terms) {
            let premium = |fees: &MonthlyFees| ("premium", fees.premium);
            let premium = rates.monthly(terms, premium);
            charges.push(charge(name, premium, terms, quantity, rates)?);
        }
    }
    Ok(charges)
}

/// The pieces behind each charge of [`charges`], in its order, with the charge's text and zone.
pub(super) fn parts<'p, 'a>(
    pieces: &'p [SoldPiece<'a>],
    rates: &Rates<'_>,
) -> Vec<(String, Option<String>, Vec<&'p SoldPiece<'a>>)> {
    let mut keys: Vec<PriceKey<'_>> = Vec::new();
    for piece in pieces {
        if !keys.contains(&key(piece.terms)) {
            keys.push(key(piece.terms));
        }
    }
    let mut parts = Vec::new();
    for wanted in keys {
        let own: Vec<_> = pieces.iter().filter(|piece| key(piece.terms) == wanted).collect();
        let Some(terms) = own.first().map(|piece| piece.terms) else { continue };
        let zone = rates.zone_of(terms).map(ToOwned::to_owned);
        let names = [Some(base_name(terms)), add_on_name(terms)];
        parts.extend(names.into_iter().flatten().map(|name| (name, zone.clone(), own.clone())));
    }
    parts
}

fn base_name(Terms { bandwidth_bps, billing, sku, .. }: &Terms) -> String {
    let offer = if *sku == Sku::Local { sku.as_str() } else { billing.as_str() };
    format!("{} {offer}", bit_rate(*bandwidth_bps))
}

fn add_on_name(Terms { bandwidth_bps, sku, .. }: &Terms) -> Option<String> {
    (*sku == Sku::Premium).then(|| format!("{} premium add-on", bit_rate(*bandwidth_bps)))
}

/// The terms that set a price.
type PriceKey<'a> = (u64, Billing, Sku, Option<&'a str>);

fn key(terms: &Terms) -> PriceKey<'_> {
    (terms.bandwidth_bps, terms.billing, terms.sku, terms.zone.as_deref())
}

/// The times by price, in the order in which the prices came first.
fn times<'a>(stays: &[Stay<'a>], month: Month) -> Vec<Time<'a>> {
    let mut places: Vec<PriceKey<'_>> = Vec::new();
    let mut times: Vec<Time<'a>> = Vec::new();
    for Stay { terms, from, to } in stays {
        let key = key(terms);
        let place = places.iter().position(|known| *known == key).unwrap_or(places.len());
        if place == places.len() {
            places.push(key);
            let quantity = Quantity::Time { micros: 0, parts: 0, from: *from, to: *from, month };
            times.push(Time { terms, quantity });
        }
        times[place].quantity.extend(*from, *to);
    }
    times
}

fn charge(
    what: String,
    unit_price: Option<Decimal>,
    terms: &Terms,
    quantity: Quantity,
    rates: &Rates<'_>,
) -> Result<Charge, BillError> {
    let amount = unit_price.map(|price| rates.scale.amount(price, quantity.fraction()));
    Ok(Charge {
        what,
        zone: rates.zone_of(terms).map(Into::into),
        quantity,
        unit_price,
        amount: amount.transpose().map_err(too_large(&terms.circuit))?,
    })
}
