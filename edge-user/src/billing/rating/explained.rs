//! A bill down to its parts, as programs read it. The sums of the parts are held against the lines.

use edge_api::Revision;
use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Serialize, Serializer};

use super::{Line, Month, Quantity, digits};
use crate::{
    billing::ledger::{PeriodUsage, Readings, TimeStretch},
    model::Terms,
    units::count,
};

/// A month's bill of a circuit with everything that it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// The edge's name.
    pub edge: String,
    /// The month.
    pub month: Month,
    /// Code of the currency.
    pub currency: String,
    /// The circuit; several, where one has had the name of another.
    pub circuits: Vec<ExplainedCircuit>,
    /// Whether no count of the month is missing.
    pub is_complete: bool,
    /// Sentences for a reader of the amounts: gaps, doubtful dates, deleted usage.
    pub warnings: Vec<String>,
    /// Sums that differ from the bill, in a sentence each: a defect.
    pub differences: Vec<String>,
    #[serde(skip)]
    pub(super) minor_digits: u32,
}

/// The bill of a circuit with its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedCircuit {
    /// The circuit's name, as on the bill.
    pub circuit: String,
    /// The provider's key for it.
    pub service_key: Option<String>,
    /// The price zone, as on the bill.
    pub zone: Option<String>,
    /// The lines of the bill.
    pub lines: Vec<ExplainedLine>,
    /// The total of the bill.
    pub total: Option<Decimal>,
    /// The terms that the parts name, by time.
    pub terms: Vec<ExplainedTerms>,
    /// The readings behind its usage.
    pub readings: Readings,
    /// The numbers of its series in the ledger.
    #[serde(skip)]
    pub numbers: Vec<i64>,
    /// The times of the month in which it was sold or, without terms, that of its usage.
    #[serde(skip)]
    pub existed: Vec<TimeStretch>,
}

/// A line of the bill with its parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedLine {
    /// The line.
    #[serde(flatten)]
    pub line: Line,
    /// The sum of a volume's parts; `None`: it is a fee or a credit, or the sum is too large.
    pub sum_bytes: Option<u64>,
    /// The sum of a fee's parts in microseconds; `None`: it is a volume or a credit, or the sum is too
    /// large.
    #[serde(rename = "sum_seconds", serialize_with = "seconds")]
    pub sum_micros: Option<u64>,
    /// The parts of a fee, by time.
    pub stretches: Vec<ExplainedStretch>,
    /// The parts of a volume, by series.
    pub series: Vec<ExplainedSeries>,
}

/// A time that a fee is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedStretch {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// Its length in microseconds.
    #[serde(rename = "seconds", serialize_with = "seconds")]
    pub micros: Option<u64>,
    /// The number of the terms that held.
    pub terms: u64,
}

/// The usage of one peering, direction, link and class that a line has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedSeries {
    /// The edge's name of then.
    pub edge: String,
    /// The circuit's name of then.
    pub circuit: String,
    /// The service key of then.
    pub service_key: Option<String>,
    /// The peering.
    pub peering: String,
    /// The link.
    pub link: String,
    /// The direction.
    pub direction: String,
    /// The class.
    pub class: String,
    /// Whether it was metered or unlimited.
    pub billing: String,
    /// The bytes of a frame that count.
    pub accounting: String,
    /// Its usage, by time.
    pub records: Vec<ExplainedRecord>,
}

/// The usage of a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedRecord {
    /// The usage.
    #[serde(flatten)]
    pub usage: PeriodUsage,
    /// The number of the terms that set its price; `None`: there are none.
    pub terms: Option<u64>,
    /// When these terms held.
    pub held: Option<TermsHeld>,
}

/// When the terms held that set the price of usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TermsHeld {
    /// In the period.
    During,
    /// They had ended before it: the last usage of a circuit, which was counted late.
    Before,
    /// They began after it: usage that was counted before the first terms.
    After,
}

/// Terms of a circuit, and who has made them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExplainedTerms {
    /// The number by which parts name them, from 1 on.
    pub number: u64,
    /// The terms.
    #[serde(flatten)]
    pub terms: Terms,
    /// Their beginning, which may be before the month.
    pub from: Timestamp,
    /// Their end; `None`: they still hold.
    pub to: Option<Timestamp>,
    /// The revision of the configuration with which they began; `None`: not known.
    pub begun_by: Option<Revision>,
    /// The revision with which they ended; `None`: not known, or they still hold.
    pub ended_by: Option<Revision>,
}

impl Explanation {
    /// The quantity of a line for people, with as many decimals as its price needs.
    #[must_use]
    pub fn quantity(&self, line: &Line) -> String {
        line.shown_quantity(self.minor_digits)
    }

    /// The lines whose parts have another sum than the line, and totals that are not the sum of their lines, in a
    /// sentence each.
    #[must_use]
    pub fn differing_sums(&self) -> Vec<String> {
        self.circuits.iter().flat_map(ExplainedCircuit::differing_sums).collect()
    }
}

impl ExplainedCircuit {
    fn differing_sums(&self) -> Vec<String> {
        let circuit = &self.circuit;
        let mut differing = Vec::new();
        for ExplainedLine { line, stretches, series, .. } in &self.lines {
            let (of_line, of_parts, unit) = match line.quantity {
                Quantity::Volume { bytes, .. } => (bytes, sum_of_series(series), "bytes"),
                Quantity::Time { micros, .. } => (micros, sum_of_stretches(stretches), "µs"),
                // It is held against the fees by the total, of which it is a share.
                Quantity::Credit(_) => continue,
            };
            if of_parts != Some(of_line) {
                let of_parts = of_parts
                    .map_or_else(|| "more than a number holds".into(), |sum| sum.to_string());
                differing.push(format!(
                    "{circuit:?}, {}: the bill has {of_line} {unit}, and its parts are {of_parts}",
                    line.what
                ));
            }
        }
        let amounts: Option<Decimal> = self.lines.iter().map(|line| line.line.amount).sum();
        if let Some((total, amounts)) = self.total.zip(amounts).filter(|(one, other)| one != other)
        {
            differing
                .push(format!("{circuit:?}: the total is {total}, and its lines are {amounts}"));
        }
        differing
    }
}

impl ExplainedStretch {
    /// Its length in seconds, exactly.
    #[must_use]
    pub fn seconds(&self) -> String {
        exact_seconds(self.micros.unwrap_or_default())
    }
}

impl ExplainedLine {
    /// The sum of its parts in bytes, or in seconds exactly.
    #[must_use]
    pub fn sum(&self) -> String {
        let seconds = self.sum_micros.map(exact_seconds);
        self.sum_bytes.map(count).or(seconds).unwrap_or_else(|| "too large".to_owned())
    }
}

fn exact_seconds(micros: u64) -> String {
    digits::quotient(micros, 1_000_000)
}

/// The bytes of series; `None`: they are too many.
pub(super) fn sum_of_series(series: &[ExplainedSeries]) -> Option<u64> {
    let mut records = series.iter().flat_map(|series| &series.records);
    records.try_fold(0u64, |sum, record| sum.checked_add(record.usage.bytes))
}

/// The length of stretches in microseconds; `None`: they are too long.
pub(super) fn sum_of_stretches(stretches: &[ExplainedStretch]) -> Option<u64> {
    stretches.iter().try_fold(0u64, |sum, stretch| sum.checked_add(stretch.micros?))
}

#[expect(clippy::ref_option, reason = "serde gives a reference to the field")]
fn seconds<S: Serializer>(micros: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    micros.map(exact_seconds).serialize(serializer)
}
