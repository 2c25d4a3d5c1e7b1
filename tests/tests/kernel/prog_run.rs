//! Frames through the loaded program: each verdict and leaving frame against the written
//! expectation.

use edge_common::Reason;
use edge_tests::{fixture::Fixture, notation::frame_of};
use edge_user::{lab::root_or_skip, replay::PathEngine as _};

/// A frame, and its outcome.
struct Case {
    name: &'static str,
    frame: &'static str,
    reason: Reason,
    /// The frame as it leaves; `None`: as it came.
    out: Option<&'static str>,
    /// Circuit and class it was counted to.
    counted: Option<(&'static str, &'static str)>,
}

fn cases() -> [Case; 17] {
    let case = |name, frame, reason, out, counted| Case { name, frame, reason, out, counted };
    let ok = |name, frame, out, counted| case(name, frame, Reason::Ok, out, Some(counted));
    let refused = |name, frame, reason| case(name, frame, reason, None, None);
    let voice = ("qinq", "voice");
    let default = ("qinq", "default");
    [
        ok(
            "private preserves what it doesn't know",
            "88a8:100 8100:10 ipv4 dscp=24 ecn=3",
            None,
            default,
        ),
        ok("microsoft trusts EF", "88a8:100 8100:20 ipv4 dscp=46", None, voice),
        ok(
            "microsoft trusts AF41, ECN kept",
            "88a8:100 8100:20 ipv4 dscp=34 ecn=3",
            None,
            ("qinq", "interactive"),
        ),
        ok("microsoft trusts AF11", "88a8:100 8100:20 ipv4 dscp=10", None, default),
        ok(
            "microsoft resets AF31, ECN kept",
            "88a8:100 8100:20 ipv4 dscp=26 ecn=2",
            Some("88a8:100 8100:20 ipv4 dscp=0 ecn=2"),
            default,
        ),
        ok(
            "the same in IPv6",
            "88a8:100 8100:20 ipv6 dscp=26 ecn=2",
            Some("88a8:100 8100:20 ipv6 dscp=0 ecn=2"),
            default,
        ),
        ok(
            "public resets EF, class by what came",
            "88a8:100 8100:30 ipv4 dscp=46 ecn=1",
            Some("88a8:100 8100:30 ipv4 dscp=0 ecn=1"),
            voice,
        ),
        ok(
            "public resets EF in IPv6",
            "88a8:100 8100:30 ipv6 dscp=46 ecn=3",
            Some("88a8:100 8100:30 ipv6 dscp=0 ecn=3"),
            voice,
        ),
        ok(
            "own profile marks its class",
            "8100:200 ipv4 dscp=34",
            Some("8100:200 ipv4 dscp=40"),
            ("dot1q", "gold"),
        ),
        ok(
            "own profile marks its default",
            "8100:200 ipv6 dscp=0",
            Some("8100:200 ipv6 dscp=8"),
            ("dot1q", "rest"),
        ),
        ok("ARP is default and untouched", "88a8:100 8100:20 arp", None, default),
        refused("disabled", "8100:101 8100:10 ipv4", Reason::CircuitDisabled),
        refused("nobody's C-tag", "88a8:100 8100:11 ipv4", Reason::Unmatched),
        refused("no C-tag", "88a8:100 ipv4", Reason::Unmatched),
        refused("no tag", "ipv4", Reason::Untagged),
        refused("cut IPv4", "88a8:100 8100:10 ipv4 cut=40", Reason::Malformed),
        refused("LLDP", "lldp", Reason::Control),
    ]
}

#[test]
fn each_frame_becomes_what_it_should() {
    if !root_or_skip("each_frame_becomes_what_it_should") {
        return;
    }
    let fixture = Fixture::new("drop");
    let mut engine = fixture.kernel("customer0").expect("the program loads");
    for Case { name, frame, reason, out, counted } in cases() {
        let out = frame_of(out.unwrap_or(frame)).expect("a frame");
        let frame = frame_of(frame).expect("a frame");
        let before = count(&fixture, &engine);
        let mut ran = frame.clone();
        let outcome = engine.run(&mut ran, 1).expect("the program runs");
        assert_eq!(outcome.reason(), Some(reason), "{name}");
        assert_eq!(ran, out, "{name}");

        let mut expected = before;
        if let Some((circuit, class)) = counted {
            let key = (circuit.to_owned(), class.to_owned());
            let (frames, bytes) = expected.entry(key).or_default();
            *frames += 1;
            *bytes += frame.len() as u64;
        }
        assert_eq!(count(&fixture, &engine), expected, "{name}");
    }
}

/// Jumbo frames come in several buffers; their length counts, not that of the first.
#[test]
fn frames_of_several_buffers_are_counted_whole() {
    if !root_or_skip("frames_of_several_buffers_are_counted_whole") {
        return;
    }
    let fixture = Fixture::new("drop");
    let mut engine = fixture.kernel("customer0").expect("the program loads");
    // Packets of 3,000, 4,000 and 9,000 bytes.
    for payload in [2976, 3976, 8976] {
        let [sent, expected] = [26, 0].map(|dscp| {
            let text = format!("88a8:100 8100:20 ipv4 dscp={dscp} payload={payload}");
            frame_of(&text).expect("a frame")
        });
        let mut out = sent;
        let outcome = engine.run(&mut out, 1).expect("the program runs");
        assert_eq!(outcome.reason(), Some(Reason::Ok));
        assert_eq!(out, expected);
    }
    let bytes = count(&fixture, &engine)[&("qinq".to_owned(), "default".to_owned())].1;
    assert_eq!(bytes, 16_000 + 3 * 22);
}

type Counted = std::collections::BTreeMap<(String, String), (u64, u64)>;

/// Forwarded frames and bytes by circuit and class, those that are not zero.
fn count(fixture: &Fixture, engine: &edge_user::replay::KernelEngine) -> Counted {
    let mut counted = Counted::new();
    for attachment in &fixture.plan.attachments {
        let meter = engine.counted(attachment.index).expect("a meter").meter;
        for (class, counters) in attachment.key.classes.iter().zip(&meter.classes) {
            if counters.forwarded_frames != 0 {
                let key = (attachment.key.circuit.clone(), class.clone());
                let (frames, bytes) = counted.entry(key).or_default();
                *frames += counters.forwarded_frames;
                *bytes += counters.forwarded_bytes;
            }
        }
    }
    counted
}
