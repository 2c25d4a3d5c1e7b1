//! The samples of a circuit, and the time in which it existed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    CircuitIdentity, Identities, TermsSpan, billing::terms_around, column, error::Fault,
    split::SAMPLE_S, terms,
};

const SAMPLE_US: i64 = SAMPLE_S * 1_000_000;

/// A circuit that has samples, or could have.
#[derive(Debug, Default)]
pub(super) struct Sampled {
    /// The edge's last name, and the circuit's.
    pub(super) edge: String,
    pub(super) circuit: String,
    /// All names that it has had.
    pub(super) names: BTreeSet<String>,
    /// The time of the last of them.
    named_s: Option<i64>,
    /// Its samples.
    pub(super) parts: Vec<SampledStretch>,
    /// Start of the first and end of the last sample of each time that it existed. These may
    /// overlap.
    pub(super) existed_s: Vec<(i64, i64)>,
}

/// Samples of one meter that start in a stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SampledStretch {
    pub(super) meter: i64,
    pub(super) is_outbound: bool,
    pub(super) from_s: i64,
    pub(super) to_s: i64,
}

/// The circuit whose samples are counted together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group<'a> {
    /// Those of a circuit whose terms are known.
    Sold(CircuitIdentity<'a>),
    /// Those of a name of an edge that has noted no terms here.
    Metered(&'a str, &'a str),
}

struct SampledMeter {
    id: i64,
    edge: String,
    circuit: String,
    is_outbound: bool,
    /// The start of its first sample, or the earliest time, where some have expired.
    first_s: Option<i64>,
}

/// Circuits with meters, of one edge's name or of all, that may have samples in a stretch of time.
pub(super) fn circuits(
    connection: &Connection,
    edge: Option<&str>,
    (start_s, end_s): (i64, i64),
) -> Result<Vec<Sampled>, Fault> {
    let (start, end) = (column::from_seconds(start_s), column::from_seconds(end_s));
    let mut spans = terms_around(connection, start, end)?;
    spans.retain(|span| edge.is_none_or(|edge| span.terms.edge == edge));
    Ok(grouped(&spans, &meters(connection, edge, None)?))
}

/// The accounts that have, or had, a name.
pub(super) fn named(
    connection: &Connection,
    edge: Option<&str>,
    name: &str,
) -> Result<Vec<Sampled>, Fault> {
    let (mut spans, mut found) = (Vec::new(), Vec::new());
    for name in names_of(connection, name)? {
        spans.extend(terms_of(connection, edge, &name)?);
        found.extend(meters(connection, edge, Some(&name))?);
    }
    // As they are in the ledger: by edge, circuit and time.
    spans.sort_by(|one, other| {
        let order =
            |span: &TermsSpan| (span.terms.edge.clone(), span.terms.circuit.clone(), span.from);
        order(one).cmp(&order(other))
    });
    let mut circuits = grouped(&spans, &found);
    circuits.retain(|circuit| circuit.names.contains(name));
    Ok(circuits)
}

/// The stretches with another one added: those that touch become one, and all are in order.
pub(super) fn union(
    mut stretches: Vec<(i64, i64)>,
    (start_s, end_s): (i64, i64),
) -> Vec<(i64, i64)> {
    stretches.sort_unstable();
    let mut union: Vec<(i64, i64)> = Vec::new();
    for (from_s, to_s) in stretches {
        let (from_s, to_s) = (from_s.max(start_s), to_s.min(end_s));
        if from_s >= to_s {
            continue;
        }
        match union.last_mut() {
            Some(last) if from_s <= last.1 => last.1 = last.1.max(to_s),
            _ => union.push((from_s, to_s)),
        }
    }
    union
}

/// The circuits that these meters are of, by terms in order of edge, circuit and time.
fn grouped(spans: &[TermsSpan], meters: &[SampledMeter]) -> Vec<Sampled> {
    let identities = Identities::new(spans.iter().map(|span| (&span.terms, span.from, span.to)));
    let mut by_name: BTreeMap<(&str, &str), Vec<&TermsSpan>> = BTreeMap::new();
    for span in spans {
        by_name.entry((&span.terms.edge, &span.terms.circuit)).or_default().push(span);
    }
    let mut groups: BTreeMap<Group<'_>, Sampled> = BTreeMap::new();
    for meter in meters {
        let Some(spans) = by_name.get(&(meter.edge.as_str(), meter.circuit.as_str())) else {
            let group = groups.entry(Group::Metered(&meter.edge, &meter.circuit)).or_default();
            group.name(&meter.edge, &meter.circuit, i64::MIN);
            group.existed_s.extend(meter.first_s.map(|first_s| (first_s, i64::MAX)));
            group.parts.push(meter.part(i64::MIN, i64::MAX));
            continue;
        };
        // A sample belongs to the last terms that held before its end, or else to the first.
        let begins = spans.iter().map(|span| sample_start(span.from));
        let next_s: Vec<i64> = begins.skip(1).chain([i64::MAX]).collect();
        let mut from_s = i64::MIN;
        for (span, to_s) in spans.iter().zip(next_s) {
            let key = span.terms.service_key.as_deref();
            let group = groups.entry(Group::Sold(identities.of(&meter.circuit, key))).or_default();
            group.name(&meter.edge, &meter.circuit, sample_start(span.from));
            group.exists(span);
            group.has(meter.part(from_s, to_s));
            from_s = to_s;
        }
    }
    groups.into_values().collect()
}

impl Sampled {
    fn name(&mut self, edge: &str, circuit: &str, since_s: i64) {
        if !self.names.contains(circuit) {
            self.names.insert(circuit.to_owned());
        }
        if self.named_s.is_none_or(|named_s| named_s < since_s) {
            self.named_s = Some(since_s);
            edge.clone_into(&mut self.edge);
            circuit.clone_into(&mut self.circuit);
        }
    }

    fn exists(&mut self, span: &TermsSpan) {
        let from_s = sample_start(span.from);
        // The sample in which the terms end, unless they end with the sample before.
        let to_s = span.to.map_or(i64::MAX, |to| {
            -column::micros(to).saturating_neg().div_euclid(SAMPLE_US) * SAMPLE_S
        });
        match self.existed_s.last_mut() {
            // Thousands of changes make one stretch.
            Some(last) if last.0 <= from_s && from_s <= last.1 => last.1 = last.1.max(to_s),
            _ => self.existed_s.push((from_s, to_s)),
        }
    }

    fn has(&mut self, part: SampledStretch) {
        match self.parts.last_mut() {
            Some(last) if last.meter == part.meter && last.to_s == part.from_s => {
                last.to_s = part.to_s;
            }
            _ => self.parts.push(part),
        }
    }
}

impl SampledMeter {
    fn part(&self, from_s: i64, to_s: i64) -> SampledStretch {
        SampledStretch { meter: self.id, is_outbound: self.is_outbound, from_s, to_s }
    }
}

/// Start of the sample that a moment is in.
fn sample_start(moment: Timestamp) -> i64 {
    column::micros(moment).div_euclid(SAMPLE_US) * SAMPLE_S
}

/// A name, and the names that circuits with its service keys have or had.
fn names_of(connection: &Connection, name: &str) -> Result<BTreeSet<String>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT DISTINCT circuit FROM terms WHERE service_key IN (SELECT service_key FROM terms \
         WHERE circuit = ?1 AND service_key IS NOT NULL) UNION SELECT ?1",
    )?;
    let names = statement.query_map([name], |row| row.get(0))?;
    Ok(names.collect::<Result<_, _>>()?)
}

fn terms_of(
    connection: &Connection,
    edge: Option<&str>,
    circuit: &str,
) -> Result<Vec<TermsSpan>, Fault> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {} FROM terms WHERE circuit = ?1 AND (?2 IS NULL OR edge = ?2)",
        terms::COLUMNS
    ))?;
    let spans = statement.query_map(params![circuit, edge], terms::span)?;
    Ok(spans.collect::<Result<_, _>>()?)
}

fn meters(
    connection: &Connection,
    edge: Option<&str>,
    circuit: Option<&str>,
) -> Result<Vec<SampledMeter>, Fault> {
    let mut statement = connection.prepare_cached(
        "SELECT id, edge, circuit, direction = 'outbound', CASE WHEN expired_until_s IS NULL \
         THEN (SELECT min(start_s) FROM sample WHERE meter = meter.id) ELSE ?2 END \
         FROM meter WHERE (?1 IS NULL OR edge = ?1) AND (?3 IS NULL OR circuit = ?3) \
         ORDER BY edge, circuit, id",
    )?;
    let meters = statement.query_map(params![edge, i64::MIN, circuit], |row| {
        Ok(SampledMeter {
            id: row.get(0)?,
            edge: row.get(1)?,
            circuit: row.get(2)?,
            is_outbound: row.get(3)?,
            first_s: row.get(4)?,
        })
    })?;
    Ok(meters.collect::<Result<_, _>>()?)
}
