//! Availability of routed peerings.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The availability of routed peerings in a month. `edge availability --format json` prints this document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Availability {
    /// The calendar month in UTC, such as `2026-01`.
    pub month: String,
    /// Its beginning.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// The end of the minutes that are counted: that of the month, or of the last minute that is over.
    #[schema(value_type = String, format = DateTime)]
    pub until: Timestamp,
    /// The routed peerings that there were, in the order of their names.
    pub peerings: Vec<PeeringAvailability>,
    /// Whether nothing of the month was deleted by age.
    pub is_complete: bool,
    /// Sentences for a reader of the figures.
    pub warnings: Vec<String>,
}

/// The minutes of a routed peering, each of them in one of five states.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeeringAvailability {
    /// The edge's name.
    pub edge: String,
    /// The circuit's name.
    pub circuit: String,
    /// `private`, `public` or `microsoft`.
    pub peering: String,
    /// Minutes in which each link that there was carried traffic.
    pub minutes_up: u64,
    /// Minutes in which one of two links did.
    pub minutes_degraded: u64,
    /// Minutes in which none did.
    pub minutes_down: u64,
    /// Minutes of which nobody knows.
    pub minutes_unknown: u64,
    /// Minutes in which a link was drained, or the circuit disabled.
    pub minutes_planned: u64,
    /// Percentage of the minutes up, degraded and down in which the peering was not down, with four decimals, rounded
    /// down; null: there is no such minute.
    pub availability_percent: Option<String>,
    /// The part of these minutes in which both links were configured and in use: an SLA is about it alone. 0: the peering
    /// has no SLA.
    pub sla_minutes: u64,
    /// The minutes of an SLA in which the peering was down.
    pub sla_minutes_down: u64,
    /// The percentage that is not, in the same way; null: the peering has no SLA.
    pub sla_percent: Option<String>,
    /// Its links.
    pub links: Vec<LinkAvailability>,
}

/// The time of a link of a routed peering in each state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkAvailability {
    /// `primary` or `secondary`.
    pub link: String,
    /// Seconds of these minutes in which it carried traffic.
    pub up_s: u64,
    /// Seconds in which it did not.
    pub down_s: u64,
    /// Seconds of which nobody knows.
    pub unknown_s: u64,
    /// Seconds in which it was drained, or its circuit disabled.
    pub planned_s: u64,
    /// The state at the beginning, and each change, up to now.
    pub changes: Vec<LinkTransition>,
}

/// The beginning of a link's state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkTransition {
    /// The beginning, or that of the month.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `up`, `down`, `planned`, `unknown`, or `absent`: the configuration has no such link.
    pub state: String,
    /// The reason: `up`, `removed`, `disabled`, `drained`, `carrier`, `session`, `bfd`, `neighbour` or `unseen`.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"month":"2026-01","from":"2026-01-01T00:00:00Z","until":
"2026-02-01T00:00:00Z","peerings":[{"edge":"edge-1","circuit":"contoso","peering":"private","minutes_up":
44600,"minutes_degraded":30,"minutes_down":2,"minutes_unknown":5,"minutes_planned":3,"availability_percent":
"99.9955","sla_minutes":44632,"sla_minutes_down":2,"sla_percent":"99.9955","links":[{"link":"primary","up_s":
2678000,"down_s":120,"unknown_s":200,"planned_s":80,"changes":[{"at":"2026-01-01T00:00:00Z","state":"up",
"reason":"up"}]}]}],"is_complete":true,"warnings":[]}"#;

    /// Names and order of fields are what programs rely on.
    #[test]
    fn the_json_is_pinned() {
        let document = DOCUMENT.replace('\n', "");
        let availability: Availability = serde_json::from_str(&document).unwrap();
        assert_eq!(serde_json::to_string(&availability).unwrap(), document);
    }
}
