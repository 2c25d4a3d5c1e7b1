//! The programs with a trace: what they tell of frames, against what a replay sees of the same ones.

use std::collections::BTreeSet;

use edge_common::{
    Reason,
    abi::{
        class::Class,
        outcome::Outcome,
        trace::{EVERY_FRAME, LEFT_TAGS_BYTES, ToldFrame, TraceFilter, WantedFrames},
    },
};
use edge_tests::{both::splits_frames, fixture::Fixture, notation::frame_of};
use edge_user::{
    kernel::{TraceCounted, TraceMaps},
    lab::root_or_skip,
    replay::{KernelEngine, PathEngine as _},
};

/// Frames that come by the customer's port.
const FRAMES: [&str; 20] = [
    "88a8:100/5d 8100:10/3 ipv4 dscp=46",
    "8100:100 8100:20 ipv4 dscp=26",
    "8100:100 8100:30 ipv6 dscp=46",
    "8100:100 8100:20 pppoe ipv4 dscp=26",
    "8100:100 8100:10 arp",
    "8100:200 ipv4 payload=1300",
    "8100:104 8100:10 ipv4 payload=1400",
    "8100:105 8100:10 ipv4 payload=1400",
    "8100:310 ipv4 payload=1400",
    "8100:106 8100:10 ipv4 payload=300",
    "8100:101 8100:10 ipv4",
    "8100:300 ipv4 payload=7900",
    "8100:300 ipv4 payload=9000",
    "8100:100 8100:11 ipv4",
    "8100:999 ipv4",
    "arp",
    "lldp",
    "8100:100 8100:10 ipv4 cut=41",
    "8100:100 8100:10 ipv4 cut=17",
    "8100:100 8100:10 ipv4 cut=15",
];

const FILTER: TraceFilter = TraceFilter {
    until_ns: u64::MAX,
    chance: EVERY_FRAME,
    reasons: TraceFilter::EVERY_REASON,
    interval_ns: 0,
    snap_bytes: u32::MAX,
    reserved: 0,
};

fn traced(fixture: &Fixture) -> (KernelEngine, TraceMaps) {
    let port = fixture.plan.port("customer0").expect("a port");
    KernelEngine::traced(&fixture.plan, port, &fixture.capacity).expect("the program loads")
}

fn want_all(fixture: &Fixture, trace: &TraceMaps) {
    for index in 0..=fixture.plan.attachments.iter().map(|own| own.index).max().unwrap_or(0) {
        trace.want(index, WantedFrames::ALL);
    }
}

fn outcomes(trace: &mut TraceMaps) -> Vec<Outcome> {
    std::iter::from_fn(|| trace.next_frame()).map(|(told, _)| told.outcome).collect()
}

/// Whole frames as received, whatever the path makes of them, in one buffer or several.
#[test]
fn each_frame_is_told_as_received_with_the_end_of_its_path() {
    if !root_or_skip("each_frame_is_told_as_received_with_the_end_of_its_path") {
        return;
    }
    let fixture = Fixture::new("drop");
    let (mut engine, mut trace) = traced(&fixture);
    want_all(&fixture, &trace);
    let in_buffers = std::thread::spawn(splits_frames).join().expect("an answer");
    let mut reasons = BTreeSet::new();
    for snap_bytes in [u32::MAX, 128, 60] {
        trace.begin(&TraceFilter { snap_bytes, ..FILTER });
        for first in [None, Some(64)].into_iter().take(1 + usize::from(in_buffers)) {
            for (frame, now_ns) in FRAMES.into_iter().zip(1..) {
                let sent = frame_of(frame).expect("a frame");
                let first = first.filter(|first| (*first as usize) < sent.len());
                let mut left = sent.clone();
                let (outcome, _) = match first {
                    None => engine.run_for_action(&mut left, now_ns),
                    Some(first) => engine.run_in_buffers(&mut left, first, now_ns),
                }
                .expect("the program runs");
                let (told, bytes) = trace.next_frame().unwrap_or_else(|| panic!("{frame}"));
                assert_eq!(told.outcome, outcome, "{frame}");
                let captured = sent.len().min(snap_bytes as usize);
                assert!(bytes == sent[..captured], "{frame} ({first:?}): {bytes:02x?}");
                let lengths = (told.len_bytes as usize, told.left_len_bytes as usize);
                assert_eq!(lengths, (sent.len(), left.len()), "{frame}");
                if left.len() >= 12 + LEFT_TAGS_BYTES {
                    assert_eq!(told.left_tags, left[12..22], "{frame}");
                }
                let port = fixture.plan.port("customer0").expect("a port");
                let ToldFrame { at_ns, port: index, egress, .. } = told;
                assert_eq!((at_ns, index), (now_ns, port.index));
                if outcome.reason() == Some(Reason::Ok) {
                    assert_eq!(Some(egress), port.egress, "{frame}");
                }
                reasons.extend(outcome.reason().map(Reason::number));
                assert_eq!(trace.next_frame().map(|(told, _)| told), None, "{frame}");
            }
        }
    }
    assert_eq!(reasons, BTreeSet::from([0, 1, 2, 3, 4, 5, 6]));
}

#[test]
fn a_trace_tells_only_what_it_looks_for() {
    if !root_or_skip("a_trace_tells_only_what_it_looks_for") {
        return;
    }
    let fixture = Fixture::new("drop");
    let (mut engine, mut trace) = traced(&fixture);
    let mut run = |trace: &mut TraceMaps| {
        let all: Vec<Outcome> = FRAMES
            .into_iter()
            .map(|frame| engine.run(&mut frame_of(frame).expect("a frame"), 1).expect("it runs"))
            .collect();
        (all, outcomes(trace))
    };
    // It has not begun, and then it looks for no attachment.
    assert_eq!(run(&mut trace).1, []);
    trace.begin(&FILTER);
    assert_eq!(run(&mut trace).1, []);
    // A peering's frames, and nobody else's.
    let own = fixture.plan.attachments.iter().find(|own| {
        (&*own.key.circuit, &*own.key.port, own.key.peering.as_str())
            == ("qinq", "customer0", "microsoft")
    });
    let own = own.expect("an attachment").index;
    trace.want(own, WantedFrames::ALL);
    let (all, told) = run(&mut trace);
    let expected: Vec<_> = all.into_iter().filter(|of| of.attachment == own).collect();
    assert!(expected.len() == 2 && told == expected, "{told:?}");
    // A class of them.
    let class = Class::new(expected[0].class);
    for (wanted, frames) in [(class, 2), (Class::new(expected[0].class + 1), 0)] {
        trace.want(own, WantedFrames::of_class(wanted));
        assert_eq!(run(&mut trace).1.len(), frames, "{wanted:?}");
    }
    // Frames of no circuit.
    trace.want(own, WantedFrames::NONE);
    trace.want(0, WantedFrames::ALL);
    assert!(run(&mut trace).1.iter().all(|told| told.attachment == 0));
    // A reason, of all.
    want_all(&fixture, &trace);
    for reason in [Reason::Ok, Reason::OverRate, Reason::Unmatched, Reason::CircuitDisabled] {
        trace.begin(&TraceFilter { reasons: TraceFilter::reason(reason), ..FILTER });
        let (all, told) = run(&mut trace);
        let expected: Vec<_> = all.into_iter().filter(|of| of.reason() == Some(reason)).collect();
        assert!(!expected.is_empty() && told == expected, "{reason:?}: {told:?}");
    }
    // Its time is over.
    trace.begin(&FILTER);
    trace.set_until(1);
    assert_eq!(run(&mut trace).1, []);
}

#[test]
fn what_is_not_told_is_counted() {
    if !root_or_skip("what_is_not_told_is_counted") {
        return;
    }
    let fixture = Fixture::new("drop");
    let (mut engine, mut trace) = traced(&fixture);
    want_all(&fixture, &trace);
    let arp = frame_of("arp").expect("a frame");
    let mut run = |times: u64, every_ns: u64| {
        for number in 0..times {
            engine.run(&mut arp.clone(), 1 + number * every_ns).expect("it runs");
        }
    };
    // One of ten.
    trace.begin(&TraceFilter { chance: EVERY_FRAME / 10, ..FILTER });
    run(10_000, 1);
    let sampled = outcomes(&mut trace).len() as u64;
    assert!((800..1_200).contains(&sampled), "{sampled}");
    let counted = |matched, capped, lost| TraceCounted { matched, capped, lost };
    assert_eq!(trace.counted().expect("counts"), counted(sampled, 0, 0));
    // A thousand a second of ten thousand, and 63 at the beginning.
    trace.begin(&TraceFilter { interval_ns: 1_000_000, ..FILTER });
    run(10_000, 100_000);
    let told = outcomes(&mut trace).len() as u64;
    assert!((1_062..=1_064).contains(&told), "{told}");
    assert_eq!(trace.counted().expect("counts"), counted(sampled + 10_000, 10_000 - told, 0));
    // More than the ring has room for.
    trace.begin(&FILTER);
    run(40_000, 1);
    let all = outcomes(&mut trace).len() as u64;
    assert!((15_000..40_000).contains(&all), "{all}");
    assert_eq!(
        trace.counted().expect("counts"),
        counted(sampled + 50_000, 10_000 - told, 40_000 - all)
    );
}
