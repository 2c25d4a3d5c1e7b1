//! Free lines come together.

use proptest::prelude::*;

use super::{
    super::{FibSizes, FibStore, HostArrays, StoreError, Tidied},
    Listed, NoReaders, list, tree_of,
};

const SIZES: FibSizes = FibSizes { lines: 400, trees: 40, roots: 21, groups: 1 };

/// Routes that cut the addresses into twice as many pieces and one.
fn apart(count: u32, salt: u32) -> Listed {
    let route = |number: u32| (u128::from(8 * number + salt % 4 + 1), 32, vec![number + salt]);
    list(false, (0..count).map(route).collect())
}

fn swap(
    store: &mut FibStore<HostArrays, NoReaders>,
    tables: &mut [Listed],
    root: u32,
    table: Listed,
) {
    match table.swap(store, root) {
        Ok(_) => tables[root as usize] = table,
        Err(StoreError::Full(_)) => {}
        Err(other) => panic!("{other}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// All free lines come together, whatever tables have come and gone before, unless no gap is large enough to move
    /// anything. Tables stay what they are.
    #[test]
    fn all_free_lines_come_together(
        swaps in prop::collection::vec((1..SIZES.roots, 0..300u32, any::<u32>()), 1..80),
    ) {
        let mut store = FibStore::new(HostArrays::new(SIZES), NoReaders);
        let mut tables = vec![Listed::default(); SIZES.roots as usize];
        for (root, count, salt) in swaps {
            swap(&mut store, &mut tables, root, apart(count, salt % 1000));
        }
        store.collect();
        let free = store.usage().free_lines;
        let mut calls = 0;
        let end = loop {
            match store.tidy(free) {
                Tidied::Moved(_) => calls += 1,
                end @ (Tidied::Enough | Tidied::Stuck) => break end,
            }
            prop_assert!(calls < 500, "it does not end: {:?}", store.usage());
        };
        let usage = store.usage();
        if end == Tidied::Stuck {
            let together = usage.free_lines_together;
            prop_assert!(together < free && together < 38, "{:?}", usage);
        } else {
            prop_assert_eq!([usage.free_lines, usage.free_lines_together], [free; 2]);
        }
        for (root, table) in (0..).zip(&tables) {
            table.check(store.arrays(), tree_of(store.arrays(), root));
        }
    }
}

/// A tree that many roots have is made again once, and they have one again.
#[test]
fn what_was_shared_stays_shared() {
    let mut store = FibStore::new(HostArrays::new(SIZES), NoReaders);
    let mut tables = vec![Listed::default(); SIZES.roots as usize];
    swap(&mut store, &mut tables, 1, apart(300, 1));
    for root in 2..21 {
        swap(&mut store, &mut tables, root, apart(100, 7));
    }
    store.edit().clear(1).unwrap();
    tables[1] = Listed::default();
    store.collect();
    let before = store.usage();
    assert!(before.free_lines_together < before.free_lines);
    let lines = store.lines_of(2);
    while let Tidied::Moved(moved) = store.tidy(before.free_lines) {
        assert!(moved <= lines);
    }
    assert_eq!(store.usage().free_lines_together, before.free_lines);
    assert_eq!(store.usage().free_trees, before.free_trees);
    assert_eq!(store.usage().free_lines, before.free_lines);
    for (root, table) in (0..).zip(&tables) {
        table.check(store.arrays(), tree_of(store.arrays(), root));
        assert!(root < 2 || tree_of(store.arrays(), root) == tree_of(store.arrays(), 2));
    }
}

#[test]
fn there_is_nothing_to_do_where_there_is_room_or_none() {
    let mut store = FibStore::new(HostArrays::new(SIZES), NoReaders);
    assert_eq!(store.tidy(SIZES.lines - 1), Tidied::Enough);
    assert_eq!(store.tidy(SIZES.lines), Tidied::Stuck);
}
