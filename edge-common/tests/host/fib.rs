//! Trees of intervals against the longest match of a list.

use edge_common::{
    abi::fib::{RouteValue, VALUES},
    fib::{find, find_v6},
    host::fib::{HostFib, Route, intervals},
};
use proptest::prelude::*;

fn value(number: u32) -> RouteValue {
    RouteValue::next_hop(number).unwrap()
}

fn v4(address: u32, len: u32) -> (u32, u32) {
    let mask = u32::MAX.checked_shl(32 - len).unwrap_or(0);
    (address & mask, address | !mask)
}

fn v6(address: u128, len: u32) -> (u128, u128) {
    let mask = u128::MAX.checked_shl(128 - len).unwrap_or(0);
    (address & mask, address | !mask)
}

/// The routes of these prefixes, each with its place as its value.
fn routes<A: Copy>(prefixes: &[(A, A)]) -> Vec<Route<A>> {
    let numbered = (0..).zip(prefixes);
    numbered
        .map(|(number, (first, last))| Route { first: *first, last: *last, value: value(number) })
        .collect()
}

/// The last of the shortest routes around an address.
fn longest<A: Copy + Ord>(routes: &[Route<A>], address: A) -> RouteValue {
    let around = routes.iter().filter(|route| route.first <= address && address <= route.last);
    // Of prefixes around one address, one that begins later or ends earlier is longer.
    let best = around.reduce(|best, route| {
        let is_within = route.first >= best.first && route.last <= best.last;
        if is_within { route } else { best }
    });
    best.map_or(RouteValue::NONE, |route| route.value)
}

/// Addresses at which something may change, and others.
fn v4_address() -> impl Strategy<Value = u32> {
    prop_oneof![
        any::<u32>(),
        // Prefixes near each other.
        (0u32..4, 0u32..4, 0u32..4).prop_map(|(a, b, c)| a << 30 | b << 15 | c),
        Just(0),
        Just(u32::MAX),
    ]
}

fn v6_address() -> impl Strategy<Value = u128> {
    let near = (0u128..4, 0u128..4, 0u128..4, 0u128..4);
    prop_oneof![
        any::<u128>(),
        near.prop_map(|(a, b, c, d)| a << 126 | b << 64 | c << 62 | d),
        Just(0),
        Just(u128::MAX),
    ]
}

proptest! {
    #[test]
    fn the_longest_match_of_ipv4_is_found(
        prefixes in prop::collection::vec((v4_address(), 0..=32u32), 0..300),
        others in prop::collection::vec(v4_address(), 50),
    ) {
        let prefixes: Vec<_> = prefixes.into_iter().map(|(address, len)| v4(address, len)).collect();
        let routes = routes(&prefixes);
        let mut fib = HostFib::default();
        let index = fib.add(&intervals(&routes)).unwrap();
        let tree = fib.trees[index as usize];
        let ends = prefixes.iter().flat_map(|(first, last)| [
            *first, first.wrapping_sub(1), *last, last.wrapping_add(1),
        ]);
        for address in ends.chain(others) {
            prop_assert_eq!(find(&fib, &tree, address), Some(longest(&routes, address)), "{:#x}", address);
        }
    }

    #[test]
    fn the_longest_match_of_ipv6_is_found(
        prefixes in prop::collection::vec((v6_address(), 0..=128u32), 0..100),
        others in prop::collection::vec(v6_address(), 50),
    ) {
        let prefixes: Vec<_> = prefixes.into_iter().map(|(address, len)| v6(address, len)).collect();
        let routes = routes(&prefixes);
        let mut fib = HostFib::default();
        let index = fib.add_v6(&routes).unwrap();
        let tree = fib.trees[index as usize];
        let ends = prefixes.iter().flat_map(|(first, last)| [
            *first, first.wrapping_sub(1), *last, last.wrapping_add(1),
        ]);
        for address in ends.chain(others) {
            let halves = [(address >> 64) as u64, address as u64];
            prop_assert_eq!(find_v6(&fib, &tree, halves), Some(longest(&routes, address)), "{:#x}", address);
        }
    }

    #[test]
    fn neighbours_differ_and_starts_ascend(
        prefixes in prop::collection::vec((v4_address(), 0..=32u32), 0..100),
    ) {
        let prefixes: Vec<_> = prefixes.into_iter().map(|(address, len)| v4(address, len)).collect();
        let intervals = intervals(&routes(&prefixes));
        prop_assert_eq!(intervals[0].0, 0);
        for pair in intervals.windows(2) {
            prop_assert!(pair[0].0 < pair[1].0 && pair[0].1 != pair[1].1, "{:?}", pair);
        }
    }
}

/// Prefixes of 16 to 32 bits, none of which is next to another.
fn scattered(count: u32) -> Vec<(u32, u32)> {
    // An odd factor has each number hit another address.
    (0..count).map(|number| v4(number.wrapping_mul(0x9e37_79b1), 16 + number % 17)).collect()
}

#[test]
fn a_tree_of_any_size_finds_each_route() {
    for count in [0, 1, 7, 8, 127, 128, 2047, 2048, 4_000, 10_000, 32_767] {
        let routes = routes(&scattered(count));
        let mut fib = HostFib::default();
        let index = fib.add(&intervals(&routes)).unwrap();
        let tree = fib.trees[index as usize];
        for route in routes.iter().step_by(97) {
            let expected = longest(&routes, route.first);
            assert_eq!(find(&fib, &tree, route.first), Some(expected), "{count}");
        }
        let levels = (0..=4).find(|levels| 16u64.pow(*levels) > u64::from(tree.last_interval));
        assert_eq!(Some(tree.levels), levels, "{count}");
    }
}

#[test]
fn a_route_takes_sixteen_bytes_and_a_fraction() {
    for count in [4_000, 10_000] {
        let mut fib = HostFib::default();
        fib.add(&intervals(&routes(&scattered(count)))).unwrap();
        let bytes = fib.lines.len() * 64;
        assert!(bytes <= count as usize * 20, "{bytes} bytes for {count} routes");
    }
}

#[test]
fn more_intervals_than_a_tree_holds_are_refused() {
    let intervals = |count| (0..count).map(|start| (start, value(start % 2))).collect::<Vec<_>>();
    let fits = |count| HostFib::default().add(&intervals(count)).is_some();
    assert_eq!((fits(1 << 16), fits((1 << 16) + 1)), (true, false));
    let long = |count| intervals(count).into_iter().map(|(start, hop)| (u64::from(start), hop));
    let fits = |count| HostFib::default().add(&long(count).collect::<Vec<_>>()).is_some();
    assert_eq!((fits(1 << 12), fits((1 << 12) + 1)), (true, false));
}

#[test]
fn a_table_without_routes_has_none_for_any_address() {
    let mut fib = HostFib::default();
    let index = fib.add::<u32>(&intervals(&[])).unwrap();
    let tree = fib.trees[index as usize];
    assert_eq!((tree.levels, fib.lines.len()), (0, 1));
    for address in [0, 1, u32::MAX] {
        assert_eq!(find(&fib, &tree, address), Some(RouteValue::NONE));
    }
    // A line that is not there is no route, whichever it is.
    fib.lines.clear();
    assert_eq!(find(&fib, &tree, 0u32), None);
    assert_eq!(VALUES, 16);
}

#[test]
fn values_are_next_hops_or_subtrees() {
    assert_eq!(RouteValue::NONE.as_next_hop(), None);
    let most = (1 << 20) - 1;
    for index in [0, 1, most] {
        let hop = RouteValue::next_hop(index).unwrap();
        assert_eq!((hop.as_next_hop(), hop.as_subtree()), (Some(index), None));
        assert_eq!(RouteValue::from_bits(hop.to_bits()), hop);
        let subtree = RouteValue::subtree(index).unwrap();
        assert_eq!((subtree.as_next_hop(), subtree.as_subtree()), (None, Some(index)));
    }
    assert_eq!((RouteValue::next_hop(most + 1), RouteValue::subtree(most + 1)), (None, None));
}
