//! The edge's books beside the wire's.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Result;
use comfy_table::Table;
use edge_api::Status;

use super::scenario::{CORE, CUSTOMER};
use crate::{
    billing::ledger::UsageRecord,
    lab::{Lab, WireCount, WireCounts},
    units::{bit_rate, count},
    view::table::text_table,
};

/// One peering in one direction.
#[derive(Debug)]
pub(super) struct PeeringRow {
    pub(super) circuit: String,
    pub(super) peering: String,
    pub(super) direction: String,
    pub(super) purchased_bps: u64,
    /// Frames and bytes that its sender put on the wire.
    pub(super) offered: WireCount,
    /// Frames and bytes that the edge says it forwarded.
    pub(super) forwarded: WireCount,
    /// Frames and bytes that the edge says it dropped.
    pub(super) dropped: WireCount,
    /// Frames and bytes that the edge says a device refused.
    pub(super) refused: WireCount,
    /// Frames and bytes in the edge's ledger, and the bytes of those that are billed.
    pub(super) booked: WireCount,
    pub(super) billed_bytes: u64,
    /// Frames and bytes that came off the wire at the other end.
    pub(super) arrived: WireCount,
    /// DSCPs of the packets that came off the wire.
    pub(super) dscp_seen: BTreeSet<u8>,
}

/// All of them, and what they are made from.
#[derive(Debug)]
pub(super) struct DemoAccount {
    pub(super) rows: Vec<PeeringRow>,
    /// Counts of the frames that reached the cloud.
    pub(super) at_core: WireCounts,
    /// Frames that were offered and that the senders' interfaces dropped.
    pub(super) unsent_frames: u64,
}

/// Compares the edge's status and ledger with the far ends' counts.
pub(super) fn take(lab: &Lab, status: &Status, usage: &[UsageRecord]) -> Result<DemoAccount> {
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
            let own = usage.iter().filter(|record| {
                record.circuit == circuit.name
                    && record.peering == peering.kind
                    && record.direction == peering.direction
            });
            let mut booked = WireCount::default();
            let mut billed_bytes = 0;
            for record in own {
                booked += WireCount { frames: record.frames, bytes: record.bytes };
                billed_bytes += record.billed_bytes;
            }
            rows.push(PeeringRow {
                circuit: circuit.name.clone(),
                peering: peering.kind.clone(),
                direction: peering.direction.clone(),
                purchased_bps: circuit.bandwidth_bps,
                offered: sent.tagged(s_vid, c_vid),
                forwarded: WireCount {
                    frames: total.forwarded_frames,
                    bytes: total.forwarded_bytes,
                },
                dropped: WireCount { frames: total.dropped_frames, bytes: total.dropped_bytes },
                refused: WireCount { frames: total.refused_frames, bytes: total.refused_bytes },
                booked,
                billed_bytes,
                arrived: received.tagged(s_vid, c_vid),
                dscp_seen: received
                    .iter()
                    .filter(|(key, _)| (key.s_vid, key.c_vid) == (s_vid, c_vid))
                    .filter_map(|(key, _)| key.dscp())
                    .collect(),
            });
        }
    }
    let unsent_frames = lab.unsent_frames(CUSTOMER)? + lab.unsent_frames(CORE)?;
    Ok(DemoAccount { rows, at_core: inbound.1, unsent_frames })
}

impl DemoAccount {
    /// A line for each peering and direction that had traffic, which went on for `length`.
    pub(super) fn table(&self, length: Duration) -> Table {
        let header = [
            "circuit",
            "peering",
            "direction",
            "purchased",
            "offered",
            "delivered",
            "dropped",
            "DSCP on the wire",
            "bytes billed",
            "wire, meter and ledger",
        ];
        let mut table = text_table(header, 3..9);
        let mean_rate = |counted| format!("{} Mbps", mega(rate_bps(counted, length.as_millis())));
        for row in self.rows.iter().filter(|row| row.offered.frames != 0) {
            let dscp: Vec<String> = row.dscp_seen.iter().map(u8::to_string).collect();
            let agree = row.arrived == row.forwarded && row.booked == row.forwarded;
            table.add_row([
                row.circuit.clone(),
                row.peering.clone(),
                row.direction.clone(),
                bit_rate(row.purchased_bps),
                mean_rate(row.offered),
                mean_rate(row.arrived),
                format!("{} frames", count(row.dropped.frames)),
                dscp.join(", "),
                count(row.billed_bytes),
                if agree { "agree to the byte" } else { "DIFFER" }.to_owned(),
            ]);
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

pub(super) fn rate_bps(count: WireCount, elapsed_ms: u128) -> u64 {
    let bits = u128::from(count.bytes) * 8;
    u64::try_from(bits * 1000 / elapsed_ms.max(1)).unwrap_or(u64::MAX)
}

/// Mbit/s with one decimal.
pub(super) fn mega(bps: u64) -> String {
    format!("{}.{}", bps / 1_000_000, bps / 100_000 % 10)
}
