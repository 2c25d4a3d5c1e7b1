//! The interfaces that forwarding tables still lead to, whatever the plan is. An index of these must not go to another
//! link: frames of one customer would reach another.

use std::collections::BTreeSet;

use edge_common::abi::{
    fib::{RouteValue, VALUES},
    routing::MAX_MEMBERS,
};

use crate::{
    kernel::tables::{kernel_tables::KernelTables, mapped::MappedArray},
    plan::InterfacePlaces,
};

/// The interfaces that have a tree, and those whose next hops any tree has.
///
/// Trees may be replaced meanwhile. Those that come then lead to interfaces of the plan in use, which tags lead to.
pub(super) fn interfaces_in_trees(tables: &KernelTables) -> BTreeSet<u32> {
    let (mut interfaces, mut trees) = (BTreeSet::new(), BTreeSet::new());
    for root in 1..tables.roots.len() {
        let tree = tables.roots.get(root);
        if tree != 0 {
            interfaces.insert(InterfacePlaces::interface_of_root(root));
            trees.extend(u32::try_from(tree).ok());
        }
    }
    let mut left: Vec<u32> = trees.iter().copied().collect();
    let (mut next_hops, mut groups) = (BTreeSet::new(), BTreeSet::new());
    while let Some(tree) = left.pop() {
        for value in values(tables, tree) {
            next_hops.extend(value.as_next_hop());
            groups.extend(value.as_group());
            let subtree = value.as_subtree().filter(|subtree| trees.insert(*subtree));
            left.extend(subtree);
        }
    }
    for group in groups {
        let Some(group) = entry(&tables.next_hop_groups, group) else { continue };
        next_hops.extend(group.members.into_iter().take((group.count as usize).min(MAX_MEMBERS)));
    }
    interfaces.extend(next_hops.into_iter().map(InterfacePlaces::interface_of_next_hop));
    interfaces
}

/// The different values of a tree. They repeat all the time, and a tree can have ten thousands.
fn values(tables: &KernelTables, tree: u32) -> Vec<RouteValue> {
    let Some(tree) = entry(&tables.trees, tree) else { return Vec::new() };
    let lines = tree.last_interval / VALUES + 1;
    let lines = (0..lines).map(|line| tree.value_lines.saturating_add(line));
    let lines = lines.map_while(|line| entry(&tables.fib_lines, line));
    let mut words: Vec<u32> = lines.flat_map(|line| *line.words()).collect();
    words.sort_unstable();
    words.dedup();
    words.into_iter().map(RouteValue::from_bits).collect()
}

fn entry<T: zerocopy::FromBytes + zerocopy::IntoBytes + zerocopy::Immutable>(
    array: &MappedArray<T>,
    index: u32,
) -> Option<T> {
    (index < array.len()).then(|| array.get(index))
}
