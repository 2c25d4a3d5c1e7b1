//! The present counts of one circuit.

use std::collections::HashMap;

use edge_common::abi::counters::Counted;

use super::super::{
    engine::running::Running,
    policers::{is_purchased, peaks_bps},
};
use crate::{
    daemon::error::Result,
    model::Direction,
    plan::{AttachmentPlan, PolicerKey},
};

/// Where a circuit was found last, in the configuration and among attachments.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct CircuitPlace {
    circuit: usize,
    attachment: usize,
}

/// A circuit's counts at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CircuitCounts {
    /// Counts of one generation of tables go on; those of another begin anew.
    pub(super) generation: u64,
    /// Inbound and outbound.
    pub(super) ways: [WayCounts; 2],
}

/// Counts of one direction since the tables were made, and the peak since the last look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct WayCounts {
    /// Frames and bytes.
    pub(super) delivered: (u64, u64),
    pub(super) dropped: (u64, u64),
    pub(super) peak_1ms_bps: u64,
}

/// Reads a circuit; `None`: there is none of this name.
pub(super) fn read(
    running: &Running,
    name: &str,
    place: &mut CircuitPlace,
) -> Result<Option<CircuitCounts>> {
    let Some(attachments) = find(running, name, place) else { return Ok(None) };
    let own = || attachments.iter().filter(|own| own.key.is_billed());
    let slots = |own: &AttachmentPlan| {
        let before: Vec<u32> = own.predecessors.iter().map(|(index, _)| *index).collect();
        std::iter::once(own.index).chain(before)
    };
    let mut indices: Vec<u32> = own().flat_map(slots).collect();
    indices.sort_unstable();
    indices.dedup();
    let counted = running.set.tables.all_counted(&indices)?;
    let counted: HashMap<u32, Counted> = indices.into_iter().zip(counted).collect();
    let mut counts = CircuitCounts { generation: running.generation, ..CircuitCounts::default() };
    for own in own() {
        let way = &mut counts.ways[way(own.key.direction)];
        slots(own).filter_map(|index| counted.get(&index)).for_each(|counted| way.add(counted));
    }
    let bandwidth_bps = running.config.circuits[place.circuit].bandwidth_bps;
    let policers = running.installed.plan.policers.range(PolicerKey::first_of(name)..);
    let policers = policers.take_while(|(key, _)| key.circuit == name);
    for (key, claim) in policers.filter(|(key, _)| is_purchased(key)) {
        let ticks = running.peaks.take(&running.set.tables, claim.index);
        let [peak_1ms_bps, _] = peaks_bps(ticks, bandwidth_bps);
        let way = &mut counts.ways[way(key.direction)];
        way.peak_1ms_bps = way.peak_1ms_bps.max(peak_1ms_bps);
    }
    Ok(Some(counts))
}

/// The circuit's attachments. Its place is looked for only where it is another one than before.
fn find<'r>(
    running: &'r Running,
    name: &str,
    place: &mut CircuitPlace,
) -> Option<&'r [AttachmentPlan]> {
    let circuits = &running.config.circuits;
    if circuits.get(place.circuit).is_none_or(|circuit| circuit.name != name) {
        place.circuit = circuits.iter().position(|circuit| circuit.name == name)?;
    }
    let all = &running.installed.plan.attachments;
    let is_own = |index: usize| all.get(index).is_some_and(|own| own.key.circuit == name);
    let is_first = place.attachment.checked_sub(1).is_none_or(|before| !is_own(before));
    if !is_first || !is_own(place.attachment) {
        let first = all.iter().position(|own| own.key.circuit == name);
        place.attachment = first.unwrap_or(all.len());
    }
    let rest = all.get(place.attachment..).unwrap_or_default();
    let len = rest.iter().position(|own| own.key.circuit != name).unwrap_or(rest.len());
    Some(&rest[..len])
}

fn way(direction: Direction) -> usize {
    match direction {
        Direction::Inbound => 0,
        Direction::Outbound => 1,
    }
}

impl WayCounts {
    fn add(&mut self, Counted { meter, losses }: &Counted) {
        for (counted, lost) in meter.classes.iter().zip(&losses.classes) {
            self.delivered.0 += counted.forwarded_frames.saturating_sub(lost.refused_frames);
            self.delivered.1 += counted.forwarded_bytes.saturating_sub(lost.refused_bytes);
            self.dropped.0 += counted.dropped_frames + lost.refused_frames;
            self.dropped.1 += counted.dropped_bytes + lost.refused_bytes;
        }
        for lost in &losses.reasons {
            self.dropped.0 += lost.frames;
            self.dropped.1 += lost.bytes;
        }
    }
}
