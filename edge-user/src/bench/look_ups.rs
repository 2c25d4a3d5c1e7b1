//! The cost of a look-up by itself: the lab's program looks up many addresses in a run, and another one does the same without
//! the look-ups. A test run of a port's program would look up one address over and over, in lines that the processor has
//! in its first cache and by branches that it knows.

use anyhow::{Context as _, Result, ensure};
use aya::{
    Ebpf, EbpfLoader,
    maps::{Array, MapData},
    programs::Xdp,
};
use edge_common::{
    abi::{
        fib::{FibLine, RouteValue, Tree},
        lab::{LOOK_UPS, RandomLookUps},
    },
    fib,
    host::fib::{HostFib, Route, intervals},
};
use serde::Serialize;
use zerocopy::transmute;

use super::test_run;
use crate::lab;

/// Routes of a table.
const ROUTES: u32 = 4_000;
/// The first address with a route, 20.0.0.0.
const FIRST_ADDRESS: u32 = 20 << 24;
/// Runs in a measurement: a million look-ups.
const RUNS: u32 = (1 << 20) / LOOK_UPS;
/// The program that looks up addresses, and the one that does all but that.
const FIND: &str = "find_at_random";
const FIND_NOTHING: &str = "find_nothing";
const _: () = assert!(size_of::<FibLine>() == 64 && size_of::<Tree>() == 32, "see `result`");
/// Length of a test run's frame, which the programs don't look at.
const LEN_BYTES: usize = 64;

/// Look-ups in a number of tables.
#[derive(Debug, Serialize)]
pub struct LookUp {
    /// Number of tables.
    pub tables: u32,
    /// Routes in each.
    pub routes: u32,
    /// Median of nanoseconds a look-up, where the processor may begin with the next ones before, as it may with frames.
    pub ns: f64,
    /// Nanoseconds of a look-up that waits for the value that the one before has found.
    pub serial_ns: f64,
    /// Memory that a route takes.
    pub bytes_a_route: f64,
}

/// Tables of the lab's program.
pub(super) struct RandomTables {
    ebpf: Ebpf,
    tables: u32,
    lines: u32,
}

impl RandomTables {
    /// One table, and 1,000.
    pub(super) fn all() -> Result<[Self; 2]> {
        Ok([Self::new(1)?, Self::new(1_000)?])
    }

    fn new(tables: u32) -> Result<Self> {
        let mut fib = HostFib::default();
        let tree =
            fib.add(&intervals(&routes()?)).context("the routes are more than a tree holds")?;
        let tree = fib.trees[tree as usize];
        let lines = u32::try_from(fib.lines.len())?;
        let mut ebpf = EbpfLoader::new()
            .map_max_entries("LINES", tables * lines)
            .map_max_entries("TREES", tables)
            .load(lab::OBJECT)
            .context("cannot load the lab's programs")?;
        for first in (0..tables).map(|number| number * lines) {
            let lines = fib.lines.iter().map(|line| transmute!(*line));
            fill::<{ size_of::<FibLine>() }>(&mut ebpf, "LINES", first, lines)?;
        }
        let trees = (0..tables).map(|number| {
            let first = number * lines;
            let level_lines = tree.level_lines.map(|line| line + first);
            let (values, last) = (tree.value_lines + first, tree.last_interval);
            transmute!(Tree::new(level_lines, tree.levels, values, last))
        });
        fill::<{ size_of::<Tree>() }>(&mut ebpf, "TREES", 0, trees)?;
        for name in [FIND, FIND_NOTHING] {
            program(&mut ebpf, name)?.load()?;
        }
        let mut random_tables = Self { ebpf, tables, lines };
        random_tables.compare(&fib, &tree)?;
        Ok(random_tables)
    }

    /// Compares what a run finds with what the host finds: a program that found nothing would be fast.
    fn compare(&mut self, fib: &HostFib, tree: &Tree) -> Result<()> {
        let mut expected = self.start(true)?;
        test_run(program(&mut self.ebpf, FIND)?, &[0; LEN_BYTES], 1)?;
        for _ in 0..LOOK_UPS {
            let (_, address) = expected.draw();
            let value = fib::find(fib, tree, address).context("a line of the tree")?;
            expected.found(value.to_bits());
        }
        let random: RandomLookUps = {
            let array = array::<{ size_of::<RandomLookUps>() }>(&mut self.ebpf, "RANDOM")?;
            transmute!(array.get(&0, 0)?)
        };
        ensure!(
            random == expected,
            "the look-ups of the benchmark find {random:?}, not {expected:?}"
        );
        Ok(())
    }

    /// Begins a sequence of look-ups.
    fn start(&mut self, is_serial: bool) -> Result<RandomLookUps> {
        let random = RandomLookUps {
            state: 0x9e37_79b9_7f4a_7c15,
            trees: self.tables,
            first_address: FIRST_ADDRESS,
            addresses: (2 * ROUTES) << 8,
            is_serial: is_serial.into(),
            ..RandomLookUps::default()
        };
        let entries = std::iter::once(transmute!(random));
        fill::<{ size_of::<RandomLookUps>() }>(&mut self.ebpf, "RANDOM", 0, entries)?;
        Ok(random)
    }

    /// Nanoseconds a look-up: as fast as the processor can, and one after the other.
    pub(super) fn measure(&mut self) -> Result<[f64; 2]> {
        let mut ns = [0.0; 2];
        for (ns, is_serial) in ns.iter_mut().zip([false, true]) {
            let mut run = |name| -> Result<f64> {
                self.start(is_serial)?;
                test_run(program(&mut self.ebpf, name)?, &[0; LEN_BYTES], RUNS)
            };
            *ns = (run(FIND)? - run(FIND_NOTHING)?) / f64::from(LOOK_UPS);
        }
        Ok(ns)
    }

    /// The medians of the measurements.
    pub(super) fn result(&self, ns: f64, serial_ns: f64) -> LookUp {
        let lines_a_route = f64::from(self.lines) / f64::from(ROUTES);
        let bytes_a_route = lines_a_route * 64.0 + 32.0 / f64::from(ROUTES);
        LookUp { tables: self.tables, routes: ROUTES, ns, serial_ns, bytes_a_route }
    }
}

/// Every other /24, so that no two are next to each other, to 64 next hops.
fn routes() -> Result<Vec<Route<u32>>> {
    let route = |number: u32| {
        let first = FIRST_ADDRESS + ((2 * number) << 8);
        let value = RouteValue::next_hop(number % 64).context("there are more next hops")?;
        Ok(Route { first, last: first + 0xff, value })
    };
    (0..ROUTES).map(route).collect()
}

/// Stores entries of the array `name` from `first` on.
fn fill<const BYTES: usize>(
    ebpf: &mut Ebpf,
    name: &str,
    first: u32,
    entries: impl Iterator<Item = [u8; BYTES]>,
) -> Result<()> {
    let mut array = array(ebpf, name)?;
    for (index, entry) in (first..).zip(entries) {
        array.set(index, entry, 0)?;
    }
    Ok(())
}

fn array<'a, const BYTES: usize>(
    ebpf: &'a mut Ebpf,
    name: &str,
) -> Result<Array<&'a mut MapData, [u8; BYTES]>> {
    let map = ebpf.map_mut(name).with_context(|| format!("lab.o has no map {name}"))?;
    Ok(map.try_into()?)
}

fn program<'a>(ebpf: &'a mut Ebpf, name: &str) -> Result<&'a mut Xdp> {
    let program = ebpf.program_mut(name).with_context(|| format!("lab.o has no program {name}"))?;
    Ok(program.try_into()?)
}
