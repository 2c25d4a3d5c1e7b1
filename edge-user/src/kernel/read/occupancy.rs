//! The present contents of the kernel's tables: the starting point of the next plan.

use std::collections::{BTreeMap, BTreeSet};

use edge_common::abi::{
    EGRESS_STACK, VidTable,
    attachment::{Attachment, Slot},
    rate::Rate,
};
use zerocopy::{FromBytes, FromZeros as _, Immutable, IntoBytes};

use crate::{
    kernel::{
        read::trees::interfaces_in_trees,
        tables::{kernel_tables::KernelTables, keys, mapped::MappedArray},
    },
    plan::{CTableKey, InterfacePlaces, Occupancy, slots::Table},
};

/// Reads the tables.
pub fn occupancy(tables: &KernelTables) -> Occupancy {
    let mut occupancy = tables.capacity().unused();
    occupancy.ports.known = known(&tables.port_keys, keys::port_name);
    occupancy.attachments.known = tables.owners();
    occupancy.policers.known = known(&tables.policer_keys, keys::policer_key);
    occupancy.rates.known = known(&tables.rates, written);
    // An unused row is all zeros, and so is a legal row that resets everything. A published row
    // counts as used.
    occupancy.qos_rows.known = known(&tables.qos_rows, |row| Some(*row));

    for port in occupancy.ports.known.values() {
        // An attached program reads the entries of its port's index, and forwards to another port.
        let (constants, programs) = tables.programs(*port);
        if programs != [0; 2] {
            let egress = Some(constants.egress).filter(|index| *index != EGRESS_STACK);
            occupancy.ports.published.extend(egress.into_iter().chain([*port]));
        }
    }
    let Published { attachments, c_tables, interfaces } = published(tables);
    occupancy.attachments.published = attachments;
    occupancy.interfaces.known = known(&tables.router_keys, keys::routed_key);
    for index in &interfaces {
        let interface = tables.router_interfaces.get(*index);
        // Frames leave by the port even if it has no program.
        occupancy.ports.published.insert(interface.egress);
        for bucket in [interface.punts, interface.answers] {
            if bucket.policer != 0 {
                occupancy.policers.published.insert(bucket.policer);
                occupancy.rates.published.insert(bucket.rate);
            }
        }
    }
    occupancy.interfaces.published = interfaces;
    occupancy.c_tables.published = c_tables.values().copied().collect();
    occupancy.c_tables.known = c_tables;
    for index in &occupancy.attachments.published {
        let attachment = tables.attachments.get(*index);
        let limits = tables.limits.get(*index);
        let buckets = limits.classes.into_iter().chain([limits.peering, attachment.bucket()]);
        for bucket in buckets.filter(|bucket| bucket.policer != 0) {
            occupancy.policers.published.insert(bucket.policer);
            occupancy.rates.published.insert(bucket.rate);
        }
        if attachment.flow_queues != 0 {
            let policer = keys::policer_key(&tables.policer_keys.get(attachment.policer));
            let known = policer.map(|policer| (policer, attachment.flow_queues));
            occupancy.flow_queues.known.extend(known);
            occupancy.flow_queues.published.insert(attachment.flow_queues);
        }
        occupancy.qos_rows.published.insert(attachment.qos_row);
    }
    let published = &occupancy.qos_rows.published;
    occupancy.qos_rows.known.retain(|_, index| published.contains(index));
    occupancy
}

/// The rates in use, for another rate of a circuit. Without a look at each VID of each table, every
/// attachment counts as published, even a retired one.
pub fn rates(tables: &KernelTables) -> Table<Rate> {
    let mut rates = tables.capacity().unused().rates;
    rates.known = known(&tables.rates, written);
    let of_router = (0..tables.router_interfaces.len()).flat_map(|index| {
        let interface = tables.router_interfaces.get(index);
        [interface.punts, interface.answers]
    });
    let buckets = (0..tables.attachments.len()).flat_map(|index| {
        let limits = tables.limits.get(index);
        let own = tables.attachments.get(index).bucket();
        limits.classes.into_iter().chain([limits.peering, own])
    });
    rates.published = buckets.chain(of_router).map(|bucket| bucket.rate).collect();
    rates
}

fn written(rate: &Rate) -> Option<Rate> {
    (*rate != Rate::new_zeroed()).then_some(*rate)
}

/// The entries that a frame can meet.
pub(in crate::kernel) struct Published {
    /// Attachments that a tag leads to, or a next hop of one of the interfaces.
    pub(in crate::kernel) attachments: BTreeSet<u32>,
    c_tables: BTreeMap<CTableKey, u32>,
    /// Interfaces of the router that a tag or a route leads to.
    pub(in crate::kernel) interfaces: BTreeSet<u32>,
}

/// The entries that a frame can meet now.
pub(in crate::kernel) fn published(tables: &KernelTables) -> Published {
    let mut published = Published {
        attachments: BTreeSet::new(),
        c_tables: BTreeMap::new(),
        interfaces: BTreeSet::new(),
    };
    for port in tables.port_names().into_values() {
        for (vid, slot) in slots(&tables.s_tables, port) {
            match slot {
                Slot::Empty => {}
                Slot::Attachment(index) => drop(published.attachments.insert(index)),
                Slot::CTable(table) => {
                    published.c_tables.insert(CTableKey { port, s_vid: vid }, table);
                }
            }
        }
    }
    for table in published.c_tables.values() {
        for (_, slot) in slots(&tables.c_tables, *table) {
            if let Slot::Attachment(index) = slot {
                published.attachments.insert(index);
            }
        }
    }
    let tagged = published.attachments.iter().map(|index| tables.attachments.get(*index));
    let routed = tagged.filter(|attachment| attachment.flags & Attachment::ROUTED != 0);
    published.interfaces = routed.map(|attachment| attachment.router_interface).collect();
    published.interfaces.extend(interfaces_in_trees(tables));
    published.interfaces.retain(|index| (1..tables.router_interfaces.len()).contains(index));
    for interface in &published.interfaces {
        let next_hops = InterfacePlaces::of(*interface).next_hops();
        let next_hops = next_hops.into_iter().filter(|index| *index < tables.next_hops.len());
        let owners = next_hops.map(|index| tables.next_hops.get(index).owner);
        let owners = owners.filter(|owner| *owner != 0 && *owner < tables.attachments.len());
        published.attachments.extend(owners);
    }
    published
}

/// The published entries of a VID table.
pub(in crate::kernel) fn slots(tables: &MappedArray<VidTable>, index: u32) -> Vec<(u16, Slot)> {
    let mut slots = Vec::new();
    let mut vid = 0;
    for word in tables.words(index) {
        // Two slots in a word: most of the many slots are empty, and one look skips two.
        if word != 0 {
            let halves: [u32; 2] = zerocopy::transmute!(word);
            let found = (vid..).zip(halves.map(Slot::from_bits));
            slots.extend(found.filter(|(_, slot)| *slot != Slot::Empty));
        }
        vid += 2;
    }
    slots
}

fn known<R: FromBytes + IntoBytes + Immutable, K: Ord>(
    records: &MappedArray<R>,
    key: impl Fn(&R) -> Option<K>,
) -> BTreeMap<K, u32> {
    (0..records.len()).filter_map(|index| Some((key(&records.get(index))?, index))).collect()
}
