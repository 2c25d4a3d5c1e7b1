//! The forwarding tables, neighbours and links of the router, for the one process that writes them.

use aya::maps::MapData;
use edge_common::{
    abi::{
        fib::{FibLine, Tree},
        router::RouterInterface,
        routing::{NextHop, NextHopGroup},
    },
    host::{HostRouter, fib::HostFib},
};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::{
    kernel::{
        error::{Context as _, Result},
        object::pins::Pins,
        tables::mapped::MappedArray,
    },
    plan::RouterCapacity,
};

/// The router's tables that change while no plan does. Of a next hop it is the neighbour alone.
///
/// Indices are below the sizes in [`Self::capacity`]: others panic.
pub struct RouterMaps {
    interfaces: MappedArray<RouterInterface>,
    roots: MappedArray<u64>,
    trees: MappedArray<Tree>,
    lines: MappedArray<FibLine>,
    next_hops: MappedArray<NextHop>,
    groups: MappedArray<NextHopGroup>,
    links: MappedArray<u64>,
}

impl RouterMaps {
    /// Opens the pinned maps.
    pub fn from_pins(pins: &Pins) -> Result<Self> {
        Ok(Self {
            interfaces: array(pins, "ROUTER_INTERFACES")?,
            roots: array(pins, "ROOTS")?,
            trees: array(pins, "TREES")?,
            lines: array(pins, "FIB_LINES")?,
            next_hops: array(pins, "NEXT_HOPS")?,
            groups: array(pins, "NEXT_HOP_GROUPS")?,
            links: array(pins, "LINKS")?,
        })
    }

    /// Numbers of entries.
    #[must_use]
    pub fn capacity(&self) -> RouterCapacity {
        RouterCapacity {
            interfaces: self.interfaces.len(),
            roots: self.roots.len(),
            trees: self.trees.len(),
            fib_lines: self.lines.len(),
            next_hops: self.next_hops.len(),
            next_hop_groups: self.groups.len(),
            links: self.links.len(),
        }
    }

    /// A copy of all.
    #[must_use]
    pub fn read(&self) -> HostRouter {
        HostRouter {
            interfaces: all(&self.interfaces),
            roots: all(&self.roots),
            fib: HostFib { lines: all(&self.lines), trees: all(&self.trees) },
            next_hops: all(&self.next_hops),
            groups: all(&self.groups),
            links: all(&self.links),
        }
    }

    /// The tree of a root; 0: none.
    #[must_use]
    pub fn root(&self, index: u32) -> u64 {
        self.roots.get(index)
    }

    /// A tree.
    #[must_use]
    pub fn tree(&self, index: u32) -> Tree {
        self.trees.get(index)
    }

    /// A line of trees.
    #[must_use]
    pub fn line(&self, index: u32) -> FibLine {
        self.lines.get(index)
    }

    /// A group of next hops.
    #[must_use]
    pub fn group(&self, index: u32) -> NextHopGroup {
        self.groups.get(index)
    }

    /// Turns a root to a tree by one store, behind all earlier writes.
    pub fn turn_root(&self, index: u32, tree: u64) {
        self.roots.set(index, &tree);
    }

    /// Writes a tree that no root leads to.
    pub fn write_tree(&self, index: u32, tree: &Tree) {
        self.trees.set(index, tree);
    }

    /// Writes a line that no root leads to.
    pub fn write_line(&self, index: u32, line: &FibLine) {
        self.lines.set(index, line);
    }

    /// Writes a group that no root leads to.
    pub fn write_group(&self, index: u32, group: &NextHopGroup) {
        self.groups.set(index, group);
    }

    /// The MAC address of a next hop's neighbour as a number; 0: not resolved.
    #[must_use]
    pub fn neighbour(&self, next_hop: u32) -> u64 {
        self.next_hops.word_at(next_hop, 0)
    }

    /// Gives a next hop another neighbour by one store.
    pub fn set_neighbour(&self, next_hop: u32, mac: u64) {
        self.next_hops.swap(next_hop, 0, mac);
    }

    /// The word of a link.
    #[must_use]
    pub fn link(&self, index: u32) -> u64 {
        self.links.get(index)
    }

    /// Gives a link another word by one store.
    pub fn set_link(&self, index: u32, word: u64) {
        self.links.set(index, &word);
    }

    /// Copies everything from other tables, none of which is larger. No program looks into these yet, and nobody writes
    /// the others meanwhile.
    pub fn copy_from(&self, other: &Self) {
        copy(&self.lines, &other.lines);
        copy(&self.trees, &other.trees);
        copy(&self.groups, &other.groups);
        copy(&self.links, &other.links);
        for next_hop in 0..other.next_hops.len().min(self.next_hops.len()) {
            self.set_neighbour(next_hop, other.neighbour(next_hop));
        }
        copy(&self.roots, &other.roots);
    }
}

const _: () = assert!(std::mem::offset_of!(NextHop, neighbour) == 0);

fn array<T: FromBytes + IntoBytes + Immutable>(pins: &Pins, name: &str) -> Result<MappedArray<T>> {
    let path = pins.map(name);
    let map = MapData::from_pin(&path).with_context(|| format!("opening {}", path.display()))?;
    MappedArray::new(&map)
}

fn all<T: FromBytes + IntoBytes + Immutable>(array: &MappedArray<T>) -> Vec<T> {
    (0..array.len()).map(|index| array.get(index)).collect()
}

fn copy<T: FromBytes + IntoBytes + Immutable>(to: &MappedArray<T>, from: &MappedArray<T>) {
    for index in 0..from.len().min(to.len()) {
        to.set(index, &from.get(index));
    }
}
