//! The edge's books beside the wire's, of a routed edge.

use anyhow::{Context as _, Result};
use comfy_table::Table;

use super::{edge::RoutedEdge, streams::dscp};
use crate::{
    billing::ledger::UsageRecord,
    lab::{
        TagStack, WireCount, WireCounts,
        exchange::{Customer, Exchange},
        trunk::Trunk,
    },
    units::count,
    view::table::text_table,
};

/// One customer in one direction.
pub(super) struct CustomerRow {
    circuit: String,
    direction: &'static str,
    /// Frames and bytes that came to the edge, on either link.
    pub(super) offered: WireCount,
    /// Frames and bytes that the edge says it forwarded.
    pub(super) forwarded: WireCount,
    /// Frames and bytes in the ledger, and the bytes of those that are billed.
    pub(super) booked: WireCount,
    pub(super) billed_bytes: u64,
    /// Frames and bytes that left the edge, also into the link that was cut.
    pub(super) left: WireCount,
}

impl CustomerRow {
    fn agrees(&self) -> bool {
        self.left == self.forwarded && self.booked == self.forwarded
    }
}

/// All of them.
pub(super) struct RoutedAccount {
    pub(super) rows: Vec<CustomerRow>,
    /// Frames of one customer that came off the wire under the tags of the other.
    pub(super) astray_frames: u64,
}

/// Compares the edge's meters and ledger with the counts on the wire.
pub(super) fn take(exchange: &Exchange, edge: &RoutedEdge) -> Result<RoutedAccount> {
    let (status, usage) = (edge.status()?, edge.usage()?);
    let mut account = RoutedAccount { rows: Vec::new(), astray_frames: 0 };
    let links: Vec<&Trunk> = [Some(&exchange.customer_side), exchange.second_side.as_ref()]
        .into_iter()
        .flatten()
        .collect();
    let core = [&exchange.core_side];
    for customer in &exchange.customers {
        let name = customer.circuit();
        let own = status.circuits.iter().find(|circuit| circuit.name == name);
        let own = own.with_context(|| format!("the status has no circuit {name}"))?;
        for direction in ["inbound", "outbound"] {
            let (from, tags, to, tags_there) = if direction == "inbound" {
                (&links[..], customer.tags(), &core[..], customer.vnet_tags())
            } else {
                (&core[..], customer.vnet_tags(), &links[..], customer.tags())
            };
            let mut row = CustomerRow {
                circuit: name.clone(),
                direction,
                offered: seen(from, tags, customer, Trunk::offered)?,
                forwarded: WireCount::default(),
                booked: WireCount::default(),
                billed_bytes: 0,
                left: seen(to, tags_there, customer, Trunk::received)?,
            };
            for peering in own.peerings.iter().filter(|peering| peering.direction == direction) {
                let (frames, bytes) =
                    (peering.total.forwarded_frames, peering.total.forwarded_bytes);
                row.forwarded += WireCount { frames, bytes };
            }
            let of_it =
                |record: &&UsageRecord| record.circuit == name && record.direction == direction;
            for record in usage.iter().filter(of_it) {
                row.booked += WireCount { frames: record.frames, bytes: record.bytes };
                row.billed_bytes += record.billed_bytes;
            }
            account.rows.push(row);
        }
        for other in exchange.customers.iter().filter(|it| it.number != customer.number) {
            let by_links = seen(&links, other.tags(), customer, Trunk::received)?;
            let by_core = seen(&core, other.vnet_tags(), customer, Trunk::received)?;
            account.astray_frames += by_links.frames + by_core.frames;
        }
    }
    Ok(account)
}

/// A customer's frames under these tags.
fn seen(
    trunks: &[&Trunk],
    tags: TagStack,
    customer: &Customer,
    counts: impl Fn(&Trunk) -> Result<WireCounts>,
) -> Result<WireCount> {
    let mut sum = WireCount::default();
    for trunk in trunks {
        sum += counts(trunk)?
            .sum(|key| (key.s_vid, key.c_vid) == tags.vids() && key.dscp() == Some(dscp(customer)));
    }
    Ok(sum)
}

impl RoutedAccount {
    /// A line for each customer and direction.
    pub(super) fn table(&self) -> Table {
        let header = [
            "circuit",
            "direction",
            "to the edge",
            "from the edge",
            "bytes billed",
            "wire, meter and ledger",
        ];
        let mut table = text_table(header, 2..5);
        for row in &self.rows {
            table.add_row([
                row.circuit.clone(),
                row.direction.to_owned(),
                format!("{} frames", count(row.offered.frames)),
                format!("{} frames", count(row.left.frames)),
                count(row.billed_bytes),
                if row.agrees() { "agree to the byte" } else { "DIFFER" }.to_owned(),
            ]);
        }
        table
    }

    /// Whether wire, meters and ledger agree in all.
    pub(super) fn agrees(&self) -> bool {
        self.rows.iter().all(CustomerRow::agrees)
    }
}
