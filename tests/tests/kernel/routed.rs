//! Routed circuits: host path and kernel program get the same frames under the same random tables of the router.

use std::thread;

use edge_common::Reason;
use edge_tests::{
    both::{Both, LEAST_FIRST_LEN_BYTES, splits_frames},
    frames::how_many,
    routed::{RoutedWorld, dice},
};
use edge_user::lab::root_or_skip;

/// Frames by number of the reason.
type Seen = [u64; Reason::ALL.len()];

#[test]
fn host_and_kernel_agree_on_random_routed_frames() {
    if !root_or_skip("host_and_kernel_agree_on_random_routed_frames") {
        return;
    }
    let frames = how_many("EDGE_DIFFERENTIAL_FRAMES", 80_000);
    let splits = thread::spawn(splits_frames).join().expect("an answer");
    let seen: Vec<Seen> = thread::scope(|scope| {
        let run = |port| scope.spawn(move || run(port, splits, frames / 2));
        let runs: Vec<_> = ["customer0", "core0"].map(run).into_iter().collect();
        let join = |run: thread::ScopedJoinHandle<'_, Seen>| {
            run.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        runs.into_iter().map(join).collect()
    });
    for reason in Reason::ALL {
        let seen: Vec<u64> = seen.iter().map(|seen| seen[usize::from(reason.number())]).collect();
        println!("{:>18} {seen:?}", reason.as_str());
        let produced_by_others = matches!(
            reason,
            Reason::NoEgress
                | Reason::DanglingTable
                | Reason::NoHeadroom
                | Reason::EgressRefused
                | Reason::CircuitDisabled
        );
        assert!(seen.iter().sum::<u64>() > 0 || produced_by_others, "no such frame: {reason:?}");
    }
}

/// Frames that come to a port. Each program meets the tables of many worlds: the features are those of the first.
fn run(port: &str, splits: bool, frames: u64) -> Seen {
    const WORLDS: u64 = 20;
    let world = RoutedWorld::new(u64::from(port == "core0"));
    let mut both = Both::new(&world.fixture, port);
    let mut seen = Seen::default();
    let mut now_ns = 1;
    for seed in 0..WORLDS {
        let world = RoutedWorld::new(seed);
        both.route_by(&world.router);
        let mut dice = dice(seed << 1 | u64::from(port == "core0"));
        for number in 0..frames / WORLDS {
            let sent = world.frame(port, &mut dice);
            now_ns += 25_000 * (number % 3);
            let in_buffers = splits && number % 2 == 0;
            let first_len_bytes = in_buffers.then(|| {
                let spare = sent.len().saturating_sub(LEAST_FIRST_LEN_BYTES) + 1;
                let first = LEAST_FIRST_LEN_BYTES.min(sent.len()) + dice.below(spare);
                u32::try_from(first).expect("a short frame")
            });
            let reason = both.run(&sent, first_len_bytes, now_ns);
            seen[usize::from(reason.number())] += 1;
        }
    }
    both.check_counters();
    seen
}
