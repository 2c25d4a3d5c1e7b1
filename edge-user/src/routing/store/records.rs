//! Records that are there once: trees, and groups of next hops.

use std::{
    collections::{BTreeSet, HashMap},
    hash::Hash,
};

use edge_common::abi::{
    fib::{RouteValue, Tree},
    routing::NextHopGroup,
};
use zerocopy::transmute;

/// Indices in routes' values are below this.
const MOST: u32 = 1 << 20;
const _: () = assert!(RouteValue::group(MOST - 1).is_some() && RouteValue::group(MOST).is_none());

/// A record that can be looked up by its content.
pub(super) trait ArrayRecord {
    /// The content.
    type Content: Copy + Eq + Hash;

    /// The content.
    fn content(&self) -> Self::Content;
}

impl ArrayRecord for Tree {
    type Content = [u32; 8];

    fn content(&self) -> [u32; 8] {
        transmute!(*self)
    }
}

impl ArrayRecord for NextHopGroup {
    type Content = [u32; 16];

    fn content(&self) -> [u32; 16] {
        transmute!(*self)
    }
}

/// The entries of an array of records, counted by those that refer to them. Entry 0 has no owner ever.
#[derive(Debug)]
pub(super) struct SharedRecords<R: ArrayRecord> {
    by_content: HashMap<R::Content, u32>,
    /// Content and number of users, by index.
    used: HashMap<u32, (R::Content, u32)>,
    free: BTreeSet<u32>,
    entries: u32,
}

impl<R: ArrayRecord> SharedRecords<R> {
    /// Of an array with so many entries, none of which is used and none is free. Those whose indices have more bits
    /// than a route's value has room for stay unused.
    pub(super) fn new(entries: u32) -> Self {
        let entries = entries.min(MOST);
        Self { by_content: HashMap::new(), used: HashMap::new(), free: BTreeSet::new(), entries }
    }

    /// Counts one user more of an equal record, and returns its index.
    pub(super) fn hold_equal(&mut self, record: &R) -> Option<u32> {
        let index = *self.by_content.get(&record.content())?;
        self.hold(index);
        Some(index)
    }

    /// Counts one user more of an entry that is used.
    pub(super) fn hold(&mut self, index: u32) -> bool {
        self.used.get_mut(&index).map(|(_, users)| *users += 1).is_some()
    }

    /// A free entry, now with this record and its first user; `None`: there is none.
    pub(super) fn place(&mut self, record: &R) -> Option<u32> {
        let index = self.free.pop_first()?;
        self.adopt(index, record);
        Some(index)
    }

    /// The first user of an entry that has a record already.
    pub(super) fn adopt(&mut self, index: u32, record: &R) {
        let content = record.content();
        self.used.insert(index, (content, 1));
        self.by_content.entry(content).or_insert(index);
    }

    /// Counts one user less; true: it was the last, and the entry is free.
    pub(super) fn release(&mut self, index: u32) -> bool {
        let Some((content, users)) = self.used.get_mut(&index) else { return false };
        *users -= 1;
        if *users > 0 {
            return false;
        }
        let content = *content;
        self.used.remove(&index);
        if self.by_content.get(&content) == Some(&index) {
            self.by_content.remove(&content);
        }
        self.free.insert(index);
        true
    }

    /// Whether the entry is used.
    pub(super) fn is_used(&self, index: u32) -> bool {
        self.used.contains_key(&index)
    }

    /// Number of free entries.
    pub(super) fn free(&self) -> u32 {
        u32::try_from(self.free.len()).unwrap_or(u32::MAX)
    }

    /// All entries that nobody uses. None of them is free any more.
    pub(super) fn leftovers(&mut self) -> Vec<u32> {
        self.free.clear();
        (1..self.entries).filter(|index| !self.is_used(*index)).collect()
    }

    /// Makes entries free that nobody uses.
    pub(super) fn give(&mut self, entries: impl IntoIterator<Item = u32>) {
        self.free.extend(entries);
    }
}
