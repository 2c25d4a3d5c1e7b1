//! Swaps while others read: at every moment, each root has the table that it was turned to last, and each reader the
//! whole table that its root had when it began.

use std::{cell::RefCell, collections::BTreeMap, rc::Rc};

use proptest::{prelude::*, strategy::ValueTree};

use super::{
    super::{FibSizes, FibStore, FullArray, HostArrays, StoreError, Tidied, grace::Grace},
    Listed, assert_empty, listed, tree_of,
};

const SIZES: FibSizes = FibSizes { lines: 160, trees: 80, roots: 5, groups: 12 };

#[derive(Clone, Debug)]
enum Step {
    Swap(u32, Listed),
    /// To a table that a root had, or has.
    SwapBack(u32, prop::sample::Index),
    Clear(u32),
    Begin(u32),
    End(prop::sample::Index),
    /// Grace periods end that no reader holds up.
    Pass,
    /// Lines are moved to have so many together.
    Tidy(u32),
    /// The daemon dies, and another one takes over.
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let root = 1..SIZES.roots;
    prop_oneof![
        8 => (root.clone(), listed()).prop_map(|(root, table)| Step::Swap(root, table)),
        2 => (root.clone(), any::<prop::sample::Index>())
            .prop_map(|(root, which)| Step::SwapBack(root, which)),
        1 => root.clone().prop_map(Step::Clear),
        4 => root.prop_map(Step::Begin),
        4 => any::<prop::sample::Index>().prop_map(Step::End),
        4 => Just(Step::Pass),
        3 => (1..SIZES.lines).prop_map(Step::Tidy),
        1 => Just(Step::Restart),
    ]
}

/// Readers by their numbers, and how far grace periods have come.
#[derive(Default)]
struct Readers {
    now: u64,
    passed: u64,
    /// Times at which those began that have not ended.
    begun: BTreeMap<u64, (u32, Listed)>,
}

struct Watched(Rc<RefCell<Readers>>);

impl Grace for Watched {
    type Ticket = u64;

    fn start(&mut self) -> u64 {
        let mut readers = self.0.borrow_mut();
        readers.now += 1;
        readers.now
    }

    fn is_over(&self, ticket: u64) -> bool {
        let readers = self.0.borrow();
        ticket <= readers.passed && readers.begun.keys().all(|begun| *begun > ticket)
    }
}

struct World {
    store: FibStore<HostArrays, Watched>,
    readers: Rc<RefCell<Readers>>,
    tables: Vec<Listed>,
    seen: Vec<Listed>,
    full: u32,
}

impl World {
    fn new() -> Self {
        let readers = Rc::new(RefCell::new(Readers::default()));
        let arrays = HostArrays::new(SIZES);
        let store = FibStore::new(arrays, Watched(Rc::clone(&readers)));
        let tables = vec![Listed::default(); SIZES.roots as usize];
        Self { store, readers, tables, seen: vec![Listed::default()], full: 0 }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Swap(root, table) => self.swap(root, table),
            Step::SwapBack(root, which) => {
                let table = which.get(&self.seen).clone();
                self.swap(root, table);
            }
            Step::Clear(root) => {
                let had = tree_of(self.store.arrays(), root) != 0;
                assert_eq!(self.store.edit().clear(root), Ok(had));
                self.tables[root as usize] = Listed::default();
            }
            Step::Begin(root) => {
                let mut readers = self.readers.borrow_mut();
                readers.now += 1;
                let now = readers.now;
                let tree = tree_of(self.store.arrays(), root);
                readers.begun.insert(now, (tree, self.tables[root as usize].clone()));
            }
            Step::End(which) => {
                let mut readers = self.readers.borrow_mut();
                if !readers.begun.is_empty() {
                    let number = which.index(readers.begun.len());
                    let begun = readers.begun.keys().nth(number).copied();
                    begun.and_then(|begun| readers.begun.remove(&begun));
                }
            }
            Step::Pass => {
                let mut readers = self.readers.borrow_mut();
                readers.passed = readers.now;
            }
            Step::Tidy(together) => {
                let had = self.store.usage().free_lines_together;
                let tidied = self.store.tidy(together);
                assert!(
                    tidied != Tidied::Enough || self.store.usage().free_lines_together >= together
                );
                assert!(tidied == Tidied::Enough || had < together);
            }
            Step::Restart => {
                let arrays = self.store.arrays().clone();
                let (store, broken) = FibStore::take_over(arrays, Watched(self.readers.clone()));
                assert_eq!(broken, []);
                self.store = store;
            }
        }
        self.check();
    }

    fn swap(&mut self, root: u32, table: Listed) {
        let before = tree_of(self.store.arrays(), root);
        match table.swap(&mut self.store, root) {
            Ok(swapped) => {
                let after = tree_of(self.store.arrays(), root);
                assert_eq!(swapped.is_changed, before != after);
                let lines = swapped.new_lines + swapped.shared_lines;
                // Equal subtrees count each time that they come up.
                assert!(self.store.lines_of(root) <= lines, "{swapped:?}");
                self.seen.push(table.clone());
                self.tables[root as usize] = table;
            }
            Err(StoreError::Full(full)) => {
                assert_eq!(tree_of(self.store.arrays(), root), before);
                assert!(full.array != FullArray::Lines || full.together < full.wanted, "{full:?}");
                assert!(full.array != FullArray::Groups || full.free == 0, "{full:?}");
                self.full += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }

    fn check(&self) {
        let arrays = self.store.arrays();
        for (root, table) in (0..).zip(&self.tables) {
            table.check(arrays, tree_of(arrays, root));
        }
        for (tree, table) in self.readers.borrow().begun.values() {
            table.check(arrays, *tree);
        }
    }

    /// With all roots cleared and all readers gone, everything is free.
    fn finish(mut self) {
        for root in 1..SIZES.roots {
            self.take(Step::Clear(root));
        }
        self.readers.borrow_mut().begun.clear();
        self.take(Step::Pass);
        assert!(self.store.collect());
        assert_empty(self.store.usage(), SIZES);
        assert!((0..10).all(|hop| !self.store.is_next_hop_used(hop)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn tables_are_whole_at_every_moment(steps in prop::collection::vec(step(), 1..60)) {
        let mut world = World::new();
        for step in steps {
            world.take(step);
        }
        world.finish();
    }
}

/// A reader that stays keeps its tree from being used again, and nothing else.
#[test]
fn a_reader_holds_up_what_it_began_with() {
    let mut world = World::new();
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut table = || listed().new_tree(&mut runner).expect("a table").current();
    let first = loop {
        let table = table();
        if table.routes.len() > 10 {
            break table;
        }
    };
    world.take(Step::Swap(1, first.clone()));
    world.take(Step::Begin(1));
    let (tree, lines) = (tree_of(world.store.arrays(), 1), world.store.lines_of(1));
    for _ in 0..50 {
        world.take(Step::Swap(1, table()));
        world.take(Step::Pass);
    }
    // Nothing that was replaced since is free.
    assert!(world.full > 0);
    let used = SIZES.lines - 1 - world.store.usage().free_lines;
    assert!(used >= lines);
    // The table of before is still there, and comes back without a line being written.
    world.take(Step::Swap(1, first));
    assert_eq!(tree_of(world.store.arrays(), 1), tree);
    world.finish();
}
