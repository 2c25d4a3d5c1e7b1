//! The sizes that are planned are enough.

use super::{
    super::{FibSizes, FibStore, HostArrays, StoreError, TableLimits, Tidied, sizes_for},
    Listed, NoReaders, list, tree_of,
};

/// The worst routes of IPv4: none next to another, each to its own next hop.
fn worst_v4(count: u32, salt: u32) -> Listed {
    let route = |number: u32| {
        (u128::from(2 * number + 1) << 9 | u128::from(salt) << 1, 31, vec![number + salt])
    };
    list(false, (0..count).map(route).collect())
}

/// The worst of IPv6: hosts in /64s of their own, none next to another, with other lower halves.
fn worst_v6(count: u32, salt: u32) -> Listed {
    let route = |number: u32| {
        let upper = u128::from(2 * number + 1) << 64;
        (upper | u128::from(number << 12 | salt << 4 | 8), 128, vec![number + salt])
    };
    list(true, (0..count).map(route).collect())
}

#[test]
fn figures_are_those_of_the_documents() {
    let side = TableLimits { v4: 4_000, v6: 0 };
    let sizes = sizes_for([side; 1_000], 12);
    // 1,037 lines of IPv4 and one of the empty table of IPv6; a quarter more; the largest; line 0.
    assert_eq!(sizes.lines, 1_038_000 + 259_500 + 1_037 + 1);
    assert_eq!(sizes.trees, 2 * 2_000 + 1);
    assert_eq!((sizes.roots, sizes.groups), (2_001, 12_001));
    // 16.6 bytes a route, without what is kept free.
    assert!((1_037.0 * 64.0 / 4_000.0 - 16.6_f64).abs() < 0.01);
}

#[test]
fn the_worst_routes_have_the_lines_that_are_planned() {
    for (v4, v6) in [(0, 0), (1, 1), (7, 8), (8, 7), (4_000, 100), (10_000, 1_000), (32_767, 2_047)]
    {
        // The quarter and the largest change are left away.
        let planned = |v4, v6| {
            let sizes = sizes_for([TableLimits { v4, v6 }; 4], 1);
            let most = sizes_for([TableLimits { v4, v6 }; 8], 1).lines - sizes.lines;
            most / 5
        };
        let sizes = FibSizes { lines: 40_000, trees: 3_000, roots: 3, groups: 1 };
        let mut store = FibStore::new(HostArrays::new(sizes), NoReaders);
        worst_v4(v4, 1).swap(&mut store, 1).unwrap();
        worst_v6(v6, 1).swap(&mut store, 2).unwrap();
        assert_eq!(store.lines_of(1) + store.lines_of(2), planned(v4, v6), "{v4}, {v6}");
    }
}

/// Sides at their limits change by turns, and each change has room, whatever gaps those before have left.
#[test]
fn changes_have_room_in_the_planned_sizes() {
    let mut all_tidied = 0;
    for seed in 0..6 {
        let mut random = fastrand::Rng::with_seed(seed as u64);
        // With few sides, a change is a large part of the memory.
        let limits: Vec<TableLimits> = (0..[1, 2, 3, 12, 12, 12][seed])
            .map(|side| TableLimits { v4: [1_000, 250, 80][side % 3], v6: [10, 40, 0][side % 3] })
            .collect();
        let sizes = sizes_for(limits.iter().copied(), 1);
        let mut store = FibStore::new(HostArrays::new(sizes), NoReaders);
        let (mut tidied, mut moved) = (0, 0);
        let mut tables = vec![Listed::default(); sizes.roots as usize];
        for step in 0..500 {
            let side = random.usize(..limits.len());
            let TableLimits { v4, v6 } = limits[side];
            // Most of the time near the limit, as it is then that memory is scarce.
            let count = |random: &mut fastrand::Rng, limit: u32| match random.u32(..10) {
                0 => random.u32(..=limit),
                1..5 => limit,
                _ => random.u32(limit - limit / 8..=limit),
            };
            let is_v6 = random.bool();
            let root = 2 * side as u32 + 1 + u32::from(is_v6);
            let table = if is_v6 {
                worst_v6(count(&mut random, v6), step % 100)
            } else {
                worst_v4(count(&mut random, v4), step % 100)
            };
            let mut result = table.swap(&mut store, root);
            while let Err(StoreError::Full(full)) = result {
                assert!(full.free >= full.wanted, "seed {seed}, step {step}: {full}");
                tidied += 1;
                let before = store.usage();
                assert!(tidied < 300, "seed {seed}, step {step}: {full} {before:?}");
                match store.tidy(full.wanted) {
                    Tidied::Moved(lines) => moved += lines,
                    other @ (Tidied::Enough | Tidied::Stuck) => {
                        panic!("seed {seed}, step {step}: {other:?}, {full}")
                    }
                }
                result = table.swap(&mut store, root);
            }
            result.unwrap();
            tables[root as usize] = table;
        }
        // Moving a part of the memory is enough, and is seldom needed.
        assert!(tidied < 200 && moved < 20 * sizes.lines, "{tidied}, {moved}");
        all_tidied += tidied;
        for (root, table) in (0..).zip(&tables) {
            table.check(store.arrays(), tree_of(store.arrays(), root));
        }
    }
    // Without it, there would have been no room.
    assert!(all_tidied > 0);
}
