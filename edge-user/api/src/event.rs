//! Events: changes of the edge, each once.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something that has happened to the edge. `GET /v1/events` sends it as the data of an event, whose `id` and `event` are its
/// `id` and its `kind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EdgeEvent {
    /// Its place: the daemon's start, a hyphen, and a number that grows by one with each event.
    pub id: String,
    /// Its time, by the wall clock as it was then.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Its kind.
    pub kind: EventKind,
    /// The port that it is about; null: no port.
    pub port: Option<String>,
    /// The circuit that it is about; null: no circuit.
    pub circuit: Option<String>,
    /// The export that it is about; null: no export.
    pub export: Option<String>,
    /// One sentence.
    pub sentence: String,
    /// More about it, by its kind: a condition as in the status, or what is known of a change.
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
}

/// Kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EventKind {
    /// A daemon has started.
    Start,
    /// `edge reload`, or SIGHUP, has brought another configuration.
    Reload,
    /// `edge apply` has.
    Apply,
    /// `edge rollback` has.
    Rollback,
    /// Nobody has confirmed a change, and the daemon has taken it back.
    Deadline,
    /// Somebody has confirmed the change that waited.
    Confirmed,
    /// A circuit has another bandwidth, by `edge set-bandwidth` or as the time of one is over.
    SetBandwidth,
    /// A circuit's link is out of use, or in use again, by `edge drain` and `edge undrain`.
    Drain,
    /// A port, its interface or its link has changed.
    Port,
    /// A condition has begun.
    ConditionBegan,
    /// A condition is over.
    ConditionEnded,
    /// A circuit has been over its rate for five minutes.
    OverRateForLong,
    /// Events are missing here: they are not kept any more, or came before another daemon's start.
    Gap,
    /// One that a later version knows.
    #[serde(other)]
    Other,
}

impl EventKind {
    /// The spelling of documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Reload => "reload",
            Self::Apply => "apply",
            Self::Rollback => "rollback",
            Self::Deadline => "deadline",
            Self::Confirmed => "confirmed",
            Self::SetBandwidth => "set-bandwidth",
            Self::Drain => "drain",
            Self::Port => "port",
            Self::ConditionBegan => "condition-began",
            Self::ConditionEnded => "condition-ended",
            Self::OverRateForLong => "over-rate-for-long",
            Self::Gap => "gap",
            Self::Other => "other",
        }
    }
}

impl EdgeEvent {
    /// The subject as words before the sentence, such as `port customer0`; empty: the edge as a whole.
    #[must_use]
    pub fn subject(&self) -> String {
        crate::condition::subject([
            ("port", &self.port),
            ("circuit", &self.circuit),
            ("export", &self.export),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        let json = r#"{"id":"0f-7","at":"2026-01-01T00:00:00Z","kind":"condition-began","port":"customer0","circuit":null,"export":null,"sentence":"eth1 is down","details":{"kind":"port-dead"}}"#;
        let event: EdgeEvent = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&event).unwrap(), json);
        assert_eq!(
            (event.subject().as_str(), event.kind.as_str()),
            ("port customer0", "condition-began")
        );
        assert_eq!(serde_json::from_str::<EventKind>("\"sold\"").unwrap(), EventKind::Other);
    }
}
