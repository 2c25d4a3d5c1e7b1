//! The traffic of what a change concerns, from two looks at its counters.

use std::collections::BTreeMap;

use edge_api::{ChangeKind, ConfigChange, ConfigChanges, ConfigThing, Status, TrafficNow};

/// Whether a change concerns a thing that frames are counted for.
pub(super) fn has_traffic(change: &ConfigChange) -> bool {
    let is_counted =
        matches!(change.thing, ConfigThing::Circuit | ConfigThing::Peering | ConfigThing::Port);
    is_counted && change.change != ChangeKind::Added
}

/// Notes the traffic between two looks.
pub(super) fn note_traffic(changes: &mut ConfigChanges, before: &Status, after: &Status) {
    let ms = after.taken.duration_since(before.taken).as_millis();
    // Clocks that are set leave no time to speak of.
    let Some(ms) = u64::try_from(ms).ok().filter(|ms| *ms > 0) else { return };
    let per_s = |more: u64| u64::try_from(u128::from(more) * 1_000 / u128::from(ms)).unwrap_or(0);
    // A status has a circuit's peerings under the name that it has now.
    let renamed = |change: &ConfigChange| Some((change.name.clone(), change.name_before.clone()?));
    let renamed: BTreeMap<String, String> = changes.changes.iter().filter_map(renamed).collect();
    for change in changes.changes.iter_mut().filter(|change| has_traffic(change)) {
        let name = change.name_before.as_deref().unwrap_or(&change.name);
        let is_port = change.thing == ConfigThing::Port;
        let is_peering = change.thing == ConfigThing::Peering;
        let count = |status: &Status| {
            if is_port {
                of_port(status, name)
            } else if let Some((circuit, kind)) = name.rsplit_once('/').filter(|_| is_peering) {
                let circuit = renamed.get(circuit).map_or(circuit, |name| name.as_str());
                of_circuit(status, circuit, Some(kind))
            } else {
                of_circuit(status, name, None)
            }
        };
        let (Some(from), Some(to)) = (count(before), count(after)) else { continue };
        change.traffic = Some(TrafficNow {
            frames_per_s: per_s(to.0.saturating_sub(from.0)),
            bits_per_s: per_s(to.1.saturating_sub(from.1).saturating_mul(8)),
        });
    }
}

/// Frames and bytes that a port has received.
fn of_port(status: &Status, name: &str) -> Option<(u64, u64)> {
    let port = status.ports.iter().find(|port| port.name == name)?;
    Some((port.rx_frames, port.rx_bytes))
}

/// Frames and bytes that were forwarded for a circuit, or for one of its peerings.
fn of_circuit(status: &Status, name: &str, kind: Option<&str>) -> Option<(u64, u64)> {
    let circuit = status.circuits.iter().find(|circuit| circuit.name == name)?;
    let peerings = circuit.peerings.iter();
    let counts = peerings
        .filter(|peering| kind.is_none_or(|kind| peering.kind == kind))
        .map(|peering| (peering.total.forwarded_frames, peering.total.forwarded_bytes));
    Some(counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1)))
}

#[cfg(test)]
mod tests {
    use edge_api::{CircuitStatus, Counters, PeeringStatus};
    use jiff::{SignedDuration, Timestamp};

    use super::*;

    /// A circuit that had so many frames in its private peering, and none in the other one.
    fn status(circuit: &str, frames: u64, at_ms: i64) -> Status {
        let peering = |kind: &str, direction: &str, frames: u64| PeeringStatus {
            kind: kind.to_owned(),
            port: "p".to_owned(),
            link: "primary".to_owned(),
            direction: direction.to_owned(),
            total: Counters {
                forwarded_frames: frames,
                forwarded_bytes: frames * 100,
                ..Counters::default()
            },
            drops: BTreeMap::new(),
            classes: Vec::new(),
        };
        Status {
            edge: "e".to_owned(),
            uptime_s: 1.0,
            taken: Timestamp::UNIX_EPOCH + SignedDuration::from_millis(at_ms),
            ledger: edge_api::LedgerStatus::default(),
            watches_egress: true,
            ports: Vec::new(),
            circuits: vec![CircuitStatus {
                name: circuit.to_owned(),
                bandwidth_bps: 1,
                enabled: true,
                provisioning: "Provisioned".to_owned(),
                peerings: vec![
                    peering("private", "inbound", frames),
                    peering("private", "outbound", 2 * frames),
                    peering("public", "inbound", 0),
                ],
                policers: Vec::new(),
            }],
            sessions: edge_api::SessionCounts::default(),
            domains: Vec::new(),
            router_faults: Vec::new(),
            config: edge_api::ConfigStatus::default(),
            conditions: Vec::new(),
            conditions_left_out: 0,
        }
    }

    fn change(thing: ConfigThing, name: &str, name_before: Option<&str>) -> ConfigChange {
        ConfigChange {
            thing,
            name: name.to_owned(),
            change: ChangeKind::Changed,
            name_before: name_before.map(str::to_owned),
            values: Vec::new(),
            traffic: None,
        }
    }

    #[test]
    fn traffic_is_that_of_the_name_that_a_thing_has_now() {
        let (before, after) = (status("a/b", 100, 1_000), status("a/b", 600, 1_500));
        let mut changes = ConfigChanges {
            changes: vec![
                change(ConfigThing::Circuit, "new", Some("a/b")),
                change(ConfigThing::Peering, "new/private", None),
                change(ConfigThing::Peering, "new/public", None),
                change(ConfigThing::Circuit, "unknown", None),
                change(ConfigThing::Settings, "[edge]", None),
            ],
            ..ConfigChanges::default()
        };
        note_traffic(&mut changes, &before, &after);
        let traffic: Vec<_> = changes.changes.iter().map(|it| it.traffic).collect();
        let all = TrafficNow { frames_per_s: 3_000, bits_per_s: 2_400_000 };
        assert_eq!(traffic, [Some(all), Some(all), Some(TrafficNow::default()), None, None]);
        // A clock that was set back tells nothing.
        let mut changes = ConfigChanges {
            changes: vec![change(ConfigThing::Circuit, "a/b", None)],
            ..ConfigChanges::default()
        };
        note_traffic(&mut changes, &after, &before);
        assert_eq!(changes.changes[0].traffic, None);
    }
}
