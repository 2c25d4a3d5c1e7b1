//! The invoice. Its JSON has numbers as decimals in strings.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::{digits, exact, missed_sla::MissedSla, month::Month};
use crate::model::Gigabyte;

/// The costs of an edge's circuits in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Invoice {
    /// The edge's name.
    pub edge: String,
    /// The month.
    pub month: Month,
    /// Code of the currency.
    pub currency: String,
    /// The bills of its circuits, by name.
    pub circuits: Vec<CircuitBill>,
    /// The circuits' sum; `None` where a price is missing.
    pub total: Option<Decimal>,
    /// Decimals of the currency.
    #[serde(skip)]
    pub(super) minor_digits: u32,
    /// The missing prices, each in a sentence with the key to add.
    #[serde(skip)]
    pub missing: Vec<String>,
}

impl Invoice {
    /// The quantity of a line for people, with as many decimals as its price needs.
    #[must_use]
    pub fn quantity(&self, line: &Line) -> String {
        line.shown_quantity(self.minor_digits)
    }
}

/// The bill of one circuit for its customer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CircuitBill {
    /// The circuit's name; the last, where it was renamed.
    pub circuit: String,
    /// The provider's key for it.
    pub service_key: Option<String>,
    /// The price zone; the last, where it had several.
    pub zone: Option<String>,
    /// Fees by time, then a credit on them, then volumes.
    pub lines: Vec<Line>,
    /// The exact sum of prices times quantities, rounded half up once; `None` where a price is missing.
    pub total: Option<Decimal>,
}

/// A line of the invoice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// The fee, the credit or the volume that the line is for.
    pub what: String,
    /// The zone whose price applies; `None` where there is no such price.
    pub zone: Option<String>,
    /// The line's quantity.
    #[serde(flatten)]
    pub quantity: Quantity,
    /// The price of one; `None`: missing, or the line is a credit.
    pub unit_price: Option<Decimal>,
    /// The line's share of the circuit's total: price times quantity, rounded down, or up for the
    /// lines with the largest rests, so that all lines add up to the total. `None`: the price is
    /// missing. Where another line's price is missing, the amount is rounded to the nearest.
    pub amount: Option<Decimal>,
}

impl Line {
    /// The quantity for people, in a currency with so many decimals.
    pub(super) fn shown_quantity(&self, minor_digits: u32) -> String {
        let price = self.unit_price.unwrap_or_default();
        self.quantity.shown(exact::quantity_digits(price, minor_digits))
    }
}

/// The quantity of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantity {
    /// A volume.
    Volume {
        /// In bytes.
        bytes: u64,
        /// The gigabyte that it is priced by.
        gb: Gigabyte,
    },
    /// A part of a month.
    Time {
        /// The length of that time in microseconds.
        micros: u64,
        /// The number of its stretches.
        parts: u64,
        /// The beginning of the first stretch.
        from: Timestamp,
        /// The end of the last stretch.
        to: Timestamp,
        /// The month.
        month: Month,
    },
    /// A part of the circuit's fees that its customer gets back.
    Credit(MissedSla),
}

impl Quantity {
    /// `GB`, `GiB`, `month` or `% of fees`.
    #[must_use]
    pub const fn unit(&self) -> &'static str {
        match self {
            Self::Volume { gb: Gigabyte::Decimal, .. } => "GB",
            Self::Volume { gb: Gigabyte::Binary, .. } => "GiB",
            Self::Time { .. } => "month",
            Self::Credit(_) => "% of fees",
        }
    }

    /// The quantity as numerator and denominator.
    pub(super) fn fraction(&self) -> (u64, u64) {
        match self {
            Self::Volume { bytes, gb } => (*bytes, gb.bytes()),
            Self::Time { micros, month, .. } => (*micros, month.micros()),
            Self::Credit(missed) => (missed.step.credit_millionths(), 1_000_000),
        }
    }

    /// Adds another stretch of time, which begins at the end of the last one or later. A volume and a credit have
    /// no stretches.
    pub(super) fn extend(&mut self, begin: Timestamp, end: Timestamp) {
        if let Self::Time { micros, parts, to, .. } = self {
            let length = end.as_microsecond().saturating_sub(begin.as_microsecond());
            *micros += length.unsigned_abs();
            *parts += u64::from(*parts == 0 || *to != begin);
            *to = end;
        }
    }

    /// The quantity for people, with `digits` decimals, or more where it would look like zero.
    fn shown(&self, digits: u32) -> String {
        let (numerator, denominator) = self.fraction();
        let least = match self {
            Self::Volume { .. } => 3,
            Self::Time { .. } => 6,
            Self::Credit(missed) => return missed.percent_of_fees(),
        };
        digits::shown(numerator, denominator, least, digits.max(least))
    }

    /// Gigabytes exactly. Months, which may have endless decimals, get six, or more where they
    /// would look like zero.
    fn decimal(&self) -> String {
        let (numerator, denominator) = self.fraction();
        match self {
            Self::Volume { .. } => digits::quotient(numerator, denominator),
            Self::Time { .. } => {
                let text = digits::shown(numerator, denominator, 1, 6);
                text.trim_end_matches('0').trim_end_matches('.').into()
            }
            Self::Credit(missed) => missed.percent_of_fees(),
        }
    }

    /// The exact time in seconds.
    fn seconds(&self) -> Option<String> {
        match self {
            Self::Volume { .. } | Self::Credit(_) => None,
            Self::Time { micros, .. } => Some(digits::quotient(*micros, 1_000_000)),
        }
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct LineFields {
            quantity: String,
            unit: &'static str,
            bytes: Option<u64>,
            seconds: Option<String>,
            parts: Option<u64>,
            from: Option<Timestamp>,
            to: Option<Timestamp>,
            #[serde(skip_serializing_if = "Option::is_none")]
            sla: Option<MissedSla>,
        }
        let (bytes, parts, from, to) = match *self {
            Self::Volume { bytes, .. } => (Some(bytes), None, None, None),
            Self::Time { parts, from, to, .. } => (None, Some(parts), Some(from), Some(to)),
            Self::Credit(_) => (None, None, None, None),
        };
        let sla = if let Self::Credit(missed) = *self { Some(missed) } else { None };
        let (quantity, unit, seconds) = (self.decimal(), self.unit(), self.seconds());
        LineFields { quantity, unit, bytes, seconds, parts, from, to, sla }.serialize(serializer)
    }
}
