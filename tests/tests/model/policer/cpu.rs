//! A CPU of the model: frames, one after the other, through the kernel's code.

use std::cell::{Cell, RefCell};

use edge_common::{
    Clock, Word,
    abi::{
        policer::{Bucket, Lease, Policer, Window},
        port::Features,
        qos::BurstShare,
        rate::{Rate, TICKS_PER_NS_LOG2},
    },
    host::BucketTables,
    policer::bucket,
};
use loom::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

/// The state that the CPUs share.
#[derive(Clone)]
pub(crate) struct Shared {
    word: Arc<AtomicU64>,
    now_ns: Arc<AtomicU64>,
}

/// A CPU, and its work.
#[derive(Clone)]
pub(crate) struct Cpu {
    /// The lead of its clock over the slowest.
    pub(crate) ahead_ns: u64,
    pub(crate) frames: Vec<Frame>,
    /// So many compare-and-swaps fail although no CPU changed the word.
    pub(crate) spurious_failures: u32,
}

/// A frame to come.
#[derive(Clone, Copy)]
pub(crate) struct Frame {
    /// Time that passes before it.
    pub(crate) gap_ns: u64,
    pub(crate) share: BurstShare,
    pub(crate) len_bytes: u32,
}

/// The record of a CPU's work.
pub(crate) struct Ran {
    pub(crate) changes: Vec<Change>,
    pub(crate) admitted_bytes: u64,
    pub(crate) lease: Lease,
}

/// A change of the word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Change {
    pub(crate) old: u64,
    pub(crate) new: u64,
    /// The time that the CPU went by.
    pub(crate) now_ticks: u64,
    pub(crate) is_debt: bool,
    /// The most that the frame's class may be ahead.
    pub(crate) ceiling_ticks: u64,
}

impl Shared {
    pub(crate) fn new(word: u64, now_ns: u64) -> Self {
        Self { word: Arc::new(AtomicU64::new(word)), now_ns: Arc::new(AtomicU64::new(now_ns)) }
    }

    pub(crate) fn word(&self) -> u64 {
        self.word.load(Ordering::SeqCst)
    }
}

impl Cpu {
    pub(crate) fn run(&self, shared: &Shared, rate: Rate) -> Ran {
        let clock = CpuClock { shared, ahead_ns: self.ahead_ns, read_ns: Cell::new(0) };
        let tat = Tat {
            clock: &clock,
            spurious_failures: Cell::new(self.spurious_failures),
            ceiling_ticks: Cell::new(0),
            changes: RefCell::default(),
        };
        let others = || CpuWord::Other(Cell::new(0));
        let window =
            || Window { start_ticks: others(), sold_before_ticks: others(), peak_ticks: others() };
        let policer =
            |tat_ticks| Policer { tat_ticks, sold_ticks: others(), windows: [window(), window()] };
        // The first stands for none.
        let policers = [policer(others()), policer(CpuWord::Tat(&tat))];
        let own = Bucket { policer: 1, rate: 0 };
        let mut tables = BucketTables {
            rates: vec![rate],
            policers: policers.map(|policer| (policer, Lease::default())).into(),
            flow_queues: Vec::new(),
            clock: &clock,
            features: Features::ECN,
        };
        let mut admitted_bytes = 0;
        for Frame { gap_ns, share, len_bytes } in self.frames.iter().copied() {
            if gap_ns != 0 {
                shared.now_ns.fetch_add(gap_ns, Ordering::AcqRel);
            }
            tat.ceiling_ticks.set(rate.ceiling_ticks(share));
            let admission = bucket::admit(&mut tables, own, share, len_bytes);
            if admission.expect("a table").is_within() {
                admitted_bytes += u64::from(len_bytes);
            }
        }
        Ran { changes: tat.changes.take(), admitted_bytes, lease: tables.policers[1].1 }
    }
}

struct CpuClock<'a> {
    shared: &'a Shared,
    ahead_ns: u64,
    /// The time that it told last.
    read_ns: Cell<u64>,
}

impl Clock for CpuClock<'_> {
    fn now_ns(&self) -> u64 {
        // Another CPU's time is no later than what it wrote: the kernel's clock has a read
        // barrier, and the word below is acquired.
        let now_ns = self.shared.now_ns.load(Ordering::Acquire) + self.ahead_ns;
        self.read_ns.set(now_ns);
        now_ns
    }
}

/// A word of the policer as a CPU sees it.
enum CpuWord<'a> {
    /// The one that decides, which all share.
    Tat(&'a Tat<'a>),
    /// One that only tells what was sold: each CPU has its own here.
    Other(Cell<u64>),
}

/// The shared word, which keeps a record.
struct Tat<'a> {
    clock: &'a CpuClock<'a>,
    ceiling_ticks: Cell<u64>,
    spurious_failures: Cell<u32>,
    changes: RefCell<Vec<Change>>,
}

impl Tat<'_> {
    fn note(&self, old: u64, new: u64, is_debt: bool) {
        let now_ticks = self.clock.read_ns.get() << TICKS_PER_NS_LOG2;
        let ceiling_ticks = self.ceiling_ticks.get();
        self.changes.borrow_mut().push(Change { old, new, now_ticks, is_debt, ceiling_ticks });
    }
}

impl Word for Tat<'_> {
    fn load(&self) -> u64 {
        self.clock.shared.word.load(Ordering::Acquire)
    }

    fn compare_exchange(&self, old: u64, new: u64) -> u64 {
        if let Some(failures) = self.spurious_failures.get().checked_sub(1) {
            self.spurious_failures.set(failures);
            return !old;
        }
        let word = &self.clock.shared.word;
        match word.compare_exchange(old, new, Ordering::SeqCst, Ordering::SeqCst) {
            Ok(was) => {
                self.note(old, new, false);
                was
            }
            Err(was) => was,
        }
    }

    fn store(&self, _: u64) {
        unreachable!("a policer's word is never just stored");
    }

    fn fetch_add(&self, value: u64) -> u64 {
        let old = self.clock.shared.word.fetch_add(value, Ordering::SeqCst);
        self.note(old, old.wrapping_add(value), true);
        old
    }
}

impl Word for CpuWord<'_> {
    fn load(&self) -> u64 {
        match self {
            Self::Tat(word) => word.load(),
            Self::Other(word) => word.load(),
        }
    }

    fn compare_exchange(&self, old: u64, new: u64) -> u64 {
        match self {
            Self::Tat(word) => word.compare_exchange(old, new),
            Self::Other(word) => word.compare_exchange(old, new),
        }
    }

    fn store(&self, value: u64) {
        match self {
            Self::Tat(word) => word.store(value),
            Self::Other(word) => word.store(value),
        }
    }

    fn fetch_add(&self, value: u64) -> u64 {
        match self {
            Self::Tat(word) => word.fetch_add(value),
            Self::Other(word) => word.fetch_add(value),
        }
    }
}
