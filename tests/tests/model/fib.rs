//! The swap of a forwarding table under loom: in every interleaving of a writer and readers, a reader finds one whole
//! table from its first look to its last.
//!
//! A line is one word here, with the number of its content: a frame that finds a line at all finds one that was
//! written before, as no reader can come to a line that is being written.

mod shared;

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
};

use edge_common::{abi::fib::RouteValue, fib::find, host::fib::Route};
use edge_user::routing::store::{FibSizes, FibStore, StoreError, grace::Grace};
use loom::model::Builder;

use self::shared::{AllReaders, ModelArrays, Shared, Ticket};

/// Room for two tables: each has a line of starts and one of values.
const SIZES: FibSizes = FibSizes { lines: 5, trees: 3, roots: 2, groups: 1 };
const ROOT: u32 = 1;
/// In the routes of every table.
const ADDRESSES: [u32; 2] = [100, 200];
/// Prefix lengths of the two routes, other ones in each table.
const TABLES: [[u32; 2]; 4] = [[32, 32], [30, 29], [27, 28], [26, 27]];

/// Numbers of events in all interleavings.
#[derive(Debug, Default)]
struct Explored {
    runs: AtomicU64,
    /// Swaps for which there was no room, as a reader could be in a table of before.
    full: AtomicU64,
    /// Swaps that have used lines of a table of before.
    reused: AtomicU64,
    /// Readers that have found parts of two tables.
    torn: AtomicU64,
}

fn explore<G: Grace + 'static>(
    readers: usize,
    preemption_bound: Option<usize>,
    grace: fn(Shared) -> G,
) -> &'static Explored {
    let explored: &Explored = Box::leak(Box::default());
    let mut builder = Builder::new();
    builder.preemption_bound = preemption_bound;
    builder.check(move || {
        let shared = Shared::new(SIZES, readers);
        let mut store =
            FibStore::new(ModelArrays::new(shared.clone(), SIZES), grace(shared.clone()));
        swap(&mut store, 0).expect("room");
        let reader = |number| {
            let shared = shared.clone();
            loom::thread::spawn(move || is_torn(&shared, number))
        };
        let threads: Vec<_> = (0..readers).map(reader).collect();
        let mut swapped = 1;
        for table in 1..TABLES.len() {
            match swap(&mut store, table) {
                Ok(()) => swapped += 1,
                Err(StoreError::Full(_)) => _ = explored.full.fetch_add(1, Ordering::Relaxed),
                Err(other) => panic!("{other}"),
            }
        }
        let torn = threads.into_iter().map(|thread| thread.join().expect("a reader"));
        let torn = torn.filter(|is_torn| *is_torn).count() as u64;
        explored.torn.fetch_add(torn, Ordering::Relaxed);
        explored.reused.fetch_add(u64::from(swapped > 2), Ordering::Relaxed);
        explored.runs.fetch_add(1, Ordering::Relaxed);
    });
    println!("{explored:?}");
    explored
}

fn swap<G: Grace>(store: &mut FibStore<ModelArrays, G>, table: usize) -> Result<(), StoreError> {
    let routes: Vec<Route<u32>> = (0..2).map(|number| route(table, number)).collect();
    store.edit().swap_v4(ROOT, &routes).map(|_| ())
}

fn route(table: usize, number: usize) -> Route<u32> {
    let below = u32::MAX.checked_shr(TABLES[table][number]).unwrap_or(0);
    let index = u32::try_from(2 * table + number).ok();
    let value = index.and_then(RouteValue::next_hop).expect("an index");
    Route { first: ADDRESSES[number] & !below, last: ADDRESSES[number] | below, value }
}

/// Whether a reader finds anything but the routes of one table.
fn is_torn(shared: &Shared, reader: usize) -> bool {
    shared.read(reader, |lines, tree| {
        let found = ADDRESSES.map(|address| find(lines, tree, address));
        let is_whole = |table| found == [0, 1].map(|number| Some(route(table, number).value));
        !(0..TABLES.len()).any(is_whole)
    })
}

fn counts(explored: &Explored) -> [u64; 4] {
    let Explored { runs, full, reused, torn } = explored;
    [runs, full, reused, torn].map(|count| count.load(Ordering::Relaxed))
}

#[test]
fn a_reader_finds_one_whole_table() {
    let [runs, full, reused, torn] = counts(explore(1, None, AllReaders));
    assert_eq!(torn, 0);
    assert!(runs > 100 && full > 0 && reused > 0);
}

#[test]
fn two_readers_find_one_whole_table_each() {
    let [runs, full, reused, torn] = counts(explore(2, Some(2), AllReaders));
    assert_eq!(torn, 0);
    assert!(runs > 1_000 && full > 0 && reused > 0);
}

/// The model can see what it is for.
#[test]
fn without_grace_periods_tables_are_torn() {
    struct NoGrace;
    impl Grace for NoGrace {
        type Ticket = Ticket;

        fn start(&mut self) -> Ticket {
            Ticket::default()
        }

        fn is_over(&self, _: Ticket) -> bool {
            true
        }
    }
    let [.., full, reused, torn] = counts(explore(1, None, |_| NoGrace));
    assert!(full == 0 && reused > 0 && torn > 0);
}

/// Tables differ in all of their lines, so that a line of another table is another line.
#[test]
fn tables_share_nothing() {
    let prefixes: BTreeSet<_> = (0..TABLES.len())
        .flat_map(|table| (0..2).map(move |number| route(table, number)))
        .map(|route| (route.first, route.last))
        .collect();
    assert_eq!(prefixes.len(), 2 * TABLES.len());
}
