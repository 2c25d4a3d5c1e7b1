//! The router's interfaces and their next hops, while frames pass and while another writes the neighbours in.

use std::{collections::BTreeSet, mem::offset_of};

use edge_common::abi::{
    router::RouterInterface,
    routing::{LINK_UP, NextHop},
};
use zerocopy::{FromBytes, FromZeros as _, Immutable, IntoBytes};

use crate::{
    kernel::{
        host::quiesce::quiesce,
        tables::{kernel_tables::KernelTables, keys, mapped::MappedArray},
    },
    plan::{InterfacePlaces, InterfacePlan, Plan, RateChange},
};

/// Gives the interface's index to its link. Next hops of a link that had the index before get no neighbour, until
/// somebody resolves one, and the link is up, as far as is known.
pub(super) fn prepare_interface(tables: &KernelTables, interface: &InterfacePlan) {
    if interface.is_new {
        for next_hop in interface.places().next_hops() {
            tables.next_hops.swap(next_hop, FIRST_WORD, 0);
        }
        tables.links.set(interface.places().link, &LINK_UP);
    }
    // New tables have no names even of links that keep their index.
    tables.router_keys.set(interface.index, &keys::router_record(&interface.key));
}

/// Stores the interfaces of `plan`, and their next hops but for the neighbours, which are not the plan's.
///
/// Where a link's tags or its port change, no frame may leave with the tags of one and by the port of the other. So
/// none leaves at all until every frame that has met the old link is gone.
pub(super) fn store_interfaces(tables: &KernelTables, plan: &Plan) {
    let moved = plan.interfaces.iter().filter(|interface| {
        let now = tables.router_interfaces.get(interface.index);
        now.mac != 0 && (now.retag, now.egress) != (interface.value.retag, interface.value.egress)
    });
    let mut neighbours = Vec::new();
    for interface in moved {
        tables.router_interfaces.swap(interface.index, FIRST_WORD, 0);
        for next_hop in interface.places().next_hops() {
            neighbours.push((next_hop, tables.next_hops.swap(next_hop, FIRST_WORD, 0)));
        }
    }
    if !neighbours.is_empty() {
        quiesce();
    }
    for interface in &plan.interfaces {
        let InterfacePlan { index, value, .. } = interface;
        store_rest(&tables.router_interfaces, *index, value);
        // Frames are the interface's from here on.
        tables.router_interfaces.swap(*index, FIRST_WORD, value.mac);
        for (index, next_hop) in
            interface.places().next_hops().into_iter().zip(&interface.next_hops)
        {
            store_rest(&tables.next_hops, index, next_hop);
        }
    }
    for (next_hop, neighbour) in neighbours {
        // A neighbour that was resolved meanwhile stays.
        let put_back = |now: u64| (now == 0).then_some(neighbour);
        tables.next_hops.update_word(next_hop, FIRST_WORD, put_back);
    }
}

/// Stores all words of an entry but the first, by which it is in use or not.
fn store_rest<T: FromBytes + IntoBytes + Immutable>(array: &MappedArray<T>, index: u32, value: &T) {
    let words = value.as_bytes().chunks_exact(size_of::<u64>());
    for (number, bytes) in words.enumerate().filter(|(number, _)| *number != FIRST_WORD) {
        let word = u64::from_ne_bytes(bytes.try_into().expect("a chunk of eight bytes"));
        if array.word_at(index, number) != word {
            array.swap(index, number, word);
        }
    }
}

/// Takes interfaces that `plan` lacks out of use: frames of the router don't leave by them, and routes that still
/// lead to their next hops end there. Their indices stay theirs until another link needs them.
pub(super) fn retire_interfaces(tables: &KernelTables, plan: &Plan) {
    let wanted: BTreeSet<u32> = plan.interfaces.iter().map(|interface| interface.index).collect();
    for index in (1..tables.router_interfaces.len()).filter(|index| !wanted.contains(index)) {
        // The first word is the MAC address, without which no frame is the interface's.
        tables.router_interfaces.set(index, &RouterInterface::new_zeroed());
        for next_hop in InterfacePlaces::of(index).next_hops() {
            tables.next_hops.swap(next_hop, FIRST_WORD, 0);
        }
    }
}

/// The buckets of interfaces whose rate changes with `plan`.
pub(super) fn router_rate_changes(tables: &KernelTables, plan: &Plan) -> Vec<RateChange> {
    let mut changes = Vec::new();
    for interface in plan.interfaces.iter().filter(|interface| !interface.is_new) {
        let (old, new) = (tables.router_interfaces.get(interface.index), interface.value);
        for (old, new) in [(old.punts, new.punts), (old.answers, new.answers)] {
            if old.policer != 0 && old.policer == new.policer && old.rate != new.rate {
                changes.push(RateChange {
                    index: new.rate,
                    rate: plan.rates[&new.rate],
                    old_index: old.rate,
                    old_rate: tables.rates.get(old.rate),
                    attachments: Vec::new(),
                    limits: Vec::new(),
                    policers: BTreeSet::from([new.policer]),
                });
            }
        }
    }
    changes
}

/// Index of the word that says whether an entry is in use: an interface's MAC address, a next hop's neighbour.
const FIRST_WORD: usize = 0;

const _: () = assert!(
    offset_of!(RouterInterface, mac) == FIRST_WORD && offset_of!(NextHop, neighbour) == FIRST_WORD
);
