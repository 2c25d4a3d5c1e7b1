//! The traffic of what a change concerns, from two looks at its counters.

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
    for change in changes.changes.iter_mut().filter(|change| has_traffic(change)) {
        let name = change.name_before.as_deref().unwrap_or(&change.name);
        let is_port = change.thing == ConfigThing::Port;
        let count = |status: &Status| {
            if is_port { of_port(status, name) } else { of_circuit(status, name) }
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

/// Frames and bytes that were forwarded for a circuit, or for one of its peerings (`contoso/private`).
fn of_circuit(status: &Status, name: &str) -> Option<(u64, u64)> {
    let (name, kind) = name.split_once('/').map_or((name, None), |(name, kind)| (name, Some(kind)));
    let circuit = status.circuits.iter().find(|circuit| circuit.name == name)?;
    let peerings = circuit.peerings.iter();
    let counts = peerings
        .filter(|peering| kind.is_none_or(|kind| peering.kind == kind))
        .map(|peering| (peering.total.forwarded_frames, peering.total.forwarded_bytes));
    Some(counts.fold((0, 0), |sum, count| (sum.0 + count.0, sum.1 + count.1)))
}
