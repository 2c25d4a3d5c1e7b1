//! The policer under loom: every interleaving of a few CPUs, up to a bound of preemptions, of the
//! code that runs in the kernel, against the bound of `docs/policer.md`.

mod cpu;
mod trace;

use std::sync::atomic::{AtomicU64, Ordering};

use edge_common::abi::{
    qos::BurstShare,
    rate::{Rate, TICKS_PER_NS_LOG2},
};
use loom::model::Builder;

use self::{
    cpu::{Cpu, Frame, Shared},
    trace::Trace,
};

/// A byte a nanosecond, so that bytes and ticks convert exactly; a lease is then 16,000 bytes.
const RATE_BPS: u64 = 8_000_000_000;
/// The price of a byte.
const BYTE_TICKS: u64 = 1 << TICKS_PER_NS_LOG2;
/// Bursts for which each frame is bought by itself, and for which leases just fit.
const BURST_OF_FRAMES_BYTES: u64 = 3_000;
const BURST_OF_LEASES_BYTES: u64 = 256_000;
const WHOLE: BurstShare = BurstShare::WHOLE;
/// The first of two classes' shares; the other is the whole.
const HALF: BurstShare = BurstShare::new(512);
/// When it begins: a policer that was never written has been idle until then.
const START_NS: u64 = 1_000_000_000;

/// The work of the CPUs, and the bucket that they start from.
struct Model {
    burst_bytes: u64,
    /// Of the burst, at the start.
    room_bytes: u64,
    cpus: Vec<Cpu>,
    /// `None`: all interleavings there are.
    preemption_bound: Option<usize>,
}

/// Numbers of interleavings, and of debts in them.
#[derive(Debug)]
struct Explored {
    runs: u64,
    debts: u64,
}

impl Model {
    /// Runs all interleavings, each held against the properties.
    fn explore(self) -> Explored {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        static DEBTS: AtomicU64 = AtomicU64::new(0);
        // Models of several tests at once would count together.
        static ONE_AT_A_TIME: std::sync::Mutex<()> = std::sync::Mutex::new(());
        let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        RUNS.store(0, Ordering::Relaxed);
        DEBTS.store(0, Ordering::Relaxed);

        let mut builder = Builder::new();
        builder.preemption_bound = self.preemption_bound;
        builder.check(move || {
            let trace = self.run_once();
            RUNS.fetch_add(1, Ordering::Relaxed);
            DEBTS.fetch_add(trace.debts(), Ordering::Relaxed);
            trace.check();
        });
        let explored =
            Explored { runs: RUNS.load(Ordering::Relaxed), debts: DEBTS.load(Ordering::Relaxed) };
        println!("{explored:?}");
        explored
    }

    fn run_once(&self) -> Trace {
        let rate = Rate::new(RATE_BPS, self.burst_bytes).expect("a rate");
        let ahead_ticks = (self.burst_bytes - self.room_bytes) * BYTE_TICKS;
        let word = if ahead_ticks == 0 { 0 } else { START_NS * BYTE_TICKS + ahead_ticks };
        let shared = Shared::new(word, START_NS);
        // The last CPU is this thread: loom has few.
        let (last, others) = self.cpus.split_last().expect("a CPU");
        let spawn = |cpu: &Cpu| {
            let (cpu, shared) = (cpu.clone(), shared.clone());
            loom::thread::spawn(move || cpu.run(&shared, rate))
        };
        let threads: Vec<_> = others.iter().map(spawn).collect();
        let mut ran = vec![last.run(&shared, rate)];
        ran.extend(threads.into_iter().map(|thread| thread.join().expect("a CPU's trace")));
        Trace {
            rate,
            started: (START_NS * BYTE_TICKS, ahead_ticks),
            words: (word, shared.word()),
            skew_ns: self.skew_ns(),
            ran,
        }
    }

    /// By how much two CPUs' clocks differ at most.
    fn skew_ns(&self) -> u64 {
        let ahead_ns = self.cpus.iter().map(|cpu| cpu.ahead_ns);
        ahead_ns.clone().max().unwrap_or(0) - ahead_ns.min().unwrap_or(0)
    }
}

/// A CPU whose clock is ahead by `ahead_ns`, with frames of `len_bytes`, `gap_ns` apart.
fn cpu<const N: usize>(ahead_ns: u64, gap_ns: u64, len_bytes: [u32; N]) -> Cpu {
    let frame = |len_bytes| Frame { gap_ns, share: WHOLE, len_bytes };
    Cpu { ahead_ns, frames: len_bytes.map(frame).to_vec(), spurious_failures: 0 }
}

#[test]
fn two_cpus_that_buy_frames() {
    for (cpus, preemption_bound) in [
        (vec![cpu(0, 200, [1500, 900]), cpu(100, 0, [1000, 1000])], None),
        (vec![cpu(0, 200, [1000, 1500, 64]), cpu(100, 0, [1000, 1000, 500])], Some(4)),
    ] {
        let (burst_bytes, room_bytes) = (BURST_OF_FRAMES_BYTES, BURST_OF_FRAMES_BYTES);
        let explored = Model { burst_bytes, room_bytes, cpus, preemption_bound }.explore();
        assert!(explored.runs > 100, "{explored:?}");
    }
}

#[test]
fn three_cpus_that_buy_frames() {
    let (burst_bytes, room_bytes) = (BURST_OF_FRAMES_BYTES, BURST_OF_FRAMES_BYTES);
    let cpus = vec![cpu(0, 0, [1500, 600]), cpu(100, 0, [1000, 1000]), cpu(50, 0, [1000, 300])];
    let explored = Model { burst_bytes, room_bytes, cpus, preemption_bound: Some(3) }.explore();
    assert!(explored.runs > 1_000, "{explored:?}");
}

/// Room for a lease and a bit: the second may overshoot, the third is refused.
#[test]
fn three_cpus_that_lease() {
    Model {
        burst_bytes: BURST_OF_LEASES_BYTES,
        room_bytes: 17_000,
        cpus: vec![
            cpu(0, 0, [9000, 9000, 64]),
            cpu(100, 0, [1518, 9000]),
            cpu(50, 0, [9000, 9000]),
        ],
        preemption_bound: Some(3),
    }
    .explore();
}

/// The class with half of the burst is refused where the other still buys.
#[test]
fn two_classes() {
    let mut cpus = vec![cpu(0, 0, [1500, 1500]), cpu(100, 0, [1000, 1000, 1000])];
    for frame in &mut cpus[0].frames {
        frame.share = HALF;
    }
    cpus[1].frames[1].share = HALF;
    let (burst_bytes, room_bytes) = (BURST_OF_FRAMES_BYTES, BURST_OF_FRAMES_BYTES);
    Model { burst_bytes, room_bytes, cpus, preemption_bound: None }.explore();
}

/// A CPU stands still (an interrupt, the hypervisor) for longer than a word may be ahead of the
/// clock, while the other drains the burst.
#[test]
fn a_cpu_that_stands_still() {
    let mut stalled = vec![cpu(0, 0, [500]), cpu(0, 0, [1500, 1500, 1500, 1500])];
    stalled[1].frames[0].gap_ns = 100_000;
    let (burst_bytes, room_bytes) = (BURST_OF_FRAMES_BYTES, BURST_OF_FRAMES_BYTES);
    Model { burst_bytes, room_bytes, cpus: stalled, preemption_bound: None }.explore();
}

/// Four sales by another CPU, each between this one's load and its compare-and-swap.
#[test]
fn debts_by_losing_to_others() {
    let explored = Model {
        burst_bytes: BURST_OF_FRAMES_BYTES,
        room_bytes: BURST_OF_FRAMES_BYTES,
        cpus: vec![cpu(0, 0, [700]), cpu(100, 0, [500, 500, 500, 500, 500])],
        preemption_bound: None,
    }
    .explore();
    assert!(explored.debts > 0, "{explored:?}");
}

/// Two CPUs that owe whatever they send, as if others always won, beside two that buy.
#[test]
fn debts_of_two_cpus_at_once() {
    let mut cpus = vec![cpu(0, 0, [1000]), cpu(50, 0, [1000]), cpu(100, 0, [1000, 1000])];
    cpus[0].spurious_failures = 4;
    cpus[1].spurious_failures = 4;
    let (burst_bytes, room_bytes) = (BURST_OF_FRAMES_BYTES, 2_000);
    let explored = Model { burst_bytes, room_bytes, cpus, preemption_bound: Some(2) }.explore();
    assert!(explored.debts > 0, "{explored:?}");
}
