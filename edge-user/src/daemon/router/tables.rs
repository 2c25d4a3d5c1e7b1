//! The kernel's maps as the tables of the routing engine.

use std::io;

use edge_common::{
    abi::{
        fib::{FibLine, Tree},
        routing::NextHopGroup,
    },
    fib::Lines,
};

use crate::{
    kernel::{RouterMaps, quiesce},
    routing::{
        engine::tables::RouterTables,
        store::{FibSizes, GraceThread, HostArrays, arrays::FibArrays},
    },
};

/// The maps, and what they have: this process is the only one that writes them, and reads its own copy.
pub(super) struct KernelRouterTables {
    copy: HostArrays,
    maps: RouterMaps,
}

impl KernelRouterTables {
    /// Reads what the maps have.
    pub(super) fn new(maps: RouterMaps) -> Self {
        let room = maps.capacity();
        let sizes = FibSizes {
            lines: room.fib_lines,
            trees: room.trees,
            roots: room.roots,
            groups: room.next_hop_groups,
        };
        let mut copy = HostArrays::new(sizes);
        for (index, line) in (0..).zip(&mut copy.fib.lines) {
            *line = maps.line(index);
        }
        for (index, tree) in (0..).zip(&mut copy.fib.trees) {
            *tree = maps.tree(index);
        }
        for (index, root) in (0..).zip(&mut copy.roots) {
            *root = maps.root(index);
        }
        for (index, group) in (0..).zip(&mut copy.groups) {
            *group = maps.group(index);
        }
        Self { copy, maps }
    }
}

impl Lines for KernelRouterTables {
    fn line(&self, index: u32) -> Option<&FibLine> {
        self.copy.line(index)
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        self.copy.tree(index)
    }
}

impl FibArrays for KernelRouterTables {
    fn sizes(&self) -> FibSizes {
        self.copy.sizes()
    }

    fn root(&self, index: u32) -> Option<u64> {
        self.copy.root(index)
    }

    fn group(&self, index: u32) -> Option<&NextHopGroup> {
        self.copy.group(index)
    }

    fn write_line(&mut self, index: u32, line: &FibLine) {
        self.copy.write_line(index, line);
        self.maps.write_line(index, line);
    }

    fn write_tree(&mut self, index: u32, tree: &Tree) {
        self.copy.write_tree(index, tree);
        self.maps.write_tree(index, tree);
    }

    fn write_group(&mut self, index: u32, group: &NextHopGroup) {
        self.copy.write_group(index, group);
        self.maps.write_group(index, group);
    }

    fn publish(&mut self, root: u32, tree: u64) {
        self.copy.publish(root, tree);
        self.maps.turn_root(root, tree);
    }
}

impl RouterTables for KernelRouterTables {
    type Grace = GraceThread;

    fn grace(&self) -> io::Result<GraceThread> {
        GraceThread::spawn(quiesce)
    }

    fn next_hops(&self) -> u32 {
        self.maps.capacity().next_hops
    }

    fn links(&self) -> u32 {
        self.maps.capacity().links
    }

    fn neighbour(&self, next_hop: u32) -> u64 {
        self.maps.neighbour(next_hop)
    }

    fn write_neighbour(&self, next_hop: u32, mac: u64) {
        self.maps.set_neighbour(next_hop, mac);
    }

    fn link(&self, index: u32) -> u64 {
        self.maps.link(index)
    }

    fn write_link(&self, index: u32, word: u64) {
        self.maps.set_link(index, word);
    }
}
