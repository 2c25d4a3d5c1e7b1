//! Equal content is there once.

use super::{
    super::{FibSizes, FibStore, HostArrays, edit::Swapped},
    Listed, NoReaders, assert_empty, list, tree_of,
};

const SIZES: FibSizes = FibSizes { lines: 2_000, trees: 50, roots: 20, groups: 10 };

fn store() -> FibStore<HostArrays, NoReaders> {
    FibStore::new(HostArrays::new(SIZES), NoReaders)
}

/// `count` /24 prefixes apart from each other, from 10.0.0.0 on, to one next hop.
fn prefixes(count: u32, next_hop: u32) -> Listed {
    let route = |number: u32| (u128::from(10 << 24 | number << 9), 24, vec![next_hop]);
    list(false, (0..count).map(route).collect())
}

#[test]
fn equal_tables_are_one_tree() {
    let mut store = store();
    let table = prefixes(100, 1);
    // 201 intervals: 13 lines of starts, one above them, 13 of values.
    let swapped = table.swap(&mut store, 1);
    assert_eq!(swapped, Ok(Swapped { is_changed: true, new_lines: 27, shared_lines: 0 }));
    let free = store.usage().free_lines;
    for root in 2..20 {
        let swapped = table.swap(&mut store, root);
        assert_eq!(swapped, Ok(Swapped { is_changed: true, new_lines: 0, shared_lines: 27 }));
        assert_eq!(tree_of(store.arrays(), root), tree_of(store.arrays(), 1));
    }
    assert_eq!(store.usage().free_lines, free);
    assert_eq!(store.usage().free_trees, SIZES.trees - 2);
    // The last of them lets go of it.
    for root in (1..20).rev() {
        assert_eq!(store.lines_of(root), 27);
        assert_eq!(store.edit().clear(root), Ok(true));
        assert_eq!(store.edit().clear(root), Ok(false));
    }
    store.collect();
    assert_empty(store.usage(), SIZES);
}

#[test]
fn the_same_routes_again_change_nothing() {
    let mut store = store();
    let table = prefixes(100, 1);
    table.swap(&mut store, 1).unwrap();
    let before = store.arrays().clone();
    let swapped = table.swap(&mut store, 1);
    assert_eq!(swapped, Ok(Swapped { is_changed: false, new_lines: 0, shared_lines: 27 }));
    let after = store.arrays();
    assert_eq!((&before.roots, &before.fib.lines), (&after.roots, &after.fib.lines));
    assert_eq!((before.fib.trees, store.usage().waiting), (after.fib.trees.clone(), 0));
}

/// The two links of a peering have the same prefixes, by other next hops: the starts are there once.
#[test]
fn equal_levels_are_shared() {
    let mut store = store();
    prefixes(100, 1).swap(&mut store, 1).unwrap();
    let swapped = prefixes(100, 2).swap(&mut store, 2);
    assert_eq!(swapped, Ok(Swapped { is_changed: true, new_lines: 13, shared_lines: 14 }));
    // The table that stays keeps them.
    store.edit().clear(1).unwrap();
    store.collect();
    prefixes(100, 2).check(store.arrays(), tree_of(store.arrays(), 2));
    assert_eq!(store.usage().free_lines, SIZES.lines - 1 - 27);
    store.edit().clear(2).unwrap();
    store.collect();
    assert_empty(store.usage(), SIZES);
}

/// Hosts with the same lower half in many /64s: one subtree, in one table and in others.
#[test]
fn equal_subtrees_are_one() {
    let mut store = store();
    let host = |number: u128| (0x2001_0db8 << 96 | number << 65 | 1, 128, vec![3]);
    let table = list(true, (0..40).map(host).collect());
    table.swap(&mut store, 1).unwrap();
    table.check(store.arrays(), tree_of(store.arrays(), 1));
    assert_eq!(store.usage().free_trees, SIZES.trees - 1 - 2);
    // 81 intervals: 11 lines of starts, 2 and 1 above them, 6 of values; and the subtree's two.
    assert_eq!(store.lines_of(1), 22);
    let other = list(true, (100..105).map(host).collect());
    other.swap(&mut store, 2).unwrap();
    assert_eq!(store.usage().free_trees, SIZES.trees - 1 - 3);
    store.edit().clear(1).unwrap();
    store.collect();
    other.check(store.arrays(), tree_of(store.arrays(), 2));
    store.edit().clear(2).unwrap();
    store.collect();
    assert_empty(store.usage(), SIZES);
}
