//! Something that has happened, before it has a number and a time.

use edge_api::{Condition, EdgeEvent, EventKind};
use serde_json::Value;

use crate::time;

/// Most characters of a sentence: others can put much text into one, as into the message of a change.
const SENTENCE_CHARS: usize = 1_000;
/// Most bytes of details.
const DETAILS_BYTES: usize = 4_096;

/// An event to come.
#[derive(Clone, Debug)]
pub(in crate::daemon) struct Happened {
    pub(super) kind: EventKind,
    port: Option<String>,
    circuit: Option<String>,
    export: Option<String>,
    sentence: String,
    details: Value,
}

impl Happened {
    /// To the edge as a whole.
    pub(in crate::daemon) fn new(kind: EventKind, sentence: impl Into<String>) -> Self {
        let (port, circuit, export) = (None, None, None);
        Self { kind, port, circuit, export, sentence: sentence.into(), details: Value::Null }
    }

    /// To this port.
    pub(in crate::daemon) fn of_port(port: &str, sentence: impl Into<String>) -> Self {
        Self { port: Some(port.to_owned()), ..Self::new(EventKind::Port, sentence) }
    }

    /// To this circuit.
    pub(in crate::daemon) fn of_circuit(
        kind: EventKind,
        circuit: &str,
        sentence: impl Into<String>,
    ) -> Self {
        Self { circuit: Some(circuit.to_owned()), ..Self::new(kind, sentence) }
    }

    /// To a condition.
    pub(in crate::daemon) fn of_condition(
        kind: EventKind,
        condition: &Condition,
        sentence: String,
    ) -> Self {
        let Condition { port, circuit, export, .. } = condition.clone();
        let happened = Self { port, circuit, export, ..Self::new(kind, sentence) };
        happened.with(serde_json::to_value(condition).unwrap_or_default())
    }

    /// With these details.
    pub(in crate::daemon) fn with(self, details: Value) -> Self {
        Self { details, ..self }
    }

    /// The event, now.
    pub(super) fn event(self, id: String) -> EdgeEvent {
        let Self { kind, port, circuit, export, mut sentence, mut details } = self;
        if let Some((end, _)) = sentence.char_indices().nth(SENTENCE_CHARS) {
            sentence.truncate(end);
            sentence.push('…');
        }
        if details.to_string().len() > DETAILS_BYTES {
            details = Value::Null;
        }
        EdgeEvent { id, at: time::wall(), kind, port, circuit, export, sentence, details }
    }
}
