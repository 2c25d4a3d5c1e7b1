//! The 95th percentile of five-minute samples, by which transit is sold.
//!
//! A sample is of a meter, which has one name. A customer buys a circuit, which may have had
//! several names (see `identity`). The circuit's samples are those of all its names together, for
//! the time that it existed.

use std::collections::BTreeMap;

use jiff::{Timestamp, ToSpan as _};
use rusqlite::{Connection, params};
use serde::{Deserialize, Serialize};

use super::{
    Ledger, LedgerError,
    calendar::month_start,
    column,
    error::Fault,
    open,
    sampled::{self, Sampled, union},
    split::SAMPLE_S,
};

/// The circuits and the time that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PercentileQuery {
    /// Of this edge only.
    pub edge: Option<String>,
    /// Of the circuit only that has, or had, this name.
    pub circuit: Option<String>,
    /// Of samples that start at this moment or later; otherwise, from the first of the month on
    /// that the last one is in.
    pub from: Option<Timestamp>,
    /// Of samples that end at this moment or before; otherwise, until now.
    pub to: Option<Timestamp>,
}

/// The rate that a circuit was below for 95 % of the time that it existed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Percentile {
    /// The edge's name; the last, where it was renamed.
    pub edge: String,
    /// The circuit's name, likewise.
    pub circuit: String,
    /// `inbound`, `outbound` or `greater`: the greater of the two.
    pub direction: String,
    /// Start of the first sample.
    pub start: Timestamp,
    /// End of the last one.
    pub end: Timestamp,
    /// Samples in which the circuit existed, with those in which nothing was counted.
    pub samples: u64,
    /// The rate in bit/s.
    pub p95_bps: u64,
}

impl Ledger {
    /// The 95th percentile of every circuit and direction, by edge and circuit: over all links,
    /// peerings and classes. `now` bounds the samples that are over.
    ///
    /// The samples of a circuit are those that begin before it ends and end after it has begun, by its terms,
    /// and any other in which it has counted something. Where there are no terms of it, it has existed since
    /// its first sample.
    pub fn percentiles(
        &self,
        query: &PercentileQuery,
        now: Timestamp,
    ) -> Result<Vec<Percentile>, LedgerError> {
        percentiles(&self.connection, query, now).map_err(|fault| fault.at(&self.path))
    }
}

fn percentiles(
    connection: &Connection,
    query: &PercentileQuery,
    now: Timestamp,
) -> Result<Vec<Percentile>, Fault> {
    let span_s = span_s(query, now);
    let transaction = open::read(connection)?;
    let circuits = sampled::circuits(&transaction, query.edge.as_deref(), span_s)?;
    let mut percentiles = Vec::new();
    for circuit in circuits {
        let is_asked = |name: &String| circuit.names.contains(name);
        if query.circuit.as_ref().is_none_or(is_asked) {
            percentiles.extend(of_circuit(&transaction, &circuit, span_s)?);
        }
    }
    percentiles.sort_by(|one, other| (&one.edge, &one.circuit).cmp(&(&other.edge, &other.circuit)));
    Ok(percentiles)
}

/// The percentiles inbound, outbound and the greater of both; none where the circuit did not exist.
fn of_circuit(
    connection: &Connection,
    circuit: &Sampled,
    (start_s, end_s): (i64, i64),
) -> Result<Vec<Percentile>, Fault> {
    // By start, of both directions.
    let mut samples: [BTreeMap<i64, u64>; 2] = [BTreeMap::new(), BTreeMap::new()];
    for part in &circuit.parts {
        let samples = &mut samples[usize::from(part.is_outbound)];
        let within_s = (part.from_s.max(start_s), part.to_s.min(end_s));
        add_samples(connection, part.meter, within_s, samples)?;
    }
    let mut slots = circuit.existed_s.clone();
    slots.extend(samples.iter().flat_map(|samples| samples.keys()).map(|s| (*s, *s + SAMPLE_S)));
    let slots = union(slots, (start_s, end_s));
    let (Some(first), Some(last)) = (slots.first(), slots.last()) else {
        // On the first of a month, no sample is over at first, and no circuit is known to exist.
        let is_empty = start_s == end_s;
        return Ok(if is_empty { rates(circuit, (start_s, end_s), 0, [0; 2]) } else { Vec::new() });
    };
    let count = slots.iter().map(|(from_s, to_s)| (to_s - from_s) / SAMPLE_S).sum::<i64>();
    let rate_bps = |samples: BTreeMap<i64, u64>| {
        let bytes = percentile_95(samples.into_values().collect(), count.unsigned_abs());
        bytes.saturating_mul(8) / SAMPLE_S.unsigned_abs()
    };
    Ok(rates(circuit, (first.0, last.1), count.unsigned_abs(), samples.map(rate_bps)))
}

fn rates(
    circuit: &Sampled,
    (start_s, end_s): (i64, i64),
    samples: u64,
    [inbound, outbound]: [u64; 2],
) -> Vec<Percentile> {
    let all = [("inbound", inbound), ("outbound", outbound), ("greater", inbound.max(outbound))];
    let of = |(direction, p95_bps): (&str, u64)| Percentile {
        edge: circuit.edge.clone(),
        circuit: circuit.circuit.clone(),
        direction: direction.to_owned(),
        start: column::from_seconds(start_s),
        end: column::from_seconds(end_s),
        samples,
        p95_bps,
    };
    all.map(of).into()
}

/// The first and the last second of the whole samples that are asked for and over.
fn span_s(query: &PercentileQuery, now: Timestamp) -> (i64, i64) {
    let to = query.to.map_or(now, |to| to.min(now));
    let end_s = column::micros(to).div_euclid(SAMPLE_S * 1_000_000) * SAMPLE_S;
    let from = query.from.unwrap_or_else(|| {
        let last = column::from_seconds(end_s).checked_sub(1.nanosecond());
        // On the first of a month, before its first sample is over, the month is this one.
        month_start(if query.to.is_some_and(|to| to <= now) { last.unwrap_or(to) } else { to })
    });
    let start_s =
        -column::micros(from).saturating_neg().div_euclid(SAMPLE_S * 1_000_000) * SAMPLE_S;
    (start_s, end_s.max(start_s))
}

fn add_samples(
    connection: &Connection,
    meter: i64,
    (from_s, to_s): (i64, i64),
    samples: &mut BTreeMap<i64, u64>,
) -> Result<(), Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT start_s, bytes FROM sample WHERE meter = ? AND start_s >= ? AND start_s < ?",
    )?;
    let mut rows = statement.query(params![meter, from_s, to_s])?;
    while let Some(row) = rows.next()? {
        let sum = samples.entry(row.get(0)?).or_default();
        *sum = sum.saturating_add(column::count(row, 1)?);
    }
    Ok(())
}

/// The greatest of `count` samples without the top 5 %; those that are missing are 0.
fn percentile_95(mut samples: Vec<u64>, count: u64) -> u64 {
    let Some(place) = (count * 95).div_ceil(100).checked_sub(1) else { return 0 };
    samples.sort_unstable();
    let zeros = count.saturating_sub(u64::try_from(samples.len()).unwrap_or(u64::MAX));
    let place = place.checked_sub(zeros).and_then(|place| usize::try_from(place).ok());
    place.and_then(|place| samples.get(place).copied()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn span(from: Option<&str>, to: Option<&str>, now: &str) -> (String, String) {
        let query =
            PercentileQuery { from: from.map(time), to: to.map(time), ..Default::default() };
        let (start_s, end_s) = span_s(&query, time(now));
        (column::from_seconds(start_s).to_string(), column::from_seconds(end_s).to_string())
    }

    #[test]
    fn the_month_so_far_has_whole_samples_only() {
        for (from, to, now, start, end) in [
            (None, None, "2026-02-10T12:34:56Z", "2026-02-01T00:00:00Z", "2026-02-10T12:30:00Z"),
            (None, None, "2026-02-01T00:05:00Z", "2026-02-01T00:00:00Z", "2026-02-01T00:05:00Z"),
            (None, None, "2026-02-01T00:04:59Z", "2026-02-01T00:00:00Z", "2026-02-01T00:00:00Z"),
            (
                None,
                Some("2026-02-01T00:00:00Z"),
                "2026-02-10T00:00:00Z",
                "2026-01-01T00:00:00Z",
                "2026-02-01T00:00:00Z",
            ),
            (
                Some("2026-01-01T00:00:01Z"),
                Some("2027-01-01T00:00:00Z"),
                "2026-02-10T00:02:00Z",
                "2026-01-01T00:05:00Z",
                "2026-02-10T00:00:00Z",
            ),
            (
                Some("2026-03-01T00:00:00Z"),
                None,
                "2026-02-10T00:02:00Z",
                "2026-03-01T00:00:00Z",
                "2026-03-01T00:00:00Z",
            ),
        ] {
            let expected = (start.to_owned(), end.to_owned());
            assert_eq!(span(from, to, now), expected, "{from:?} {to:?} {now}");
        }
    }

    #[test]
    fn the_top_twentieth_is_discarded() {
        let up_to = |count: u64| (1..=count).collect::<Vec<_>>();
        assert_eq!(percentile_95(up_to(100), 100), 95);
        assert_eq!(percentile_95(up_to(20), 20), 19);
        assert_eq!(percentile_95(up_to(19), 19), 19, "a twentieth of 19 is not one");
        assert_eq!(percentile_95(up_to(1), 1), 1);
        assert_eq!(percentile_95(Vec::new(), 0), 0);
        assert_eq!(percentile_95(vec![7; 5], 100), 0, "5 of 100 are the top");
        assert_eq!(percentile_95(vec![9, 7, 7, 7, 7, 7], 100), 7);
    }

    proptest! {
        #[test]
        fn missing_samples_are_zero(
            samples in prop::collection::vec(1..1000u64, 0..60),
            missing in 0..200usize,
        ) {
            let mut all = samples.clone();
            all.resize(samples.len() + missing, 0);
            prop_assume!(!all.is_empty());
            all.sort_unstable();
            let place = (all.len() * 95).div_ceil(100) - 1;
            let count = u64::try_from(all.len()).expect("small");
            prop_assert_eq!(percentile_95(samples, count), all[place]);
        }
    }
}
