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
    super::{
        FibSizes, FibStore, Flaw, HostArrays, StoreError, grace::Grace, intervals_of,
    },
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
                let _ = table.look_up(arrays, tree, route.first);
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
    // What is there can be shared at once, and nothing can be written.
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

/// The tree of a root, to be damaged.
fn tree(arrays: &mut HostArrays, root: u32) -> &mut Tree {
    let index = tree_of(arrays, root);
    &mut arrays.fib.trees[index as usize]
}

/// The first line of its last level.
fn a_leaf(arrays: &HostArrays, root: u32) -> u32 {
    let tree = &arrays.fib.trees[tree_of(arrays, root) as usize];
    tree.level_lines[tree.levels as usize - 1]
}

#[test]
fn a_broken_root_is_cleared_and_told() {
    type Damage = fn(&mut HostArrays);
    let v4 = list(false, (0..60).map(|n| (n << 9, 24, vec![1 + n as u32 % 3, 2])).collect());
    let v6 = list(true, (0..9).map(|n| (n << 64 | 1 + n, 128, vec![1])).collect());
    let mut store = FibStore::new(HostArrays::new(SIZES), NoReaders);
    for root in 1..4 {
        let table = if root == 2 { &v6 } else { &v4 };
        table.swap(&mut store, root).unwrap();
    }
    let sound = store.arrays().clone();
    let cases: [(Damage, Vec<u32>, fn(Flaw) -> bool); 12] = [
        (|a| a.roots[0] = 1, vec![0], |flaw| flaw == Flaw::RootOfNone),
        (|a| a.roots[2] = 1 << 32, vec![2], |flaw| flaw == Flaw::NoTree(1 << 32)),
        (|a| a.roots[2] = 80, vec![2], |flaw| flaw == Flaw::NoTree(80)),
        (|a| tree(a, 1).levels = 4, vec![1, 3], |flaw| matches!(flaw, Flaw::Levels(_))),
        (|a| tree(a, 1).last_interval = u32::MAX, vec![1, 3], |f| matches!(f, Flaw::Levels(_))),
        (|a| tree(a, 1).value_lines = 199, vec![1, 3], |f| matches!(f, Flaw::NoLine { line: 199, .. })),
        (|a| tree(a, 1).value_lines = 0, vec![1, 3], |f| matches!(f, Flaw::NoLine { line: 0, .. })),
        (|a| tree(a, 1).level_lines[0] = 500, vec![1, 3], |f| {
            matches!(f, Flaw::NoLine { line: 500, .. })
        }),
        // Its values are where the starts of its other half are.
        (|a| tree(a, 1).value_lines = a_leaf(a, 1) + 1, vec![1, 3], |f| {
            matches!(f, Flaw::Overlap(_) | Flaw::Value { .. })
        }),
        (|a| tree(a, 1).level_lines[0] = a_leaf(a, 1), vec![1, 3], |f| {
            matches!(f, Flaw::Order(_) | Flaw::Overlap(_))
        }),
        (|a| a.groups[1].count = 9, vec![1, 3], |f| matches!(f, Flaw::Value { .. })),
        (|a| a.groups[1].count = 0, vec![1, 3], |f| matches!(f, Flaw::Value { .. })),
    ];
    for (number, (damage, roots, is_flaw)) in cases.into_iter().enumerate() {
        let mut arrays = sound.clone();
        damage(&mut arrays);
        let (mut store, broken) = FibStore::take_over(arrays, NoReaders);
        let told: Vec<u32> = broken.iter().map(|broken| broken.root).collect();
        assert_eq!(told, roots, "{number}: {broken:?}");
        assert!(broken.iter().all(|broken| is_flaw(broken.flaw)), "{number}: {broken:?}");
        // The others go on, and nothing is lost.
        for root in 1..4 {
            let table = if root == 2 { &v6 } else { &v4 };
            if roots.contains(&root) {
                assert_eq!(tree_of(store.arrays(), root), 0);
                table.swap(&mut store, root).unwrap();
            }
            table.check(store.arrays(), tree_of(store.arrays(), root));
        }
        for root in 1..SIZES.roots {
            store.edit().clear(root).unwrap();
        }
        store.collect();
        assert_empty(store.usage(), SIZES);
    }
}
