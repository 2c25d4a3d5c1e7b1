//! Prices of circuits.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use serde::Serialize;

use super::{
    offer::{Billing, Sku},
    spelled::spelled,
};

/// `[prices]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Prices {
    /// Code of the currency: three upper-case letters.
    pub currency: String,
    /// Number of bytes in a gigabyte.
    pub gb: Gigabyte,
    /// The zone of circuits that name none: the file's, or the only one.
    pub zone: Option<String>,
    /// The zones by name; at least one.
    pub zones: BTreeMap<String, ZonePrices>,
    /// Credits for months below the SLA: the lower the availability, the larger the credit.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sla_credits: Vec<SlaCredit>,
}

/// `[[prices.sla_credit]]`: the part of a circuit's monthly fees that its customer gets back for a month below an availability.
/// Both are percentages above 0, at most 100, with at most four decimals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct SlaCredit {
    /// The percentage of minutes below which it applies.
    pub below: Decimal,
    /// The percentage of the fees.
    pub credit: Decimal,
}

impl SlaCredit {
    /// The credit in millionths of the fees.
    #[must_use]
    pub fn credit_millionths(&self) -> u64 {
        let millionths = self.credit.checked_mul(Decimal::from(10_000));
        millionths.and_then(|it| u64::try_from(it).ok()).unwrap_or_default()
    }
}

spelled! {
    /// Number of bytes in a gigabyte.
    pub enum Gigabyte {
        /// 10^9.
        Decimal = "decimal",
        /// 2^30.
        Binary = "binary",
    }
}

impl Gigabyte {
    /// Number of bytes.
    #[must_use]
    pub const fn bytes(self) -> u64 {
        match self {
            Self::Decimal => 1_000_000_000,
            Self::Binary => 1 << 30,
        }
    }
}

/// `[prices.zones.NAME]`. No price is negative, has more than ten decimals, or reaches 10^12.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ZonePrices {
    /// The price of a gigabyte outbound on a metered circuit.
    pub outbound_gb: Option<Decimal>,
    /// Monthly fees by purchased bandwidth in bit/s.
    pub monthly: BTreeMap<u64, MonthlyFees>,
}

/// `[[prices.zones.NAME.monthly]]`: the monthly fees of a circuit of one bandwidth.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct MonthlyFees {
    /// The fee of a metered circuit, which pays for outbound volume besides.
    pub metered: Option<Decimal>,
    /// The fee of an unlimited circuit.
    pub unlimited: Option<Decimal>,
    /// The fee of a local circuit, metered or unlimited.
    pub local: Option<Decimal>,
    /// The fee of premium, on top of metered or unlimited.
    pub premium: Option<Decimal>,
}

impl MonthlyFees {
    /// The fee of a circuit before any premium, with its key.
    #[must_use]
    pub const fn base(&self, billing: Billing, sku: Sku) -> (&'static str, Option<Decimal>) {
        match (sku, billing) {
            (Sku::Local, _) => ("local", self.local),
            (Sku::Standard | Sku::Premium, Billing::Metered) => ("metered", self.metered),
            (Sku::Standard | Sku::Premium, Billing::Unlimited) => ("unlimited", self.unlimited),
        }
    }
}
