//! Arrays that another process has left, in order or not.

use edge_common::{
    abi::{
        fib::{FibLine, RouteValue, Tree},
        routing::NextHopGroup,
    },
    host::fib::{Route, intervals},
};
use proptest::prelude::*;

use super::{
    super::{FibSizes, FibStore, Flaw, HostArrays, StoreError, grace::Grace, intervals_of},
    Listed, NoReaders, assert_empty, list, listed, tree_of,
};

const SIZES: FibSizes = FibSizes { lines: 200, trees: 80, roots: 5, groups: 16 };

/// Grace periods that have not ended until somebody says so.
struct Never<'a>(&'a std::cell::Cell<bool>);

impl Grace for Never<'_> {
    type Ticket = ();

    fn start(&mut self) {}

    fn is_over(&self, (): ()) -> bool {
        self.0.get()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Entries that no root refers to may have anything in them.
    #[test]
    fn garbage_is_no_obstacle(
        tables in prop::collection::vec(listed(), 4),
        garbage in prop::collection::vec(any::<u32>(), 64),
        next in listed(),
    ) {
        let mut arrays = HostArrays::new(SIZES);
        let mut garbage = garbage.into_iter().cycle();
        let mut words = || std::array::from_fn(|_| garbage.next().expect("words"));
        arrays.fib.lines.iter_mut().for_each(|line| *line = FibLine::of_words(words()));
        for (index, tree) in (0..).zip(&mut arrays.fib.trees) {
            let [a, b, c, d, ..] = words();
            *tree = Tree::new([a, b, index, d], c % 6, a, b % 100);
        }
        for group in &mut arrays.groups {
            let [a, b, ..] = words();
            *group = NextHopGroup { members: [a; 8], count: b, reserved: [b; 7] };
        }
        let (mut store, broken) = FibStore::take_over(arrays, NoReaders);
        prop_assert_eq!(broken, []);
        let mut published = vec![Listed::default()];
        for (root, table) in (1..).zip(tables) {
            let swapped = table.swap(&mut store, root);
            published.push(if swapped.is_ok() { table } else { Listed::default() });
        }
        let (mut store, broken) = FibStore::take_over(store.arrays().clone(), NoReaders);
        prop_assert_eq!(broken, []);
        for (root, table) in (0..).zip(&published) {
            table.check(store.arrays(), tree_of(store.arrays(), root));
        }
        if next.swap(&mut store, 2).is_ok() {
            published[2] = next;
        }
        for (root, table) in (0..).zip(&published) {
            table.check(store.arrays(), tree_of(store.arrays(), root));
        }
        for root in 1..SIZES.roots {
            store.edit().clear(root).unwrap();
        }
        store.collect();
        assert_empty(store.usage(), SIZES);
    }

    #[test]
    fn intervals_are_read_back(prefixes in prop::collection::vec((any::<u32>(), 0..=32u32), 0..300)) {
        let route = |(address, len): (u32, u32)| {
            let below = u32::MAX.checked_shr(len).unwrap_or(0);
            let value = RouteValue::next_hop(len).expect("an index");
            Route { first: address & !below, last: address | below, value }
        };
        let routes: Vec<_> = prefixes.into_iter().map(route).collect();
        let mut store = FibStore::new(HostArrays::new(SIZES), NoReaders);
        store.edit().swap_v4(1, &routes).unwrap();
        let tree = store.arrays().fib.trees[tree_of(store.arrays(), 1) as usize];
        prop_assert_eq!(intervals_of::<u32>(store.arrays(), &tree), Some(intervals(&routes)));
    }

    /// One word of what roots refer to is another: either the tables are as before, or the root is cleared; never is
    /// there a look-up that fails.
    #[test]
    fn damage_is_found_or_harmless(
        tables in prop::collection::vec(listed(), 4),
        in_tree in any::<bool>(),
        place in any::<prop::sample::Index>(),
        word in prop_oneof![any::<u32>(), 0u32..300],
    ) {
        let mut store = FibStore::new(HostArrays::new(SIZES), NoReaders);
        for (root, table) in (1..).zip(&tables) {
            let _ = table.swap(&mut store, root);
        }
        let mut arrays = store.arrays().clone();
        if in_tree {
            let tree = tree_of(&arrays, 1 + place.index(4) as u32) as usize;
            let mut words: [u32; 8] = zerocopy::transmute!(arrays.fib.trees[tree]);
            words[place.index(7)] = word;
            arrays.fib.trees[tree] = zerocopy::transmute!(words);
        } else {
            let line = place.get(&arrays.fib.lines).to_owned();
            let mut words = *line.words();
            words[word as usize % 16] = word;
            let index = place.index(arrays.fib.lines.len());
            arrays.fib.lines[index] = FibLine::of_words(words);
        }
        let (store, broken) = FibStore::take_over(arrays, NoReaders);
        let arrays = store.arrays();
        for (root, table) in (1..).zip(&tables) {
            let tree = tree_of(arrays, root);
            let is_broken = broken.iter().any(|broken| broken.root == root);
            prop_assert!(!is_broken || tree == 0);
            for route in table.routes.iter().filter(|_| tree != 0) {
                prop_assert!(table.value(arrays, tree, route.first).is_some());
            }
        }
    }
}

#[test]
fn what_no_root_refers_to_waits_for_a_grace_period() {
    let is_over = std::cell::Cell::new(false);
    let table = list(false, vec![(1 << 30, 8, vec![1, 2])]);
    let mut store = FibStore::new(HostArrays::new(SIZES), NoReaders);
    table.swap(&mut store, 1).unwrap();
    let (mut store, _) = FibStore::take_over(store.arrays().clone(), Never(&is_over));
    assert!(!store.collect());
    // Lines that are there can be shared at once, and nothing can be written.
    table.swap(&mut store, 2).unwrap();
    let other = list(false, vec![(2 << 30, 8, vec![1, 2])]);
    let full = other.swap(&mut store, 3);
    assert!(matches!(full, Err(StoreError::Full(full)) if full.waiting > 0), "{full:?}");
    is_over.set(true);
    assert!(store.collect());
    other.swap(&mut store, 3).unwrap();
    assert!(store.is_next_hop_used(1));
}

/// Tables of a process that has died are shared with those of this one.
#[test]
fn what_is_found_is_shared() {
    let table = list(false, (0..100).map(|n| (n << 9, 24, vec![1, 2])).collect());
    let mut store = FibStore::new(HostArrays::new(SIZES), NoReaders);
    table.swap(&mut store, 1).unwrap();
    let (mut store, _) = FibStore::take_over(store.arrays().clone(), NoReaders);
    let swapped = table.swap(&mut store, 1).unwrap();
    assert_eq!((swapped.is_changed, swapped.new_lines), (false, 0));
    let swapped = table.swap(&mut store, 2).unwrap();
    assert_eq!((swapped.is_changed, swapped.new_lines), (true, 0));
}

/// A damage, the roots that it breaks, and the flaw that is told.
type Damage = (fn(&mut HostArrays), &'static [u32], fn(Flaw) -> bool);

/// Roots 1 and 3 have tree 1, and root 2 has tree 11 with the subtrees from 2 to 10.
const DAMAGES: [Damage; 15] = [
    (|a| a.roots[0] = 1, &[0], |flaw| flaw == Flaw::RootOfNone),
    (|a| a.roots[2] = 1 << 32, &[2], |flaw| flaw == Flaw::NoTree(1 << 32)),
    (|a| a.roots[2] = 80, &[2], |flaw| flaw == Flaw::NoTree(80)),
    (|a| a.fib.trees[1].levels = 4, &[1, 3], |flaw| flaw == Flaw::Levels(1)),
    (|a| a.fib.trees[1].last_interval = u32::MAX, &[1, 3], |flaw| flaw == Flaw::Levels(1)),
    (|a| a.fib.trees[1].value_lines = 199, &[1, 3], |flaw| is_line(flaw, 199)),
    (|a| a.fib.trees[1].value_lines = u32::MAX, &[1, 3], |flaw| is_line(flaw, u32::MAX)),
    (|a| a.fib.trees[1].value_lines = 0, &[1, 3], |flaw| is_line(flaw, 0)),
    (|a| a.fib.trees[1].level_lines[0] = 500, &[1, 3], |flaw| is_line(flaw, 500)),
    (|a| a.fib.trees[1].level_lines[0] += 1, &[1, 3], |flaw| flaw == Flaw::Order(1)),
    (|a| a.fib.trees[2].value_lines = 0, &[2], |flaw| is_line(flaw, 0)),
    // A subtree in a subtree.
    (
        |a| {
            let line = &mut a.fib.lines[a.fib.trees[2].value_lines as usize];
            let mut words = *line.words();
            words[1] = RouteValue::subtree(3).unwrap().to_bits();
            *line = FibLine::of_words(words);
        },
        &[2],
        |flaw| matches!(flaw, Flaw::Value { tree: 2, .. }),
    ),
    // The last of tree 1's nine lines of values has one value, and would do for another tree.
    (
        |a| {
            a.fib.trees[70] = Tree::new([0; 4], 0, a.fib.trees[1].value_lines + 8, 0);
            a.roots[4] = 70;
        },
        &[4],
        |flaw| flaw == Flaw::Overlap(70),
    ),
    (|a| a.groups[1].count = 9, &[1, 3], |flaw| matches!(flaw, Flaw::Value { tree: 1, .. })),
    (|a| a.groups[1].count = 0, &[1, 3], |flaw| matches!(flaw, Flaw::Value { tree: 1, .. })),
];

fn is_line(flaw: Flaw, wanted: u32) -> bool {
    matches!(flaw, Flaw::NoLine { line, .. } if line == wanted)
}

#[test]
fn a_broken_root_is_cleared_and_told() {
    let v4 = list(false, (1..65).map(|n| (n << 9, 24, vec![1 + n as u32 % 3, 2])).collect());
    let v6 = list(true, (0..9).map(|n| ((n << 64) + n + 1, 128, vec![1])).collect());
    let table = |root: u32| if root == 2 { &v6 } else { &v4 };
    let mut store = FibStore::new(HostArrays::new(SIZES), NoReaders);
    for root in 1..4 {
        table(root).swap(&mut store, root).unwrap();
    }
    assert_eq!(store.arrays().roots, [0, 1, 11, 1, 0]);
    for (number, (damage, roots, is_flaw)) in DAMAGES.into_iter().enumerate() {
        let mut arrays = store.arrays().clone();
        damage(&mut arrays);
        let (mut store, broken) = FibStore::take_over(arrays, NoReaders);
        let told: Vec<u32> = broken.iter().map(|broken| broken.root).collect();
        assert_eq!(told, roots, "{number}: {broken:?}");
        assert!(broken.iter().all(|broken| is_flaw(broken.flaw)), "{number}: {broken:?}");
        assert!(roots.iter().all(|root| tree_of(store.arrays(), *root) == 0));
        // The others go on, and nothing is lost.
        for root in 1..4 {
            if roots.contains(&root) {
                table(root).swap(&mut store, root).unwrap();
            }
            table(root).check(store.arrays(), tree_of(store.arrays(), root));
        }
        for root in 1..SIZES.roots {
            store.edit().clear(root).unwrap();
        }
        store.collect();
        assert_empty(store.usage(), SIZES);
    }
}
