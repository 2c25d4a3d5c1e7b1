//! Monthly fees: each is for all the time that a circuit had one price.

use rust_decimal::Decimal;

use super::{BillError, Charge, Month, Quantity, rates::Rates, stay::Stay, too_large};
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
        let Terms { bandwidth_bps, billing, sku, .. } = *terms;
        let rate = bit_rate(bandwidth_bps);
        let offer = if sku == Sku::Local { sku.as_str() } else { billing.as_str() };
        let base = rates.monthly(terms, |fees| fees.base(billing, sku));
        charges.push(charge(format!("{rate} {offer}"), base, terms, quantity, rates)?);
        if sku == Sku::Premium {
            let premium = |fees: &MonthlyFees| ("premium", fees.premium);
            let premium = rates.monthly(terms, premium);
            charges.push(charge(
                format!("{rate} premium add-on"),
                premium,
                terms,
                quantity,
                rates,
            )?);
        }
    }
    Ok(charges)
}

/// The times by price, in the order in which the prices came first.
fn times<'a>(stays: &[Stay<'a>], month: Month) -> Vec<Time<'a>> {
    type Key<'a> = (u64, Billing, Sku, Option<&'a str>);
    let mut places: Vec<Key<'_>> = Vec::new();
    let mut times: Vec<Time<'a>> = Vec::new();
    for Stay { terms, from, to } in stays {
        let key = (terms.bandwidth_bps, terms.billing, terms.sku, terms.zone.as_deref());
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
