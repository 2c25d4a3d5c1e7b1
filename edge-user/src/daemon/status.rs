//! `edge status`: what was counted, by port, circuit, peering and class.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use edge_api::{
    CircuitStatus, ClassStatus, Counters, Dropped, LedgerStatus, PeeringStatus, PortStatus, Status,
};
use edge_common::{
    Reason,
    abi::counters::{ClassCounters, ClassLosses, Counted, LOSS_REASONS, PortCounters},
};

use super::{
    policers::{self, Peaks},
    ports::PortStates,
};
use crate::{
    config::Config,
    kernel::{AttachedMode, BesideOurs, KernelTables},
    plan::{AttachmentPlan, Plan},
    time,
};

/// Reads the state and the counters of everything configured.
pub(super) fn read_status(
    config: &Config,
    plan: &Plan,
    states: &PortStates,
    tables: &KernelTables,
    peaks: &Peaks,
    beside: &BesideOurs,
    (uptime, ledger, watches_egress): (Duration, LedgerStatus, bool),
) -> Result<Status> {
    let taken = time::wall();
    let ports = plan.ports.iter().map(|port| {
        let mut counters = tables.port_counters(port.index)?;
        let state = states.get(&port.name).cloned().unwrap_or_default();
        if let Some(others) = beside.ports.get(&port.name) {
            counters.add(&others.settled());
        }
        Ok(PortStatus {
            name: port.name.clone(),
            interface: state.interface,
            side: port.side.as_str().to_owned(),
            link: port.link.as_str().to_owned(),
            xdp_mode: state.mode.map_or("none", AttachedMode::as_str).to_owned(),
            fault: state.fault,
            rx_frames: counters.reasons.iter().map(|counter| counter.frames).sum(),
            rx_bytes: counters.reasons.iter().map(|counter| counter.bytes).sum(),
            reasons: reasons(&counters),
        })
    });
    let mut by_circuit: BTreeMap<&str, Vec<&AttachmentPlan>> = BTreeMap::new();
    for attachment in &plan.attachments {
        by_circuit.entry(&attachment.key.circuit).or_default().push(attachment);
    }
    let circuits = config.circuits.iter().map(|circuit| {
        let attachments = by_circuit.remove(circuit.name.as_str()).unwrap_or_default();
        let peerings =
            attachments.into_iter().map(|attachment| peering(attachment, tables, beside));
        Ok(CircuitStatus {
            name: circuit.name.clone(),
            bandwidth_bps: circuit.bandwidth_bps,
            enabled: circuit.enabled,
            peerings: peerings.collect::<Result<_>>()?,
            policers: policers::policers(config, circuit, plan, tables, peaks)?,
        })
    });
    Ok(Status {
        edge: config.edge.name.clone(),
        uptime_s: uptime.as_secs_f64(),
        taken,
        ledger,
        watches_egress,
        ports: ports.collect::<Result<_>>()?,
        circuits: circuits.collect::<Result<_>>()?,
    })
}

fn reasons(counters: &PortCounters) -> BTreeMap<String, u64> {
    let counted = Reason::ALL.iter().zip(&counters.reasons).filter(|(_, c)| c.frames != 0);
    counted.map(|(reason, counter)| (reason.as_str().to_owned(), counter.frames)).collect()
}

fn peering(
    attachment: &AttachmentPlan,
    tables: &KernelTables,
    beside: &BesideOurs,
) -> Result<PeeringStatus> {
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
    let ours = ours.map(|(index, names)| anyhow::Ok((names, tables.counted(index)?)));
    let place = attachment.key.place();
    let beside = beside.owners.get(&attachment.key.circuit).into_iter().flatten();
    let beside = beside.filter(|(key, _)| key.place() == place);
    let beside = beside.map(|(key, counted)| Ok((&key.classes, *counted)));
    for counted in ours.chain(beside) {
        let (names, Counted { meter, losses }) = counted?;
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
    Ok(PeeringStatus {
        kind: attachment.key.peering.as_str().to_owned(),
        port: attachment.key.port.clone(),
        link: attachment.key.link.as_str().to_owned(),
        direction: attachment.key.direction.as_str().to_owned(),
        total,
        drops,
        classes,
    })
}

fn add(counters: &mut Counters, counted: &ClassCounters, lost: &ClassLosses) {
    counters.forwarded_frames += counted.forwarded_frames.saturating_sub(lost.refused_frames);
    counters.forwarded_bytes += counted.forwarded_bytes.saturating_sub(lost.refused_bytes);
    counters.refused_frames += lost.refused_frames;
    counters.refused_bytes += lost.refused_bytes;
    counters.dropped_frames += counted.dropped_frames;
    counters.dropped_bytes += counted.dropped_bytes;
}
