//! The tables that the engine writes, behind a trait.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use edge_common::{
    abi::{
        fib::{FibLine, Tree},
        routing::NextHopGroup,
    },
    fib::Lines,
};

use crate::routing::store::{
    FibSizes, HostArrays,
    arrays::FibArrays,
    grace::{Grace, NoReaders},
};

/// The maps of forwarding, of which the engine is the only writer as long as it runs: those of [`FibArrays`], and words
/// of `NEXT_HOPS` and `LINKS`.
pub trait RouterTables: FibArrays + Send + 'static {
    /// Grace periods of the maps' readers.
    type Grace: Grace + Send + 'static;

    /// The grace periods of a new writer. Asked for once.
    fn grace(&self) -> io::Result<Self::Grace>;
    /// Number of next hops.
    fn next_hops(&self) -> u32;
    /// Number of words of links.
    fn links(&self) -> u32;
    /// The word `neighbour` of a next hop (`edge_common::abi::routing::Mac`), of an index below [`Self::next_hops`].
    fn neighbour(&self, next_hop: u32) -> u64;
    /// Writes that word, by one store.
    fn write_neighbour(&self, next_hop: u32, mac: u64);
    /// The word of a link, of an index below [`Self::links`].
    fn link(&self, index: u32) -> u64;
    /// Writes that word, by one store.
    fn write_link(&self, index: u32, word: u64);
}

/// The tables in this process's memory, which nobody reads without a lock.
#[derive(Clone, Debug, Default)]
pub struct HostRouterTables {
    /// Lines, trees, roots and groups.
    pub arrays: HostArrays,
    /// Words of neighbours, by next hop. Clones have them in common.
    pub neighbours: Arc<[AtomicU64]>,
    /// Words of links. Clones have them in common.
    pub links: Arc<[AtomicU64]>,
}

impl HostRouterTables {
    /// Tables that are zero, for interfaces with indices below `interfaces`.
    #[must_use]
    pub fn new(sizes: FibSizes, interfaces: u32) -> Self {
        let words = |count: u32| (0..count).map(|_| AtomicU64::new(0)).collect();
        Self {
            arrays: HostArrays::new(sizes),
            neighbours: words(interfaces * super::places::NEXT_HOPS_PER_INTERFACE),
            links: words(interfaces),
        }
    }
}

impl RouterTables for HostRouterTables {
    type Grace = NoReaders;

    fn grace(&self) -> io::Result<NoReaders> {
        Ok(NoReaders)
    }

    fn next_hops(&self) -> u32 {
        u32::try_from(self.neighbours.len()).unwrap_or(u32::MAX)
    }

    fn links(&self) -> u32 {
        u32::try_from(self.links.len()).unwrap_or(u32::MAX)
    }

    fn neighbour(&self, next_hop: u32) -> u64 {
        self.neighbours[next_hop as usize].load(Ordering::Relaxed)
    }

    fn write_neighbour(&self, next_hop: u32, mac: u64) {
        self.neighbours[next_hop as usize].store(mac, Ordering::Relaxed);
    }

    fn link(&self, index: u32) -> u64 {
        self.links[index as usize].load(Ordering::Relaxed)
    }

    fn write_link(&self, index: u32, word: u64) {
        self.links[index as usize].store(word, Ordering::Relaxed);
    }
}

impl Lines for HostRouterTables {
    fn line(&self, index: u32) -> Option<&FibLine> {
        self.arrays.line(index)
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        self.arrays.tree(index)
    }
}

impl FibArrays for HostRouterTables {
    fn sizes(&self) -> FibSizes {
        self.arrays.sizes()
    }

    fn root(&self, index: u32) -> Option<u64> {
        self.arrays.root(index)
    }

    fn group(&self, index: u32) -> Option<&NextHopGroup> {
        self.arrays.group(index)
    }

    fn write_line(&mut self, index: u32, line: &FibLine) {
        self.arrays.write_line(index, line);
    }

    fn write_tree(&mut self, index: u32, tree: &Tree) {
        self.arrays.write_tree(index, tree);
    }

    fn write_group(&mut self, index: u32, group: &NextHopGroup) {
        self.arrays.write_group(index, group);
    }

    fn publish(&mut self, root: u32, tree: u64) {
        self.arrays.publish(root, tree);
    }
}
