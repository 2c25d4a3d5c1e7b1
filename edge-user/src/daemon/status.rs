//! `edge status`: what was counted, by port, circuit, peering and class.

use std::{collections::BTreeMap, io::Write, time::Duration};

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};
use edge_common::{
    Reason,
    meter::{ClassCounters, PortCounters},
};
use serde::{Deserialize, Serialize};

use super::policers::{self, Peaks, PolicerStatus};
use crate::{
    config::Config,
    dataplane::{Attached, KernelTables},
    plan::{AttachmentPlan, Plan},
    units::{bit_rate, count},
};

/// The document that `edge status --json` prints.
#[derive(Debug, Serialize, Deserialize)]
pub struct Status {
    /// The edge's name.
    pub edge: String,
    /// Seconds since the daemon's start.
    pub uptime_s: f64,
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
    /// Its interface.
    pub interface: String,
    /// `customer` or `core`.
    pub side: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// `native` or `generic`.
    pub xdp_mode: String,
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
    /// Counters by class.
    pub classes: Vec<ClassStatus>,
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

/// Frames and bytes forwarded, and dropped above the rate.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Counters {
    /// Frames forwarded.
    pub forwarded_frames: u64,
    /// Their bytes.
    pub forwarded_bytes: u64,
    /// Frames above the rate.
    pub dropped_frames: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
}

impl Status {
    pub(super) fn read(
        config: &Config,
        plan: &Plan,
        attached: &BTreeMap<String, Attached>,
        tables: &KernelTables,
        peaks: &Peaks,
        uptime: Duration,
    ) -> Result<Self> {
        let ports = plan.ports.iter().map(|port| {
            let counters = tables.port_counters(port.index)?;
            Ok(PortStatus {
                name: port.name.clone(),
                interface: port.interface.clone(),
                side: port.side.as_str().to_owned(),
                link: port.link.as_str().to_owned(),
                xdp_mode: attached.get(&port.name).map_or("none", |a| a.mode.as_str()).to_owned(),
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
            let peerings = attachments.into_iter().map(|attachment| peering(attachment, tables));
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
            ports: ports.collect::<Result<_>>()?,
            circuits: circuits.collect::<Result<_>>()?,
        })
    }

    /// Prints it for people.
    pub fn print(&self, out: &mut dyn Write) -> Result<()> {
        writeln!(out, "edge {}, up {:.0} s\n", self.edge, self.uptime_s)?;
        writeln!(out, "{}\n", self.port_table())?;
        writeln!(out, "{}\n", self.circuit_table())?;
        writeln!(out, "{}", policers::table(&self.circuits))?;
        for port in &self.ports {
            let lost = port.reasons.iter().filter(|(reason, _)| is_alarming(reason));
            for (reason, frames) in lost {
                writeln!(
                    out,
                    "! port {}: {} frames belong to no circuit or could not be used ({reason})",
                    port.name,
                    count(*frames),
                )?;
            }
        }
        Ok(())
    }

    fn port_table(&self) -> Table {
        let mut table = table(["port", "interface", "side", "link", "xdp", "rx frames", "why"]);
        for port in &self.ports {
            let why = port.reasons.iter().map(|(why, frames)| format!("{why} {}", count(*frames)));
            table.add_row([
                port.name.clone(),
                port.interface.clone(),
                port.side.clone(),
                port.link.clone(),
                port.xdp_mode.clone(),
                count(port.rx_frames),
                why.collect::<Vec<_>>().join(", "),
            ]);
        }
        right_align(&mut table, &[5]);
        table
    }

    fn circuit_table(&self) -> Table {
        let header = [
            "circuit",
            "purchased",
            "peering",
            "direction",
            "port",
            "forwarded",
            "bytes",
            "dropped",
            "bytes",
        ];
        let mut table = table(header);
        for circuit in &self.circuits {
            let state = if circuit.enabled { "" } else { " (disabled)" };
            for peering in &circuit.peerings {
                let Counters { forwarded_frames, forwarded_bytes, dropped_frames, dropped_bytes } =
                    peering.total;
                table.add_row([
                    format!("{}{state}", circuit.name),
                    bit_rate(circuit.bandwidth_bps),
                    peering.kind.clone(),
                    peering.direction.clone(),
                    peering.port.clone(),
                    count(forwarded_frames),
                    count(forwarded_bytes),
                    count(dropped_frames),
                    count(dropped_bytes),
                ]);
            }
        }
        right_align(&mut table, &[1, 5, 6, 7, 8]);
        table
    }
}

fn reasons(counters: &PortCounters) -> BTreeMap<String, u64> {
    let counted = Reason::ALL.iter().zip(&counters.reasons).filter(|(_, c)| c.frames != 0);
    counted.map(|(reason, counter)| (reason.as_str().to_owned(), counter.frames)).collect()
}

fn peering(attachment: &AttachmentPlan, tables: &KernelTables) -> Result<PeeringStatus> {
    let mut classes: Vec<ClassStatus> = Vec::new();
    let own = (attachment.index, &attachment.key.classes);
    let before = attachment.predecessors.iter().map(|(index, classes)| (*index, classes));
    for (index, names) in std::iter::once(own).chain(before) {
        let meter = tables.meter(index)?;
        for (name, counted) in names.iter().zip(&meter.classes) {
            let place = classes.iter().position(|class| class.class == *name);
            let place = place.unwrap_or_else(|| {
                let counters = Counters::default();
                classes.push(ClassStatus { class: name.clone(), counters });
                classes.len() - 1
            });
            classes[place].counters.add(counted);
        }
    }
    let mut total = Counters::default();
    for ClassStatus { counters, .. } in &classes {
        total.forwarded_frames += counters.forwarded_frames;
        total.forwarded_bytes += counters.forwarded_bytes;
        total.dropped_frames += counters.dropped_frames;
        total.dropped_bytes += counters.dropped_bytes;
    }
    Ok(PeeringStatus {
        kind: attachment.key.peering.as_str().to_owned(),
        port: attachment.key.port.clone(),
        link: attachment.link.as_str().to_owned(),
        direction: attachment.direction.as_str().to_owned(),
        total,
        classes,
    })
}

impl Counters {
    fn add(&mut self, counted: &ClassCounters) {
        self.forwarded_frames += counted.forwarded_frames;
        self.forwarded_bytes += counted.forwarded_bytes;
        self.dropped_frames += counted.dropped_frames;
        self.dropped_bytes += counted.dropped_bytes;
    }
}

/// Reasons that an operator should look into: frames that are nobody's, or that nobody can use.
fn is_alarming(reason: &str) -> bool {
    let reason = Reason::ALL.into_iter().find(|known| known.as_str() == reason);
    match reason {
        Some(
            Reason::Unmatched
            | Reason::Untagged
            | Reason::Malformed
            | Reason::NoEgress
            | Reason::DanglingTable
            | Reason::NoHeadroom,
        )
        | None => true,
        Some(Reason::Ok | Reason::Control | Reason::CircuitDisabled | Reason::OverRate) => false,
    }
}

pub(super) fn table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    table.set_header(header);
    table
}

pub(super) fn right_align(table: &mut Table, columns: &[usize]) {
    for column in columns {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
