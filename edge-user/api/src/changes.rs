//! The changes that another configuration makes to the one that runs.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The changes that another configuration would make, or has made. `edge diff --json` prints this document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigChanges {
    /// Digest of the configuration before.
    pub from: String,
    /// Digest of the other one. Two files that mean the same have the same.
    pub to: String,
    /// The changes; those of one thing are together.
    pub changes: Vec<ConfigChange>,
    /// The reason why a running daemon can't take the other configuration; null: it can, as far as can be told without
    /// trying.
    pub refused: Option<String>,
}

/// The change of one thing of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfigChange {
    /// The kind of thing.
    pub thing: ConfigThing,
    /// Its name: `contoso`, `contoso/private`, `gold/voice`, or a table as the file spells it.
    pub name: String,
    /// The change.
    pub change: ChangeKind,
    /// Its name before, where it is renamed: a circuit with the same service key.
    #[serde(default)]
    pub name_before: Option<String>,
    /// The keys whose values change, as the file spells them.
    pub values: Vec<ChangedValue>,
    /// The traffic of a circuit, a peering or a port that goes away or changes, at this moment.
    #[serde(default)]
    pub traffic: Option<TrafficNow>,
}

/// Kinds of things that a configuration has.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigThing {
    /// A circuit.
    Circuit,
    /// A peering of a circuit.
    Peering,
    /// A circuit's link to a virtual network.
    VnetLink,
    /// A port.
    Port,
    /// A class of a `QoS` profile.
    Class,
    /// Prices of a zone.
    Prices,
    /// A region of a cloud.
    Region,
    /// A location of circuits.
    Location,
    /// A provider.
    Provider,
    /// A public service, in a region or everywhere.
    Service,
    /// An export of the ledger's records.
    Export,
    /// A table of settings.
    Settings,
}

/// Kinds of changes.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// It goes away.
    Removed,
    /// It has another name, and perhaps other values.
    Renamed,
    /// It has other values.
    Changed,
    /// It is new.
    Added,
}

/// A value of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChangedValue {
    /// The key.
    pub key: String,
    /// Its value before; null: it had none.
    pub before: Option<String>,
    /// Its value after; null: it has none.
    pub after: Option<String>,
}

/// Traffic at one moment, in both directions and on all links together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrafficNow {
    /// Forwarded frames per second; of a port, those received.
    pub frames_per_s: u64,
    /// Their bits per second, by the circuit's accounting; of a port, without preamble and frame check sequence.
    pub bits_per_s: u64,
}

/// A configuration was applied, and is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Applied {
    /// The changes.
    pub changes: ConfigChanges,
    /// The daemon's file, which has it now; null: somebody has edited it, and it stays so.
    #[schema(value_type = Option<String>)]
    pub saved_to: Option<PathBuf>,
    /// The time until which somebody has to confirm it; null: nobody has to.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub confirm_by: Option<Timestamp>,
    /// Warnings for an operator: ports that wait for their interface.
    pub warnings: Vec<String>,
}

impl TrafficNow {
    /// Whether there is none.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.frames_per_s == 0
    }
}

impl ConfigChange {
    /// Whether traffic that flows now would end, as far as the change itself tells.
    #[must_use]
    pub fn ends_traffic(&self) -> bool {
        let disables = |value: &ChangedValue| {
            value.key == "enabled" && value.after.as_deref() == Some("false")
        };
        let is_gone = self.change == ChangeKind::Removed || self.values.iter().any(disables);
        is_gone && self.traffic.is_some_and(|traffic| !traffic.is_none())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        let json = r#"{"changes":{"from":"aa","to":"bb","changes":[{"thing":"circuit","name":"contoso","change":"changed","name_before":null,"values":[{"key":"bandwidth","before":"1 Gbps","after":"2 Gbps"},{"key":"zone","before":null,"after":"1"}],"traffic":{"frames_per_s":10,"bits_per_s":9000}}],"refused":null},"saved_to":"/etc/edge/edge.toml","confirm_by":"2026-01-01T00:10:00Z","warnings":[]}"#;
        let applied: Applied = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&applied).unwrap(), json);
        assert_eq!(serde_json::to_string(&ConfigThing::VnetLink).unwrap(), "\"vnet-link\"");
    }

    #[test]
    fn traffic_ends_where_its_circuit_goes_or_is_disabled() {
        let change = |change, after: &str, frames_per_s| ConfigChange {
            thing: ConfigThing::Circuit,
            name: "contoso".into(),
            change,
            name_before: None,
            values: vec![ChangedValue {
                key: "enabled".into(),
                before: None,
                after: Some(after.into()),
            }],
            traffic: Some(TrafficNow { frames_per_s, bits_per_s: 0 }),
        };
        assert!(change(ChangeKind::Removed, "true", 1).ends_traffic());
        assert!(change(ChangeKind::Changed, "false", 1).ends_traffic());
        assert!(!change(ChangeKind::Changed, "false", 0).ends_traffic());
        assert!(!change(ChangeKind::Changed, "true", 1).ends_traffic());
    }
}
