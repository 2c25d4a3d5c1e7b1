//! `edge status`: what was counted, by port, circuit, peering and class.

use std::{collections::BTreeMap, time::Duration};

use anyhow::Result;
use edge_common::{
    Reason,
    abi::counters::{ClassCounters, ClassLosses, Counted, LOSS_REASONS, PortCounters},
};
use serde::{Deserialize, Serialize};

use super::{
    ledger_status::LedgerStatus,
    policers::{self, Peaks, PolicerStatus},
    ports::PortStates,
};
use crate::{
    config::Config,
    kernel::{AttachedMode, BesideOurs, KernelTables},
    plan::{AttachmentPlan, Plan},
};

/// The document that `edge status --json` prints.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// The edge's name.
    pub edge: String,
    /// Seconds since the daemon's start.
    pub uptime_s: f64,
    /// The state of the books.
    pub ledger: LedgerStatus,
    /// Whether frames that a device refuses are told from those that have left.
    pub watches_egress: bool,
    /// Ports, in configuration order.
    pub ports: Vec<PortStatus>,
    /// Circuits, in configuration order.
    pub circuits: Vec<CircuitStatus>,
}

/// A port.
#[derive(Debug, Serialize, Deserialize)]
pub struct PortStatus {
    /// Its name.
    pub name: String,
    /// The name that its interface has now; that of the configuration, if it has none.
    pub interface: String,
    /// `customer` or `core`.
    pub side: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// `native` or `generic`, as the kernel has it at the moment; `none`: no program runs there.
    pub xdp_mode: String,
    /// The fault that keeps frames from it, or another name that its interface has now, if any.
    #[serde(default)]
    pub fault: Option<String>,
    /// Frames received.
    pub rx_frames: u64,
    /// Their bytes.
    pub rx_bytes: u64,
    /// Frames received by reason, those that occurred.
    pub reasons: BTreeMap<String, u64>,
}

/// A circuit.
#[derive(Debug, Serialize, Deserialize)]
pub struct CircuitStatus {
    /// Its name.
    pub name: String,
    /// Its purchased bandwidth in bit/s.
    pub bandwidth_bps: u64,
    /// Whether its frames pass.
    pub enabled: bool,
    /// Its peerings, on each of its ports.
    pub peerings: Vec<PeeringStatus>,
    /// Its buckets.
    pub policers: Vec<PolicerStatus>,
}

/// A peering of a circuit on a port.
#[derive(Debug, Serialize, Deserialize)]
pub struct PeeringStatus {
    /// `private`, `public` or `microsoft`.
    pub kind: String,
    /// The port's name.
    pub port: String,
    /// The port's link.
    pub link: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// Counters of all classes together.
    #[serde(flatten)]
    pub total: Counters,
    /// Dropped frames by reason, without those that belong to no circuit.
    pub drops: BTreeMap<String, Dropped>,
    /// Counters by class.
    pub classes: Vec<ClassStatus>,
}

/// Frames dropped for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dropped {
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A class of a peering.
#[derive(Debug, Serialize, Deserialize)]
pub struct ClassStatus {
    /// Its name.
    pub class: String,
    /// Its counters.
    #[serde(flatten)]
    pub counters: Counters,
}

/// Frames and bytes that left, were dropped above the rate, or found no device to leave by.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Frames that left.
    pub forwarded_frames: u64,
    /// Their bytes.
    pub forwarded_bytes: u64,
    /// Frames above the rate.
    pub dropped_frames: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Frames within the rate that the egress device refused.
    pub refused_frames: u64,
    /// Their bytes.
    pub refused_bytes: u64,
}

impl Status {
    pub(super) fn read(
        config: &Config,
        plan: &Plan,
        states: &PortStates,
        tables: &KernelTables,
        peaks: &Peaks,
        beside: &BesideOurs,
        (uptime, ledger, watches_egress): (Duration, LedgerStatus, bool),
    ) -> Result<Self> {
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
        Ok(Self {
            edge: config.edge.name.clone(),
            uptime_s: uptime.as_secs_f64(),
            ledger,
            watches_egress,
            ports: ports.collect::<Result<_>>()?,
            circuits: circuits.collect::<Result<_>>()?,
        })
    }
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
            classes[place].counters.add(counted, lost);
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

impl Counters {
    fn add(&mut self, counted: &ClassCounters, lost: &ClassLosses) {
        self.forwarded_frames += counted.forwarded_frames.saturating_sub(lost.refused_frames);
        self.forwarded_bytes += counted.forwarded_bytes.saturating_sub(lost.refused_bytes);
        self.refused_frames += lost.refused_frames;
        self.refused_bytes += lost.refused_bytes;
        self.dropped_frames += counted.dropped_frames;
        self.dropped_bytes += counted.dropped_bytes;
    }
}
