//! A CPU of the model: frames, one after the other, through the kernel's code.

use std::cell::{Cell, RefCell};

use edge_common::{
    Clock, Word,
    attachment::Attachment,
    police::{self, Lease},
    qos::BurstShare,
    rate::{Rate, TICKS_PER_NS_LOG2},
};
use loom::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::tables::OnePolicer;

/// What the CPUs share.
#[derive(Clone)]
pub(crate) struct Shared {
    word: Arc<AtomicU64>,
    now_ns: Arc<AtomicU64>,
}

/// A CPU, and what it is to do.
#[derive(Clone)]
pub(crate) struct Cpu {
    /// How far its clock is ahead of the slowest.
    pub(crate) ahead_ns: u64,
    pub(crate) frames: Vec<Frame>,
    /// So many compare-and-swaps fail though nobody changed the word.
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

/// What a CPU did.
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
    /// What the frame's class may be ahead.
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
        let word = CpuWord {
            clock: &clock,
            ceiling_ticks: Cell::new(0),
            spurious_failures: Cell::new(self.spurious_failures),
            changes: RefCell::default(),
        };
        let attachment = Attachment { policer: 1, ..Attachment::default() };
        let mut tables = OnePolicer { rate, word, lease: Lease::default() };
        let mut admitted_bytes = 0;
        for Frame { gap_ns, share, len_bytes } in self.frames.iter().copied() {
            if gap_ns != 0 {
                shared.now_ns.fetch_add(gap_ns, Ordering::AcqRel);
            }
            tables.word.ceiling_ticks.set(rate.ceiling_ticks(share));
            if police::admit(&mut tables, &clock, &attachment, share, len_bytes).expect("a table") {
                admitted_bytes += u64::from(len_bytes);
            }
        }
        Ran { changes: tables.word.changes.take(), admitted_bytes, lease: tables.lease }
    }
}

struct CpuClock<'a> {
    shared: &'a Shared,
    ahead_ns: u64,
    /// What it said last.
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

/// The shared word as a CPU sees it, which keeps a record.
struct CpuWord<'a> {
    clock: &'a CpuClock<'a>,
    ceiling_ticks: Cell<u64>,
    spurious_failures: Cell<u32>,
    changes: RefCell<Vec<Change>>,
}

impl CpuWord<'_> {
    fn note(&self, old: u64, new: u64, is_debt: bool) {
        let now_ticks = self.clock.read_ns.get() << TICKS_PER_NS_LOG2;
        let ceiling_ticks = self.ceiling_ticks.get();
        self.changes.borrow_mut().push(Change { old, new, now_ticks, is_debt, ceiling_ticks });
    }
}

impl Word for CpuWord<'_> {
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

    fn fetch_add(&self, value: u64) {
        let old = self.clock.shared.word.fetch_add(value, Ordering::SeqCst);
        self.note(old, old.wrapping_add(value), true);
    }
}
