//! The prices of fees and volumes, and a list of those that are missing.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::{Month, currency::minor_digits, exact::Scale};
use crate::{
    model::{MonthlyFees, Prices, Terms, ZonePrices},
    units::bit_rate,
};

/// Looks prices up, and notes the missing ones.
pub(super) struct Rates<'a> {
    pub(super) prices: &'a Prices,
    /// The unit in which its amounts are exact.
    pub(super) scale: Scale,
    missing: BTreeSet<String>,
}

impl<'a> Rates<'a> {
    /// The rates for amounts of a month.
    pub(super) fn new(prices: &'a Prices, month: Month) -> Self {
        let scale = Scale::new(month, prices.gb, minor_digits(&prices.currency));
        Self { prices, scale, missing: BTreeSet::new() }
    }

    pub(super) fn into_missing(self) -> Vec<String> {
        self.missing.into_iter().collect()
    }

    /// The zone of terms. Terms from before there were prices have the zone of circuits that name
    /// none.
    pub(super) fn zone_of<'t>(&self, terms: &'t Terms) -> Option<&'t str>
    where
        'a: 't,
    {
        terms.zone.as_deref().or(self.prices.zone.as_deref())
    }

    /// The price of a gigabyte outbound.
    pub(super) fn outbound_gb(&mut self, circuit: &str, zone: Option<&str>) -> Option<Decimal> {
        let (zone, prices) = self.zone(circuit, zone)?;
        if prices.outbound_gb.is_none() {
            let what = format!("zone {zone:?} has no price for outbound gigabytes");
            self.missing.insert(format!("{what}; add `outbound_gb` to [prices.zones.{zone}]"));
        }
        prices.outbound_gb
    }

    /// A monthly fee of `terms`: `pick` takes it, with its key, from the fees of the bandwidth.
    pub(super) fn monthly(
        &mut self,
        terms: &Terms,
        pick: impl FnOnce(&MonthlyFees) -> (&'static str, Option<Decimal>),
    ) -> Option<Decimal> {
        let zone = self.zone_of(terms).map(ToString::to_string);
        let (zone, prices) = self.zone(&terms.circuit, zone.as_deref())?;
        let rate = bit_rate(terms.bandwidth_bps);
        let fees = prices.monthly.get(&terms.bandwidth_bps).copied();
        let (key, price) = pick(&fees.unwrap_or_default());
        if price.is_none() {
            let entry = format!("[[prices.zones.{zone}.monthly]]");
            let how = if fees.is_some() {
                format!("add `{key}` to the {entry} with that bandwidth")
            } else {
                format!("add a {entry} with `bandwidth = \"{rate}\"` and `{key}`")
            };
            let what = format!("zone {zone:?} has no `{key}` price for {rate}");
            self.missing.insert(format!("{what}; {how}"));
        }
        price
    }

    fn zone<'z>(
        &mut self,
        circuit: &str,
        zone: Option<&'z str>,
    ) -> Option<(&'z str, &'a ZonePrices)> {
        let Some(zone) = zone else {
            let help = "give it a `zone`, or [prices] one for all";
            self.missing.insert(format!("circuit {circuit:?} has no price zone; {help}"));
            return None;
        };
        let prices = self.prices.zones.get(zone);
        if prices.is_none() {
            let what = format!("circuit {circuit:?} was in zone {zone:?}, which has no prices");
            self.missing.insert(format!("{what}; add [prices.zones.{zone}]"));
        }
        Some((zone, prices?))
    }
}
