//! The edge's books beside the wire's.

use anyhow::Result;
use comfy_table::{CellAlignment, Table, presets};

use super::scenario::{CORE, CUSTOMER};
use crate::{
    daemon::status::Status,
    lab::{Lab, WireCount, WireCounts},
    units::count,
};

/// One peering in one direction.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) circuit: String,
    pub(super) peering: String,
    pub(super) direction: String,
    /// What its sender put on the wire.
    pub(super) offered: WireCount,
    /// What the edge says it forwarded.
    pub(super) forwarded: WireCount,
    /// What the edge says it dropped.
    pub(super) dropped: WireCount,
    /// What came off the wire at the other end.
    pub(super) arrived: WireCount,
}

/// All of them, and what they are made from.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) rows: Vec<Row>,
    /// What reached the cloud.
    pub(super) at_core: WireCounts,
    /// Frames that the edge forwarded and the lab's cables had no room for.
    pub(super) overrun_frames: u64,
}

/// Compares the edge's status with the far ends' counts.
pub(super) fn take(lab: &Lab, status: &Status) -> Result<Account> {
    let (customer, core) = (lab.far_end(CUSTOMER)?, lab.far_end(CORE)?);
    let inbound = (customer.offered()?, core.received()?);
    let outbound = (core.offered()?, customer.received()?);
    let mut rows = Vec::new();
    for circuit in &status.circuits {
        for peering in &circuit.peerings {
            let (sent, received) =
                if peering.direction == "inbound" { &inbound } else { &outbound };
            let (s_vid, c_vid) = vids(&circuit.name, &peering.kind);
            let total = &peering.total;
            rows.push(Row {
                circuit: circuit.name.clone(),
                peering: peering.kind.clone(),
                direction: peering.direction.clone(),
                offered: sent.tagged(s_vid, c_vid),
                forwarded: WireCount {
                    frames: total.forwarded_frames,
                    bytes: total.forwarded_bytes,
                },
                dropped: WireCount { frames: total.dropped_frames, bytes: total.dropped_bytes },
                arrived: received.tagged(s_vid, c_vid),
            });
        }
    }
    let overrun_frames = lab.overrun_frames(CUSTOMER)? + lab.overrun_frames(CORE)?;
    Ok(Account { rows, at_core: inbound.1, overrun_frames })
}

impl Account {
    pub(super) fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(presets::NOTHING);
        table.set_header([
            "circuit",
            "peering",
            "direction",
            "offered",
            "edge forwarded",
            "arrived",
            "edge forwarded, bytes",
            "arrived, bytes",
        ]);
        for row in &self.rows {
            table.add_row([
                row.circuit.clone(),
                row.peering.clone(),
                row.direction.clone(),
                count(row.offered.frames),
                count(row.forwarded.frames),
                count(row.arrived.frames),
                count(row.forwarded.bytes),
                count(row.arrived.bytes),
            ]);
        }
        for column in table.column_iter_mut().skip(3) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }
}

/// The tags of a peering of the demo's.
fn vids(circuit: &str, peering: &str) -> (u16, u16) {
    match (circuit, peering) {
        ("contoso", "microsoft") => (100, 20),
        ("contoso", _) => (100, 10),
        _ => (0, 300),
    }
}
