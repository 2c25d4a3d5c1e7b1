//! The host path and the kernel program get the same frames at the same times: verdicts, bytes
//! and counters must be equal.

use std::thread;

use edge_common::{Action, Reason, reason::UnmatchedPolicy};
use edge_tests::{fixture::Fixture, frames::any_frame};
use edge_user::{
    lab::root_or_skip,
    replay::{Engine as _, HostEngine, KernelEngine},
};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// XDP actions (linux/bpf.h).
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_REDIRECT: u32 = 4;

/// Frames by number of the reason.
type Seen = [u64; Reason::ALL.len()];

/// How frames get to the program.
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
    let frames = std::env::var("EDGE_DIFFERENTIAL_FRAMES");
    let frames: u64 = frames.ok().and_then(|frames| frames.parse().ok()).unwrap_or(200_000);
    // In a thread of its own, since whoever loads programs stays on the CPU that it is on.
    let splits = thread::spawn(splits_frames).join().expect("an answer");
    if !splits {
        println!("SKIPPED: frames in several buffers: this kernel runs them whole (Linux 6.18)");
    }
    let runs = [
        ("customer0", "drop", Delivery::Whole),
        ("core0", "pass", Delivery::Whole),
        ("customer0", "pass", Delivery::InBuffers),
        ("core0", "drop", Delivery::InBuffers),
    ];
    let runs = runs.into_iter().filter(|(.., delivery)| splits || *delivery == Delivery::Whole);
    let seen: Vec<Seen> = thread::scope(|scope| {
        let run = |(port, unmatched, delivery)| {
            scope.spawn(move || run(port, unmatched, delivery, frames / 4))
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
        let produced_by_others =
            matches!(reason, Reason::NoEgress | Reason::DanglingTable | Reason::NoHeadroom);
        assert!(seen.iter().sum::<u64>() > 0 || produced_by_others, "no such frame");
    }
}

/// Whether a test run can deliver a frame in several buffers.
fn splits_frames() -> bool {
    let mut kernel = Fixture::new("drop").kernel("customer0").expect("the program loads");
    kernel.run_in_buffers(&mut vec![0; 64], 32, 1).is_ok()
}

fn run(port: &str, unmatched: &str, delivery: Delivery, frames: u64) -> Seen {
    let fixture = Fixture::new(unmatched);
    let policy = fixture.config.edge.unmatched;
    let mut host = fixture.host(port);
    let mut kernel = fixture.kernel(port).expect("the program loads");
    // A seed of its own for each run: four times as many frames.
    let own = [port.as_bytes()[1], u8::from(delivery == Delivery::Whole)];
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &own.repeat(16));
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = any_frame();

    let mut seen = Seen::default();
    let mut now_ns = 1;
    for number in 0..frames {
        let sent = strategy.new_tree(&mut runner).expect("a frame").current();
        // 25 µs a frame: the slow circuit is over its rate most of the time.
        now_ns += 25_000 * (number % 3);
        let reason = compare(&mut host, &mut kernel, &sent, delivery, now_ns, policy);
        seen[usize::from(reason.number())] += 1;
    }

    let counters = |engine: &dyn edge_user::replay::Engine| {
        let attachments = fixture.plan.attachments.iter();
        let meters = attachments.map(|attachment| engine.meter(attachment.index).expect("a meter"));
        (engine.port_counters().expect("counters"), meters.collect::<Vec<_>>())
    };
    assert_eq!(counters(&host), counters(&kernel));
    seen
}

fn compare(
    host: &mut HostEngine,
    kernel: &mut KernelEngine,
    sent: &[u8],
    delivery: Delivery,
    now_ns: u64,
    policy: UnmatchedPolicy,
) -> Reason {
    let (mut by_host, mut by_kernel) = (sent.to_vec(), sent.to_vec());
    let host_outcome = host.run(&mut by_host, now_ns).expect("the host path runs");
    let ran = match delivery {
        Delivery::Whole => kernel.run_for_action(&mut by_kernel, now_ns),
        Delivery::InBuffers => {
            kernel.run_in_buffers(&mut by_kernel, first_len_bytes(sent, now_ns), now_ns)
        }
    };
    let (kernel_outcome, action) = ran.expect("the program runs");
    assert_eq!(host_outcome, kernel_outcome, "{delivery:?}: {sent:02x?}");
    assert_eq!(by_host, by_kernel, "{delivery:?}: {sent:02x?}");
    let reason = host_outcome.reason().expect("a reason");
    let expected = match reason.action(policy) {
        Action::Forward => XDP_REDIRECT,
        Action::Pass => XDP_PASS,
        Action::Drop => XDP_DROP,
    };
    assert_eq!(action, expected, "{sent:02x?}");
    reason
}

/// Anything from the least of which tags can be popped, which take an Ethernet header behind
/// them in the first buffer.
fn first_len_bytes(frame: &[u8], any: u64) -> u32 {
    const LEAST: usize = 14 + 8;
    let len = frame.len();
    let spare = len.saturating_sub(LEAST) + 1;
    let first = LEAST.min(len) + usize::try_from(any / 25_000).unwrap_or(0) % spare;
    u32::try_from(first).expect("a short frame")
}
