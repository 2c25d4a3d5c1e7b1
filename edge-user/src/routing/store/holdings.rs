//! References from trees.

use std::collections::BTreeSet;

use edge_common::abi::fib::{FibLine, RouteValue};

use super::shape::LineRun;

/// The entries that a tree refers to, and so keeps from being free.
#[derive(Debug)]
pub(super) struct Holdings {
    /// Its levels from the top, and its values.
    pub(super) runs: Vec<LineRun>,
    /// Each once.
    pub(super) targets: Vec<Referent>,
}

/// An entry that a route's value refers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Referent {
    /// A tree for the lower halves of addresses.
    Subtree(u32),
    /// A group of next hops.
    Group(u32),
    /// A next hop.
    NextHop(u32),
}

impl Referent {
    /// That of a value; `None`: it refers to nothing.
    pub(super) fn of(value: RouteValue) -> Option<Self> {
        let subtree = value.as_subtree().map(Self::Subtree);
        let group = value.as_group().map(Self::Group);
        subtree.or(group).or_else(|| value.as_next_hop().map(Self::NextHop))
    }

    /// The index of the subtree.
    pub(super) fn as_subtree(self) -> Option<u32> {
        match self {
            Self::Subtree(index) => Some(index),
            Self::Group(_) | Self::NextHop(_) => None,
        }
    }

    /// Those of a tree's values.
    pub(super) fn of_values(values: impl IntoIterator<Item = RouteValue>) -> Vec<Self> {
        let mut last = None;
        let mut found = BTreeSet::new();
        for value in values {
            // Neighbours of neighbours are often the same: a route around others.
            if last != Some(value) {
                found.extend(Self::of(value));
                last = Some(value);
            }
        }
        found.into_iter().collect()
    }
}

/// The values in a tree's lines of values.
pub(super) fn values(lines: &[FibLine], intervals: usize) -> impl Iterator<Item = RouteValue> {
    let words = lines.iter().flat_map(|line| *line.words());
    words.take(intervals).map(RouteValue::from_bits)
}
