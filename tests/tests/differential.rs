//! The host path and the kernel program get the same frames at the same times: verdicts, bytes
//! and counters must be equal.

use edge_common::{Action, Reason};
use edge_tests::{fixture::Fixture, frames::any_frame};
use edge_user::{lab::root_or_skip, replay::Engine as _};
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// XDP actions (linux/bpf.h).
const XDP_DROP: u32 = 1;
const XDP_PASS: u32 = 2;
const XDP_REDIRECT: u32 = 4;

#[test]
fn host_and_kernel_agree_on_random_frames() {
    if !root_or_skip("host_and_kernel_agree_on_random_frames") {
        return;
    }
    let frames = std::env::var("EDGE_DIFFERENTIAL_FRAMES");
    let frames: u64 = frames.ok().and_then(|frames| frames.parse().ok()).unwrap_or(200_000);
    let mut seen = [0u64; Reason::ALL.len()];
    for (port, unmatched) in [("customer0", "drop"), ("core0", "pass")] {
        run(port, unmatched, frames / 2, &mut seen);
    }
    for (reason, frames) in Reason::ALL.iter().zip(seen) {
        let produced_by_others = matches!(reason, Reason::NoEgress | Reason::DanglingTable);
        assert!(frames > 0 || produced_by_others, "no frame was {}", reason.as_str());
        println!("{:>18} {frames}", reason.as_str());
    }
}

fn run(port: &str, unmatched: &str, frames: u64, seen: &mut [u64]) {
    let fixture = Fixture::new(unmatched);
    let policy = fixture.config.edge.unmatched;
    let mut host = fixture.host(port);
    let mut kernel = fixture.kernel(port).expect("the program loads");
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = any_frame();

    let mut now_ns = 1;
    for number in 0..frames {
        let sent = strategy.new_tree(&mut runner).expect("a frame").current();
        // 25 µs a frame: the slow circuit is over its rate most of the time.
        now_ns += 25_000 * (number % 3);
        let (mut by_host, mut by_kernel) = (sent.clone(), sent.clone());
        let host_outcome = host.run(&mut by_host, now_ns).expect("the host path runs");
        let (kernel_outcome, action) =
            kernel.run_for_action(&mut by_kernel, now_ns).expect("the program runs");

        assert_eq!(host_outcome, kernel_outcome, "frame {number}: {sent:02x?}");
        assert_eq!(by_host, by_kernel, "frame {number}: {sent:02x?}");
        let reason = host_outcome.reason().expect("a reason");
        let expected = match reason.action(policy) {
            Action::Forward => XDP_REDIRECT,
            Action::Pass => XDP_PASS,
            Action::Drop => XDP_DROP,
        };
        assert_eq!(action, expected, "frame {number}: {sent:02x?}");
        seen[usize::from(reason.number())] += 1;
    }

    let counters = |engine: &dyn edge_user::replay::Engine| {
        let attachments = fixture.plan.attachments.iter();
        let meters = attachments.map(|attachment| engine.meter(attachment.index).expect("a meter"));
        (engine.port_counters().expect("counters"), meters.collect::<Vec<_>>())
    };
    assert_eq!(counters(&host), counters(&kernel));
}
