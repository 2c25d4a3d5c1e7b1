//! The host path and the kernel program get the same frames at the same times: verdicts, bytes
//! and counters must be equal.

use std::thread;

use edge_common::Reason;
use edge_tests::{
    both::{Both, LEAST_FIRST_LEN_BYTES, splits_frames},
    fixture::Fixture,
    frames::{any_frame, how_many},
};
use edge_user::lab::root_or_skip;
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;

/// Frames by number of the reason.
type Seen = [u64; Reason::ALL.len()];

/// The way in which frames get to the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Delivery {
    /// As the interface's MTU has it.
    Whole,
    /// In several buffers, the first of any length that has the tags.
    InBuffers,
}

#[test]
fn host_and_kernel_agree_on_random_frames() {
    if !root_or_skip("host_and_kernel_agree_on_random_frames") {
        return;
    }
    let frames = how_many("EDGE_DIFFERENTIAL_FRAMES", 80_000);
    // In a thread of its own, since whoever loads programs stays on the CPU that it is on.
    let splits = thread::spawn(splits_frames).join().expect("an answer");
    // At any uptime: at once, after 27 and 80 days, and where a word of the clock comes round.
    let runs = [
        ("customer0", "drop", Delivery::Whole, 1),
        ("core0", "pass", Delivery::Whole, 27 * DAY_NS),
        ("customer0", "pass", Delivery::InBuffers, 80 * DAY_NS),
        ("core0", "drop", Delivery::InBuffers, (1 << 52) - 100_000_000),
    ];
    let runs =
        runs.into_iter().filter(|(_, _, delivery, _)| splits || *delivery == Delivery::Whole);
    let seen: Vec<Seen> = thread::scope(|scope| {
        let run = |(port, unmatched, delivery, start_ns)| {
            scope.spawn(move || run(port, unmatched, delivery, start_ns, frames / 4))
        };
        let runs: Vec<_> = runs.map(run).collect();
        let join = |run: thread::ScopedJoinHandle<'_, Seen>| {
            run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        runs.into_iter().map(join).collect()
    });
    for reason in Reason::ALL {
        let seen: Vec<u64> = seen.iter().map(|seen| seen[usize::from(reason.number())]).collect();
        println!("{:>18} {seen:?}", reason.as_str());
        // `routed.rs` produces those of routed frames.
        let produced_by_others = matches!(
            reason,
            Reason::NoEgress | Reason::DanglingTable | Reason::NoHeadroom | Reason::EgressRefused
        ) || reason.number() >= Reason::Punted.number();
        assert!(seen.iter().sum::<u64>() > 0 || produced_by_others, "no such frame");
    }
}

fn run(port: &str, unmatched: &str, delivery: Delivery, start_ns: u64, frames: u64) -> Seen {
    let fixture = Fixture::new(unmatched);
    let mut both = Both::new(&fixture, port);
    // A seed of its own for each run: four times as many frames.
    let own = [port.as_bytes()[1], u8::from(delivery == Delivery::Whole)];
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &own.repeat(16));
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = any_frame();

    let mut seen = Seen::default();
    let mut now_ns = start_ns;
    for number in 0..frames {
        let sent = strategy.new_tree(&mut runner).expect("a frame").current();
        // 25 µs a frame: the slow circuit is over its rate most of the time.
        now_ns += 25_000 * (number % 3);
        let first_len_bytes = match delivery {
            Delivery::Whole => None,
            Delivery::InBuffers => Some(first_len_bytes(&sent, now_ns)),
        };
        let reason = both.run(&sent, first_len_bytes, now_ns);
        seen[usize::from(reason.number())] += 1;
    }

    both.check_counters();
    seen
}

/// Anything from [`LEAST_FIRST_LEN_BYTES`].
fn first_len_bytes(frame: &[u8], any: u64) -> u32 {
    let len = frame.len();
    let spare = len.saturating_sub(LEAST_FIRST_LEN_BYTES) + 1;
    let first = LEAST_FIRST_LEN_BYTES.min(len) + usize::try_from(any / 25_000).unwrap_or(0) % spare;
    u32::try_from(first).expect("a short frame")
}
