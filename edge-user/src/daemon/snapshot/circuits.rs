//! Circuits in a snapshot, some at a time.

use std::collections::{BTreeMap, HashMap};

use edge_api::{CircuitStatus, ClassStatus, Counters, Dropped, PeeringStatus};
use edge_common::{
    Reason,
    abi::counters::{ClassCounters, ClassLosses, Counted, LOSS_REASONS},
};

use super::super::{circuit_buckets, engine::running::Running};
use crate::{config::Circuit, daemon::error::Result, kernel::BesideOurs, plan::AttachmentPlan};

/// The next circuit, and the first attachment that belongs to it or to a later one. Both follow the
/// configuration's order.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    circuit: usize,
    attachment: usize,
}

/// Up to `most` circuits from `place` on, which moves behind them. None are left where it is empty.
pub(super) fn next(
    running: &Running,
    beside: &BesideOurs,
    place: &mut Cursor,
    most: usize,
) -> Result<Vec<CircuitStatus>> {
    let circuits = running.config.circuits.get(place.circuit..).unwrap_or_default();
    let circuits = &circuits[..most.min(circuits.len())];
    let plan = &running.installed.plan;
    let mut rest = plan.attachments.get(place.attachment..).unwrap_or_default();
    let by_circuit: Vec<(&Circuit, &[AttachmentPlan])> = circuits
        .iter()
        .map(|circuit| {
            let is_other = |own: &AttachmentPlan| own.key.circuit != circuit.name;
            let len = rest.iter().position(is_other).unwrap_or(rest.len());
            let own;
            (own, rest) = rest.split_at(len);
            (circuit, own)
        })
        .collect();
    let counted = counted(running, by_circuit.iter().flat_map(|(_, own)| *own))?;
    let states = circuit_buckets::states(running, circuits)?;
    let read = by_circuit.iter().map(|(circuit, attachments)| CircuitStatus {
        name: circuit.name.clone(),
        bandwidth_bps: circuit.bandwidth_bps,
        enabled: circuit.enabled,
        provisioning: circuit.provisioning.title().to_owned(),
        peerings: attachments
            .iter()
            .filter(|own| own.key.is_billed())
            .map(|own| peering(own, &counted, beside))
            .collect(),
        policers: circuit_buckets::buckets(running, circuit, &states),
    });
    let read: Vec<_> = read.collect();
    place.circuit += circuits.len();
    place.attachment += by_circuit.iter().map(|(_, own)| own.len()).sum::<usize>();
    Ok(read)
}

/// Counters by slot. Slots that lie beside each other are read together.
fn counted<'p>(
    running: &Running,
    attachments: impl Iterator<Item = &'p AttachmentPlan>,
) -> Result<HashMap<u32, Counted>> {
    let slots = attachments
        .flat_map(|own| own.predecessors.iter().map(|(index, _)| *index).chain([own.index]));
    let mut slots: Vec<u32> = slots.collect();
    slots.sort_unstable();
    slots.dedup();
    let counted = running.set.tables.all_counted(&slots)?;
    Ok(slots.into_iter().zip(counted).collect())
}

fn peering(
    attachment: &AttachmentPlan,
    counted: &HashMap<u32, Counted>,
    beside: &BesideOurs,
) -> PeeringStatus {
    let mut classes: Vec<ClassStatus> = Vec::new();
    let mut drops: BTreeMap<String, Dropped> = BTreeMap::new();
    let mut drop = |reason: Reason, frames: u64, bytes: u64| {
        if frames > 0 {
            let dropped = drops.entry(reason.as_str().to_owned()).or_default();
            dropped.frames += frames;
            dropped.bytes += bytes;
        }
    };
    let own = (attachment.index, &attachment.key.classes);
    let before = attachment.predecessors.iter().map(|(index, classes)| (*index, classes));
    let ours = std::iter::once(own).chain(before);
    let ours = ours.filter_map(|(index, names)| Some((names, *counted.get(&index)?)));
    let place = attachment.key.place();
    let beside = beside.owners.get(&attachment.key.circuit).into_iter().flatten();
    let beside = beside.filter(|(key, _)| key.place() == place);
    let beside = beside.map(|(key, counted)| (&key.classes, *counted));
    for (names, Counted { meter, losses }) in ours.chain(beside) {
        for (reason, lost) in LOSS_REASONS.into_iter().zip(&losses.reasons) {
            drop(reason, lost.frames, lost.bytes);
        }
        let counters = meter.classes.iter().zip(&losses.classes);
        for (name, (counted, lost)) in names.iter().zip(counters) {
            let place = classes.iter().position(|class| class.class == *name);
            let place = place.unwrap_or_else(|| {
                let counters = Counters::default();
                classes.push(ClassStatus { class: name.clone(), counters });
                classes.len() - 1
            });
            add(&mut classes[place].counters, counted, lost);
        }
    }
    let mut total = Counters::default();
    for ClassStatus { counters, .. } in &classes {
        total.forwarded_frames += counters.forwarded_frames;
        total.forwarded_bytes += counters.forwarded_bytes;
        total.dropped_frames += counters.dropped_frames;
        total.dropped_bytes += counters.dropped_bytes;
        total.refused_frames += counters.refused_frames;
        total.refused_bytes += counters.refused_bytes;
    }
    drop(Reason::OverRate, total.dropped_frames, total.dropped_bytes);
    drop(Reason::EgressRefused, total.refused_frames, total.refused_bytes);
    PeeringStatus {
        kind: attachment.key.peering.as_str().to_owned(),
        port: attachment.key.port.clone(),
        link: attachment.key.link.as_str().to_owned(),
        direction: attachment.key.direction.as_str().to_owned(),
        total,
        drops,
        classes,
    }
}

fn add(counters: &mut Counters, counted: &ClassCounters, lost: &ClassLosses) {
    counters.forwarded_frames += counted.forwarded_frames.saturating_sub(lost.refused_frames);
    counters.forwarded_bytes += counted.forwarded_bytes.saturating_sub(lost.refused_bytes);
    counters.refused_frames += lost.refused_frames;
    counters.refused_bytes += lost.refused_bytes;
    counters.dropped_frames += counted.dropped_frames;
    counters.dropped_bytes += counted.dropped_bytes;
}
