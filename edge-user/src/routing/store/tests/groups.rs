//! Groups of next hops, and what a store refuses.

use edge_common::{abi::fib::RouteValue, host::fib::Route};

use super::{
    super::{FibSizes, FibStore, FullArray, HostArrays, StoreError, StoreFull},
    NoReaders, assert_empty, list, tree_of,
};

const SIZES: FibSizes = FibSizes { lines: 40, trees: 5, roots: 4, groups: 4 };

fn store() -> FibStore<HostArrays, NoReaders> {
    FibStore::new(HostArrays::new(SIZES), NoReaders)
}

fn all(value: RouteValue) -> [Route<u32>; 1] {
    [Route { first: 0, last: u32::MAX, value }]
}

#[test]
fn a_group_is_there_once_and_as_long_as_a_route_has_it() {
    let mut store = store();
    let mut edit = store.edit();
    let group = edit.group(&[7, 8]).unwrap();
    assert_eq!(edit.group(&[7, 8]), Ok(group));
    assert_ne!(edit.group(&[8, 7]), Ok(group));
    edit.swap_v4(1, &all(group)).unwrap();
    drop(edit);
    // The one without a route is gone.
    assert_eq!(store.usage().free_groups, SIZES.groups - 2);
    assert!(store.is_next_hop_used(7) && store.is_next_hop_used(8));
    assert_eq!(store.edit().group(&[7, 8]), Ok(group));
    store.edit().clear(1).unwrap();
    store.collect();
    assert!(!store.is_next_hop_used(7));
    assert_empty(store.usage(), SIZES);
}

#[test]
fn one_next_hop_is_no_group() {
    let mut store = store();
    assert_eq!(store.edit().group(&[9]), Ok(RouteValue::next_hop(9).unwrap()));
    list(false, vec![(0, 0, vec![9])]).swap(&mut store, 1).unwrap();
    assert_eq!(store.usage().free_groups, SIZES.groups - 1);
    assert!(store.is_next_hop_used(9) && !store.is_next_hop_used(8));
}

#[test]
fn what_can_be_no_group_is_refused() {
    let mut store = store();
    let mut edit = store.edit();
    assert_eq!(edit.group(&[]), Err(StoreError::Members { members: 0 }));
    assert_eq!(edit.group(&[1; 9]), Err(StoreError::Members { members: 9 }));
    assert_eq!(edit.group(&[1 << 20]), Err(StoreError::NextHop { index: 1 << 20 }));
    assert_eq!(edit.group(&[1, 1 << 20]), Err(StoreError::NextHop { index: 1 << 20 }));
    for number in 1..4 {
        edit.group(&[number, number + 1]).unwrap();
    }
    let full = StoreFull { array: FullArray::Groups, wanted: 1, free: 0, together: 0, waiting: 0 };
    assert_eq!(edit.group(&[5, 6]), Err(full.into()));
    drop(edit);
    assert_empty(store.usage(), SIZES);
}

/// An index of an edit that has ended may have another owner by now.
#[test]
fn values_of_nobody_are_refused() {
    let mut store = store();
    let group = store.edit().group(&[1, 2]).unwrap();
    let subtree = RouteValue::subtree(1).unwrap();
    for value in [group, subtree] {
        let refused = store.edit().swap_v4(1, &all(value));
        assert_eq!(refused, Err(StoreError::UnknownValue { value }));
    }
    for value in [RouteValue::LOCAL, RouteValue::BLACKHOLE, RouteValue::NONE] {
        assert!(store.edit().swap_v4(1, &all(value)).is_ok());
    }
}

#[test]
fn there_are_the_roots_that_the_array_has() {
    let mut store = store();
    for root in [0, 4, u32::MAX] {
        let refused = StoreError::NoRoot { root, roots: 4 };
        assert_eq!(store.edit().swap_v4(root, &[]), Err(refused));
        assert_eq!(store.edit().swap_v6(root, &[]), Err(refused));
        assert_eq!(store.edit().clear(root), Err(refused));
    }
    assert_eq!(tree_of(store.arrays(), 0), 0);
}

#[test]
fn a_full_memory_leaves_the_table_and_says_what_it_lacks() {
    let mut store = store();
    let table = |count: u32, from: u32| {
        let route = |number| (u128::from(from + 2 * number), 32, vec![from + number]);
        list(false, (0..count).map(route).collect())
    };
    // 65 intervals: 5 lines of starts, one above, 5 of values; and 201: 13, 1, 13.
    let (small, large) = (table(32, 1000), table(100, 2000));
    small.swap(&mut store, 1).unwrap();
    large.swap(&mut store, 2).unwrap();
    let free = SIZES.lines - 1 - 11 - 27;
    let full = StoreFull { array: FullArray::Lines, wanted: 11, free, together: free, waiting: 0 };
    assert_eq!(table(32, 5000).swap(&mut store, 1), Err(full.into()));
    assert_eq!(
        full.to_string(),
        "the forwarding tables' memory is full: the change needs 11 lines, and 1 are free (1 in one piece); the \
         table stays as it was until others get smaller or replaced trees become free (now 0)"
    );
    small.check(store.arrays(), tree_of(store.arrays(), 1));
    large.check(store.arrays(), tree_of(store.arrays(), 2));
    assert_eq!(store.usage().free_lines, free);
    // Trees run out, too: 4 are free.
    store.edit().clear(2).unwrap();
    let hosts = |count: u128| {
        let route = |number| (number << 64 | number, 128, vec![1]);
        list(true, (0..count).map(route).collect())
    };
    let full = StoreFull { array: FullArray::Trees, wanted: 5, free: 3, together: 3, waiting: 0 };
    assert_eq!(hosts(4).swap(&mut store, 3), Err(full.into()));
    hosts(2).swap(&mut store, 3).unwrap();
}

#[test]
fn more_intervals_than_a_tree_has_are_refused() {
    let sizes = FibSizes { lines: 20_000, trees: 9, roots: 2, groups: 1 };
    let mut store = FibStore::new(HostArrays::new(sizes), NoReaders);
    let apart = |count: u32| -> Vec<Route<u32>> {
        let value = RouteValue::next_hop(1).unwrap();
        let route = |number| Route { first: 2 * number + 1, last: 2 * number + 1, value };
        (0..count).map(route).collect()
    };
    assert!(store.edit().swap_v4(1, &apart(32_767)).is_ok());
    let routes = 32_768;
    let refused = store.edit().swap_v4(1, &apart(32_768));
    assert_eq!(refused, Err(StoreError::TooManyRoutes { routes }));
    // The table is that of before.
    assert_eq!(store.lines_of(1), 4096 + 256 + 16 + 1 + 4096);
}
