//! Drops by circuit, direction, link, class and reason, and the samples in which they were.

use std::collections::BTreeMap;

use edge_api::{DropInterval, DropSum, Drops};
use jiff::Timestamp;
use rusqlite::Connection;

use super::{
    Ledger, LedgerError, column,
    error::Fault,
    open,
    outcome_rows::Amount,
    outcome_samples::{OutcomeReader, OutcomeSample, Which},
    sampled::{self, Sampled},
    split::SAMPLE_S,
};

/// Samples that are told of all circuits together.
const WORST: usize = 20;

/// The drops that are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DropsQuery {
    /// Of this edge only.
    pub edge: Option<String>,
    /// Of the circuit only that has, or had, this name.
    pub circuit: Option<String>,
    /// Of samples that start at this moment or later.
    pub from: Option<Timestamp>,
    /// Of samples that start before this moment.
    pub to: Option<Timestamp>,
}

impl Ledger {
    /// Drops, in order of edge and circuit. With a circuit's name come all of its samples, else the worst of all.
    pub fn drops(&self, query: &DropsQuery) -> Result<Drops, LedgerError> {
        drops(&self.connection, query).map_err(|fault| fault.at(&self.path))
    }
}

fn drops(connection: &Connection, query: &DropsQuery) -> Result<Drops, Fault> {
    let start_s = query.from.map_or(i64::MIN, column::second_from);
    let end_s = query.to.map_or(i64::MAX, column::second_from);
    let transaction = open::read(connection)?;
    let edge = query.edge.as_deref();
    let (mut circuits, which) = match &query.circuit {
        Some(name) => (sampled::named(&transaction, edge, name)?, Which::All),
        None => (sampled::circuits(&transaction, edge, (start_s, end_s))?, Which::Drops),
    };
    circuits.sort_by(|one, other| (&one.edge, &one.circuit).cmp(&(&other.edge, &other.circuit)));
    let reader = OutcomeReader::new(&transaction, which)?;
    let mut all = Drops::default();
    let mut worst = Vec::new();
    for circuit in &circuits {
        let found = CircuitDrops::of(&reader, circuit, (start_s, end_s))?;
        all.drops.extend(found.sums(circuit));
        if which == Which::All {
            all.intervals.extend(found.intervals(circuit));
            continue;
        }
        let samples = found.intervals.into_iter();
        worst.extend(samples.map(|(place, (_, dropped))| (dropped.bytes, circuit, place)));
        if worst.len() > 50 * WORST {
            keep_worst(&mut worst);
        }
    }
    keep_worst(&mut worst);
    let reader = OutcomeReader::new(&transaction, Which::All)?;
    for (_, circuit, place) in worst {
        let mut found =
            CircuitDrops::of(&reader, circuit, (place.0, place.0.saturating_add(SAMPLE_S)))?;
        found.intervals.retain(|other, _| *other == place);
        all.intervals.extend(found.intervals(circuit));
    }
    Ok(all)
}

fn keep_worst<T>(worst: &mut Vec<(u64, &Sampled, T)>) {
    worst.sort_by_key(|(dropped_bytes, ..)| std::cmp::Reverse(*dropped_bytes));
    worst.truncate(WORST);
}

/// Whether outbound, and the link.
type LinkWay = (bool, String);

/// The samples of a circuit.
#[derive(Default)]
struct CircuitDrops {
    /// By way, class and reason.
    sums: BTreeMap<(LinkWay, Option<String>, String), Amount>,
    /// Delivered and dropped frames, by start and way.
    intervals: BTreeMap<(i64, LinkWay), (Amount, Amount)>,
}

impl CircuitDrops {
    fn of(
        reader: &OutcomeReader<'_>,
        circuit: &Sampled,
        span_s: (i64, i64),
    ) -> Result<Self, Fault> {
        let mut found = Self::default();
        reader.each(circuit, span_s, |sample| found.add(&sample))?;
        Ok(found)
    }

    fn add(&mut self, OutcomeSample { outcome, start_s, amount }: &OutcomeSample<'_>) {
        let way = || (outcome.is_outbound, outcome.link.clone());
        let interval = self.intervals.entry((*start_s, way())).or_default();
        let Some(reason) = &outcome.reason else { return interval.0.add(amount) };
        interval.1.add(amount);
        let place = (way(), outcome.class.clone(), reason.clone());
        self.sums.entry(place).or_default().add(amount);
    }

    fn sums<'f>(&'f self, circuit: &'f Sampled) -> impl Iterator<Item = DropSum> + 'f {
        self.sums.iter().map(|(((is_outbound, link), class, reason), amount)| DropSum {
            edge: circuit.edge.clone(),
            circuit: circuit.circuit.clone(),
            direction: direction(*is_outbound).to_owned(),
            link: link.clone(),
            class: class.clone(),
            reason: reason.clone(),
            frames: amount.frames,
            bytes: amount.bytes,
        })
    }

    fn intervals<'f>(&'f self, circuit: &'f Sampled) -> impl Iterator<Item = DropInterval> + 'f {
        self.intervals.iter().map(|((start_s, (is_outbound, link)), (delivered, dropped))| {
            DropInterval {
                edge: circuit.edge.clone(),
                circuit: circuit.circuit.clone(),
                direction: direction(*is_outbound).to_owned(),
                link: link.clone(),
                start: column::from_seconds(*start_s),
                end: column::from_seconds(start_s.saturating_add(SAMPLE_S)),
                delivered_frames: delivered.frames,
                delivered_bytes: delivered.bytes,
                dropped_frames: dropped.frames,
                dropped_bytes: dropped.bytes,
                peak_1ms_bps: delivered.peaks_bps.map(|peaks| peaks[0]),
                peak_100ms_bps: delivered.peaks_bps.map(|peaks| peaks[1]),
            }
        })
    }
}

fn direction(is_outbound: bool) -> &'static str {
    if is_outbound { "outbound" } else { "inbound" }
}
