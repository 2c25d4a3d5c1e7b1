//! Monthly fees: of each stay, for its part of the month.

use rust_decimal::Decimal;

use super::{BillError, Line, Month, Quantity, rates::Rates, stay::Stay, too_large};
use crate::{
    config::{MonthlyFees, Sku},
    ledger::Terms,
    units::bit_rate,
};

/// A line for each stay, and one more where it is premium.
pub(super) fn lines(
    stays: &[Stay<'_>],
    month: Month,
    rates: &mut Rates<'_>,
) -> Result<Vec<Line>, BillError> {
    let mut lines = Vec::new();
    for stay in stays {
        let Terms { bandwidth_bps, billing, sku, .. } = *stay.terms;
        let rate = bit_rate(bandwidth_bps);
        let offer = if sku == Sku::Local { sku.as_str() } else { billing.as_str() };
        let base = rates.monthly(stay.terms, |fees| fees.base(billing, sku));
        lines.push(line(format!("{rate} {offer}"), base, stay, month, rates)?);
        if sku == Sku::Premium {
            let premium = |fees: &MonthlyFees| ("premium", fees.premium);
            let premium = rates.monthly(stay.terms, premium);
            lines.push(line(format!("{rate} premium add-on"), premium, stay, month, rates)?);
        }
    }
    Ok(lines)
}

fn line(
    what: String,
    unit_price: Option<Decimal>,
    stay: &Stay<'_>,
    month: Month,
    rates: &Rates<'_>,
) -> Result<Line, BillError> {
    let quantity = Quantity::Time { from: stay.from, to: stay.to, month };
    let amount = unit_price.map(|price| quantity.amount(price)).transpose();
    Ok(Line {
        what,
        zone: rates.zone_of(stay.terms).map(Into::into),
        quantity,
        unit_price,
        amount: amount.map_err(too_large(&stay.terms.circuit))?,
    })
}
