//! A circuit's samples in steps, of five minutes or longer.

use std::collections::BTreeMap;

use edge_api::{CircuitHistory, DirectionTraffic, HistoryPoint, ReasonDrops};
use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::{
    Ledger, LedgerError,
    belief::SECOND_US,
    column, covered,
    error::Fault,
    open,
    outcome_rows::Amount,
    outcome_samples::{OutcomeReader, OutcomeSample, Which},
    sampled::{self, Sampled, union},
};

/// A circuit, and the steps that are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The edge's name. Where circuits of several edges have the name, it tells which.
    pub edge: String,
    /// The name that the circuit has, or had.
    pub circuit: String,
    /// The time that the first step is in.
    pub from: Timestamp,
    /// The end of the last step, or a time in it.
    pub to: Timestamp,
    /// Length of a step in seconds: five minutes or a multiple that divides a day.
    pub step_s: u32,
}

impl Ledger {
    /// The history of a circuit; `None`: the ledger knows none of this name.
    pub fn history(&self, query: &HistoryQuery) -> Result<Option<CircuitHistory>, LedgerError> {
        history(&self.connection, query).map_err(|fault| fault.at(&self.path))
    }
}

impl HistoryQuery {
    /// The answer where nothing was ever counted.
    #[must_use]
    pub fn nothing(self) -> CircuitHistory {
        let (start_s, end_s) = self.span_s();
        CircuitHistory {
            from: column::from_seconds(start_s),
            to: column::from_seconds(end_s),
            circuit: self.circuit,
            step_s: self.step_s.into(),
            expired_until: None,
            points: Vec::new(),
        }
    }

    /// The beginning of the first step, and the end of the last.
    fn span_s(&self) -> (i64, i64) {
        let step_s = i64::from(self.step_s);
        let number = |time_us: i64| time_us.div_euclid(step_s * SECOND_US);
        let first = number(column::micros(self.from));
        let next = -number(column::micros(self.to).saturating_neg());
        (first * step_s, next * step_s)
    }
}

fn history(connection: &Connection, query: &HistoryQuery) -> Result<Option<CircuitHistory>, Fault> {
    let step_s = i64::from(query.step_s);
    let span_s = query.span_s();
    let transaction = open::read(connection)?;
    let circuits = sampled::named(&transaction, None, &query.circuit)?;
    let is_nearest =
        |circuit: &Sampled| (circuit.edge == query.edge, circuit.circuit == query.circuit);
    let Some(circuit) = circuits.into_iter().max_by_key(is_nearest) else { return Ok(None) };
    let mut by_start: BTreeMap<i64, HistoryStep> = BTreeMap::new();
    OutcomeReader::new(&transaction, Which::All)?.each(&circuit, span_s, |sample| {
        let start_s = sample.start_s.div_euclid(step_s) * step_s;
        by_start.entry(start_s).or_default().add(&sample);
    })?;
    for (from_us, to_us) in covered_times(&transaction, &circuit, span_s)? {
        let mut at_us = from_us;
        while at_us < to_us {
            let start_s = at_us.div_euclid(step_s * SECOND_US) * step_s;
            let next_us = to_us.min((start_s + step_s) * SECOND_US);
            by_start.entry(start_s).or_default().covered_us += next_us - at_us;
            at_us = next_us;
        }
    }
    Ok(Some(CircuitHistory {
        expired_until: expired_until(&transaction, &circuit)?,
        points: by_start.into_iter().map(HistoryStep::point).collect(),
        ..query.clone().nothing()
    }))
}

/// The times in which the circuit existed and the meters were read as usual, in microseconds.
fn covered_times(
    connection: &Connection,
    circuit: &Sampled,
    span_s: (i64, i64),
) -> Result<Vec<(i64, i64)>, Fault> {
    let existed = union(circuit.existed_s.clone(), span_s);
    let mut times = Vec::new();
    for (from_us, to_us) in covered::within(connection, span_s)? {
        for (start_s, end_s) in &existed {
            let within = (from_us.max(start_s * SECOND_US), to_us.min(end_s * SECOND_US));
            times.extend((within.0 < within.1).then_some(within));
        }
    }
    Ok(times)
}

fn expired_until(connection: &Connection, circuit: &Sampled) -> Result<Option<Timestamp>, Fault> {
    let mut statement =
        connection.prepare_cached("SELECT expired_until_s FROM meter WHERE id = ?")?;
    let mut latest = None;
    for part in &circuit.parts {
        let until_s: Option<i64> = statement.query_row(params![part.meter], |row| row.get(0))?;
        latest = latest.max(until_s);
    }
    Ok(latest.map(column::from_seconds))
}

#[derive(Default)]
struct HistoryStep {
    covered_us: i64,
    /// Inbound and outbound.
    ways: [WayTraffic; 2],
}

#[derive(Default)]
struct WayTraffic {
    delivered: Amount,
    /// By reason and class.
    dropped: BTreeMap<(String, Option<String>), Amount>,
}

impl HistoryStep {
    fn add(&mut self, OutcomeSample { outcome, amount, .. }: &OutcomeSample<'_>) {
        let way = &mut self.ways[usize::from(outcome.is_outbound)];
        match &outcome.reason {
            None => way.delivered.add(amount),
            Some(reason) => {
                let place = (reason.clone(), outcome.class.clone());
                way.dropped.entry(place).or_default().add(amount);
            }
        }
    }

    fn point((start_s, step): (i64, Self)) -> HistoryPoint {
        let [inbound, outbound] = step.ways.map(WayTraffic::told);
        let covered_us = step.covered_us.unsigned_abs() + SECOND_US.unsigned_abs() / 2;
        HistoryPoint {
            start: column::from_seconds(start_s),
            covered_s: covered_us / SECOND_US.unsigned_abs(),
            inbound,
            outbound,
        }
    }
}

impl WayTraffic {
    fn told(self) -> DirectionTraffic {
        let mut sum = Amount::default();
        for amount in self.dropped.values() {
            sum.add(amount);
        }
        let drops = self.dropped.into_iter().map(|((reason, class), amount)| ReasonDrops {
            reason,
            class,
            frames: amount.frames,
            bytes: amount.bytes,
        });
        let [peak_1ms_bps, peak_100ms_bps] = self.delivered.peaks_bps.unwrap_or_default();
        DirectionTraffic {
            delivered_frames: self.delivered.frames,
            delivered_bytes: self.delivered.bytes,
            dropped_frames: sum.frames,
            dropped_bytes: sum.bytes,
            drops: drops.collect(),
            peak_1ms_bps,
            peak_100ms_bps,
        }
    }
}
