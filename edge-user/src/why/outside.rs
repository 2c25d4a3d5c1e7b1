//! Faults outside the circuit: ports, cables, and frames whose tags are nearly the circuit's.

use std::collections::BTreeSet;

use edge_api::{CircuitStatus, UnmatchedFrames};
use jiff::Timestamp;

use super::Facts;
use crate::view::unmatched::{own_tags, with_tags};

/// Sentences about faults that are not of the circuit's traffic.
pub(super) fn sentences(facts: &Facts, circuit: &CircuitStatus) -> Vec<String> {
    let status = &facts.status;
    let names: BTreeSet<&str> = circuit.peerings.iter().map(|peering| &*peering.port).collect();
    let ports = status.ports.iter().filter(|port| names.contains(&*port.name));
    let faults = ports.flat_map(|port| {
        let fault = match &port.fault {
            Some(fault) => Some(format!("port {}: {fault}", port.name)),
            None if !port.passes_frames() => Some(format!("port {} passes no frames", port.name)),
            None => None,
        };
        let warnings = port.warnings.iter().map(|warning| format!("port {}: {warning}", port.name));
        fault.into_iter().chain(warnings)
    });
    let from = facts.history.from;
    let tags = facts.unmatched.unmatched.iter().filter(|frames| is_nearly(frames, circuit, from));
    let all: Vec<String> =
        faults.chain(tags.map(tags_text)).map(|fault| format!("Outside: {fault}.")).collect();
    if all.is_empty() {
        return vec![
            "Outside: its ports are up with a carrier, and no frames with tags that are nearly its own have come.".to_owned(),
        ];
    }
    all
}

/// Whether the frames came in that time, and have nearly the circuit's tags.
fn is_nearly(frames: &UnmatchedFrames, circuit: &CircuitStatus, from: Timestamp) -> bool {
    let is_its = frames.nearest.as_ref().is_some_and(|nearest| nearest.circuit == circuit.name);
    is_its && frames.last >= from
}

fn tags_text(frames: &UnmatchedFrames) -> String {
    let has = frames.nearest.as_ref().map_or_else(String::new, |nearest| {
        format!("; the circuit's {} peering has {}", nearest.peering, own_tags(nearest))
    });
    format!(
        "{} came to port {} up to {}, the last from {}, and belong to no circuit{has}",
        with_tags(frames),
        frames.port,
        frames.last,
        frames.src_mac
    )
}
