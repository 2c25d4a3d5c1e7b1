//! A daemon that dies between any two stores, or in one: whoever takes over finds every table as it was last published.

use edge_common::{
    abi::{
        fib::{FibLine, Tree},
        routing::NextHopGroup,
    },
    fib::Lines,
};
use proptest::prelude::*;

use super::{
    super::{FibSizes, FibStore, HostArrays, StoreError, arrays::FibArrays},
    Listed, NoReaders, assert_empty, listed, tree_of,
};

const SIZES: FibSizes = FibSizes { lines: 80, trees: 40, roots: 4, groups: 12 };

#[derive(Clone, Copy, Debug)]
enum ArrayStore {
    Line(u32, FibLine),
    Tree(u32, Tree),
    Group(u32, NextHopGroup),
    Root(u32, u64),
}

impl ArrayStore {
    fn apply(self, arrays: &mut HostArrays) {
        match self {
            Self::Line(index, line) => arrays.write_line(index, &line),
            Self::Tree(index, tree) => arrays.write_tree(index, &tree),
            Self::Group(index, group) => arrays.write_group(index, &group),
            Self::Root(index, tree) => arrays.publish(index, tree),
        }
    }

    /// As far as it got: a word is written whole or not at all, a record is not.
    fn half(self) -> Option<Self> {
        let torn = [0xdead_beef; 16];
        match self {
            Self::Line(index, _) => Some(Self::Line(index, FibLine::of_words(torn))),
            Self::Tree(index, _) => Some(Self::Tree(index, Tree::new([7; 4], 9, 7, u32::MAX))),
            Self::Group(index, group) => {
                Some(Self::Group(index, NextHopGroup { count: 77, ..group }))
            }
            Self::Root(..) => None,
        }
    }
}

/// Arrays that note each store.
struct Noted {
    arrays: HostArrays,
    stores: Vec<ArrayStore>,
}

impl Noted {
    fn note(&mut self, store: ArrayStore) {
        store.apply(&mut self.arrays);
        self.stores.push(store);
    }
}

impl Lines for Noted {
    fn line(&self, index: u32) -> Option<&FibLine> {
        self.arrays.line(index)
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        self.arrays.tree(index)
    }
}

impl FibArrays for Noted {
    fn sizes(&self) -> FibSizes {
        self.arrays.sizes()
    }

    fn root(&self, index: u32) -> Option<u64> {
        self.arrays.root(index)
    }

    fn group(&self, index: u32) -> Option<&NextHopGroup> {
        self.arrays.group(index)
    }

    fn write_line(&mut self, index: u32, line: &FibLine) {
        self.note(ArrayStore::Line(index, *line));
    }

    fn write_tree(&mut self, index: u32, tree: &Tree) {
        self.note(ArrayStore::Tree(index, *tree));
    }

    fn write_group(&mut self, index: u32, group: &NextHopGroup) {
        self.note(ArrayStore::Group(index, *group));
    }

    fn publish(&mut self, root: u32, tree: u64) {
        self.note(ArrayStore::Root(root, tree));
    }
}

/// Takes over, holds each root against its table, and goes on.
fn check(arrays: HostArrays, tables: &[Listed], next: &Listed) {
    let (mut store, broken) = FibStore::take_over(arrays, NoReaders);
    assert_eq!(broken, []);
    for (root, table) in (0..).zip(tables) {
        table.check(store.arrays(), tree_of(store.arrays(), root));
    }
    let expected = match next.swap(&mut store, 1) {
        Ok(_) => next,
        Err(StoreError::Full(_)) => &tables[1],
        Err(other) => panic!("{other}"),
    };
    expected.check(store.arrays(), tree_of(store.arrays(), 1));
    for (root, table) in (0..).zip(tables).skip(2) {
        table.check(store.arrays(), tree_of(store.arrays(), root));
    }
    for root in 1..SIZES.roots {
        store.edit().clear(root).unwrap();
    }
    store.collect();
    assert_empty(store.usage(), SIZES);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_prefix_of_the_stores_is_in_order(
        swaps in prop::collection::vec((1..SIZES.roots, listed()), 1..12),
        next in listed(),
    ) {
        let noted = Noted { arrays: HostArrays::new(SIZES), stores: Vec::new() };
        let mut store = FibStore::new(noted, NoReaders);
        // Tables by the number of the store that publishes them.
        let mut published = Vec::new();
        for (root, table) in swaps {
            match table.swap(&mut store, root) {
                Ok(swapped) if swapped.is_changed => {
                    published.push((store.arrays().stores.len() - 1, root, table));
                }
                Ok(_) | Err(StoreError::Full(_)) => {}
                Err(other) => panic!("{other}"),
            }
        }
        let mut arrays = HostArrays::new(SIZES);
        let mut tables = vec![Listed::default(); SIZES.roots as usize];
        let mut published = published.into_iter().peekable();
        for (number, store) in store.arrays().stores.iter().enumerate() {
            check(arrays.clone(), &tables, &next);
            if let Some(half) = store.half() {
                let mut torn = arrays.clone();
                half.apply(&mut torn);
                check(torn, &tables, &next);
            }
            store.apply(&mut arrays);
            if let Some((_, root, table)) = published.next_if(|(at, ..)| *at == number) {
                tables[root as usize] = table;
            }
        }
        check(arrays, &tables, &next);
        prop_assert!(published.next().is_none());
    }
}
