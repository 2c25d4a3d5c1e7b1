//! The invoice: numbers in JSON are exact decimals in strings.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::{exact, month::Month};
use crate::config::Gigabyte;

/// What the circuits of an edge cost in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invoice {
    /// The edge's name.
    pub edge: String,
    /// The month.
    pub month: Month,
    /// Code of the currency.
    pub currency: String,
    /// By name.
    pub circuits: Vec<CircuitBill>,
    /// The circuits' sum; `None` where a price is missing.
    pub total: Option<Decimal>,
    /// What has no price, and what to add: one sentence each.
    #[serde(skip)]
    pub missing: Vec<String>,
}

/// What one circuit costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CircuitBill {
    /// The circuit's name.
    pub circuit: String,
    /// The provider's key for it.
    pub service_key: Option<String>,
    /// The price zone; the last, where it had several.
    pub zone: Option<String>,
    /// Fees by time, then volumes.
    pub lines: Vec<Line>,
    /// The lines' sum; `None` where a price is missing.
    pub total: Option<Decimal>,
}

/// A line of the invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What it is for.
    pub what: String,
    /// The zone whose price it has; `None` where there is no such price.
    pub zone: Option<String>,
    /// How much of it.
    #[serde(flatten)]
    pub quantity: Quantity,
    /// The price of one; `None`: missing.
    pub unit_price: Option<Decimal>,
    /// Price times quantity, with two decimals; `None`: the price is missing.
    pub amount: Option<Decimal>,
}

/// How much.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A volume.
    Volume {
        /// In bytes.
        bytes: u64,
        /// What it is priced by.
        gb: Gigabyte,
    },
    /// A part of a month: its seconds from one moment to the other.
    Time {
        /// The first second.
        from: Timestamp,
        /// The second after the last.
        to: Timestamp,
        /// The month.
        month: Month,
    },
}

impl Quantity {
    /// `GB`, `GiB` or `month`.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        match self {
            Self::Volume { gb: Gigabyte::Decimal, .. } => "GB",
            Self::Volume { gb: Gigabyte::Binary, .. } => "GiB",
            Self::Time { .. } => "month",
        }
    }

    /// As two integers, whose quotient it is.
    pub(super) fn fraction(&self) -> (u64, u64) {
        match self {
            Self::Volume { bytes, gb } => (*bytes, gb.bytes()),
            Self::Time { from, to, month } => {
                let seconds = to.as_second().saturating_sub(from.as_second());
                (seconds.try_into().unwrap_or(0), month.seconds())
            }
        }
    }

    /// `price` for this much.
    pub(super) fn amount(&self, price: Decimal) -> Result<Decimal, exact::TooLarge> {
        let (numerator, denominator) = self.fraction();
        exact::amount(price, numerator, denominator)
    }

    /// Gigabytes exactly; months, which may have no end, to six decimals.
    fn decimal(&self) -> String {
        let (numerator, denominator) = self.fraction();
        match self {
            Self::Volume { .. } => exact::quotient(numerator, denominator),
            Self::Time { .. } => {
                let text = exact::rounded(numerator, denominator, 6);
                text.trim_end_matches('0').trim_end_matches('.').into()
            }
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields {
            quantity: String,
            unit: &'static str,
            bytes: Option<u64>,
            from: Option<Timestamp>,
            to: Option<Timestamp>,
        }
        let (bytes, from, to) = match *self {
            Self::Volume { bytes, .. } => (Some(bytes), None, None),
            Self::Time { from, to, .. } => (None, Some(from), Some(to)),
        };
        Fields { quantity: self.decimal(), unit: self.unit(), bytes, from, to }
            .serialize(serializer)
    }
}
