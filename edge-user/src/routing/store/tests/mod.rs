//! The memory of the forwarding tables against lists of routes.

mod capacity;
mod crash;
mod groups;
mod readers;
mod sharing;
mod takeover;
mod tidying;

use edge_common::{
    abi::fib::{RouteValue, Tree},
    fib::{find, find_v6},
    host::fib::Route,
};
use proptest::prelude::*;

use super::{
    FibSizes, FibStore, FibUsage, StoreError,
    arrays::FibArrays,
    edit::{FibEdit, Swapped},
    grace::{Grace, NoReaders},
};

/// A table as a list of routes. Of two routes to one prefix, the later counts.
#[derive(Clone, Debug, Default, PartialEq)]
struct Listed {
    is_v6: bool,
    routes: Vec<ListedRoute>,
}

#[derive(Clone, Debug, PartialEq)]
struct ListedRoute {
    first: u128,
    last: u128,
    /// Indices of next hops; none: a black hole.
    members: Vec<u32>,
}

impl Listed {
    /// The longest match.
    fn longest(&self, address: u128) -> Option<&[u32]> {
        let around =
            self.routes.iter().filter(|route| (route.first..=route.last).contains(&address));
        let best = around.reduce(|best, route| {
            if route.first >= best.first && route.last <= best.last { route } else { best }
        });
        best.map(|route| &*route.members)
    }

    /// Has a root turned to the table.
    fn swap<M: FibArrays, G: Grace>(
        &self,
        store: &mut FibStore<M, G>,
        root: u32,
    ) -> Result<Swapped, StoreError> {
        let mut edit = store.edit();
        if self.is_v6 {
            let routes = self.values(&mut edit, |address| address)?;
            edit.swap_v6(root, &routes)
        } else {
            let routes = self.values(&mut edit, |address| address as u32)?;
            edit.swap_v4(root, &routes)
        }
    }

    fn values<A, M: FibArrays, G: Grace>(
        &self,
        edit: &mut FibEdit<'_, M, G>,
        address: impl Fn(u128) -> A,
    ) -> Result<Vec<Route<A>>, StoreError> {
        let value = |route: &ListedRoute| {
            let value = match &*route.members {
                [] => RouteValue::BLACKHOLE,
                members => edit.group(members)?,
            };
            Ok(Route { first: address(route.first), last: address(route.last), value })
        };
        self.routes.iter().map(value).collect()
    }

    /// Holds a tree against the table, where something may change.
    fn check(&self, arrays: &impl FibArrays, tree: u32) {
        let most = if self.is_v6 { u128::MAX } else { u32::MAX.into() };
        let ends = self.routes.iter().flat_map(|route| {
            [route.first, route.first.saturating_sub(1), route.last, route.last.saturating_add(1)]
        });
        for address in ends.chain([0, most, most / 3]).map(|address| address.min(most)) {
            let found = self.look_up(arrays, tree, address);
            let expected = self.longest(address);
            assert_eq!(found.as_deref(), expected, "{address:#x} in tree {tree} of {self:?}");
        }
    }

    fn value(&self, arrays: &impl FibArrays, tree: u32, address: u128) -> Option<RouteValue> {
        let tree: &Tree = arrays.tree(tree)?;
        if self.is_v6 {
            find_v6(arrays, tree, [(address >> 64) as u64, address as u64])
        } else {
            find(arrays, tree, address as u32)
        }
    }

    /// The next hops for an address, as the path finds them.
    fn look_up(&self, arrays: &impl FibArrays, tree: u32, address: u128) -> Option<Vec<u32>> {
        if tree == 0 {
            return None;
        }
        let value = self.value(arrays, tree, address).expect("lines");
        if value == RouteValue::NONE {
            return None;
        }
        if let Some(index) = value.as_group() {
            let group = arrays.group(index).expect("a group");
            return Some(group.members[..group.count as usize].to_vec());
        }
        let members: Vec<u32> = value.as_next_hop().into_iter().collect();
        assert!(!members.is_empty() || value == RouteValue::BLACKHOLE);
        Some(members)
    }
}

/// All is free, and in one piece.
fn assert_empty(usage: FibUsage, sizes: FibSizes) {
    let FibUsage { free_lines, free_lines_together, free_trees, free_groups, waiting } = usage;
    assert_eq!([free_lines, free_lines_together], [sizes.lines - 1; 2]);
    assert_eq!([free_trees, free_groups], [sizes.trees - 1, sizes.groups - 1]);
    assert_eq!(waiting, 0);
}

/// The tree of a root.
fn tree_of(arrays: &impl FibArrays, root: u32) -> u32 {
    u32::try_from(arrays.root(root).expect("a root")).expect("an index")
}

/// Prefixes that nest, touch each other, and are at both ends.
fn listed() -> impl Strategy<Value = Listed> {
    prop_oneof![
        prop::collection::vec((address(32), 0..=32u32, members()), 0..40)
            .prop_map(|routes| list(false, routes)),
        prop::collection::vec((address(128), 0..=128u32, members()), 0..20)
            .prop_map(|routes| list(true, routes)),
    ]
}

fn list(is_v6: bool, routes: Vec<(u128, u32, Vec<u32>)>) -> Listed {
    let bits = if is_v6 { 128 } else { 32 };
    let most = u128::MAX >> (128 - bits);
    let route = |(address, len, members): (u128, u32, Vec<u32>)| {
        let below = most.checked_shr(len).unwrap_or(0);
        ListedRoute { first: address & !below, last: address | below, members }
    };
    Listed { is_v6, routes: routes.into_iter().map(route).collect() }
}

fn address(bits: u32) -> impl Strategy<Value = u128> {
    let near = (0u128..4, 0u128..4, 0u128..4);
    prop_oneof![
        any::<u128>().prop_map(move |address| address >> (128 - bits)),
        near.prop_map(move |(a, b, c)| a << (bits - 2) | b << (bits / 2) | c << (bits / 2 - 2)),
        Just(0),
        Just(u128::MAX >> (128 - bits)),
    ]
}

/// Few of many members, so that groups are shared.
fn members() -> impl Strategy<Value = Vec<u32>> {
    prop_oneof![
        4 => (1u32..5).prop_map(|member| vec![member]),
        2 => prop::collection::vec(1u32..4, 1..4),
        1 => prop::collection::vec(1u32..9, 8),
        1 => Just(Vec::new()),
    ]
}
