//! `edge why`: the state of one circuit in sentences, from what the daemon tells.
//!
//! ```text
//! documents of the API ─▶ course (figures of a direction) ─┐
//!                      └▶ outside (ports, tags)            ├─▶ sentences
//! ```

mod course;
mod outside;
mod sentences;
#[cfg(test)]
mod tests;

use edge_api::{CircuitHistory, Status, TrafficRates, Unmatched};
use jiff::Timestamp;
use serde::Serialize;

pub use self::course::{Course, DropCause, Lost, Worst};

/// The documents that an answer is made from.
#[derive(Clone, Debug)]
pub struct Facts {
    /// The status, with this circuit alone.
    pub status: Status,
    /// The circuit's history over the time that is asked about.
    pub history: CircuitHistory,
    /// The rates of the last second, with this circuit alone.
    pub rates: TrafficRates,
    /// Frames that no circuit claims.
    pub unmatched: Unmatched,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Why {
    /// The circuit's name.
    pub circuit: String,
    /// The beginning of the time that the figures are of.
    pub from: Timestamp,
    /// Its end.
    pub to: Timestamp,
    /// The purchased bandwidth in bit/s.
    pub bandwidth_bps: u64,
    /// From the customer.
    pub inbound: Course,
    /// To the customer.
    pub outbound: Course,
    /// The answer in sentences.
    pub sentences: Vec<String>,
}

impl Why {
    /// The answer from these facts; `None`: they have no circuit.
    #[must_use]
    pub fn from_facts(facts: &Facts) -> Option<Self> {
        let circuit = facts.status.circuits.first()?;
        let rates = facts.rates.circuits.first();
        let of = |direction| Course::new(direction, circuit, &facts.history);
        let mut why = Self {
            circuit: circuit.name.clone(),
            from: facts.history.from,
            to: facts.history.to,
            bandwidth_bps: circuit.bandwidth_bps,
            inbound: of("inbound"),
            outbound: of("outbound"),
            sentences: Vec::new(),
        };
        why.sentences = sentences::of_circuit(&why, circuit, rates);
        why.sentences.extend(outside::sentences(facts, circuit));
        Some(why)
    }
}
