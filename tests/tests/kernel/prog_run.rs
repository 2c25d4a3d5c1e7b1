//! Frames through the loaded program: each verdict and leaving frame against the written
//! expectation.

use edge_common::Reason;
use edge_tests::{
    fixture::Fixture,
    frames::{frame, ipv4, ipv6},
};
use edge_user::{lab::root_or_skip, replay::Engine as _};

/// A frame, and its outcome.
struct Case {
    name: &'static str,
    frame: Vec<u8>,
    reason: Reason,
    /// The frame as it leaves; `None`: as it came.
    out: Option<Vec<u8>>,
    /// Circuit and class it was counted to.
    counted: Option<(&'static str, &'static str)>,
}

const S: (u16, u16) = (0x88a8, 100);
const PRIVATE: [(u16, u16); 2] = [S, (0x8100, 10)];
const MICROSOFT: [(u16, u16); 2] = [S, (0x8100, 20)];
const PUBLIC: [(u16, u16); 2] = [S, (0x8100, 30)];
const DOT1Q: [(u16, u16); 1] = [(0x8100, 200)];

fn cases() -> Vec<Case> {
    let v4 = |tags: &[(u16, u16)], ds| frame(tags, 0x0800, &ipv4(ds, 60));
    let v6 = |tags: &[(u16, u16)], class| frame(tags, 0x86dd, &ipv6(class, 60));
    let case = |name, frame, reason, out, counted| Case { name, frame, reason, out, counted };
    let ok = |name, frame, out, counted| case(name, frame, Reason::Ok, out, Some(counted));
    let voice = ("qinq", "voice");
    let default = ("qinq", "default");
    vec![
        ok("private preserves what it doesn't know", v4(&PRIVATE, 0x63), None, default),
        ok("microsoft trusts EF", v4(&MICROSOFT, 0xb8), None, voice),
        ok("microsoft trusts AF41, ECN kept", v4(&MICROSOFT, 0x8b), None, ("qinq", "interactive")),
        ok("microsoft trusts AF11", v4(&MICROSOFT, 0x28), None, default),
        ok(
            "microsoft resets AF31, ECN kept",
            v4(&MICROSOFT, 0x6a),
            Some(v4(&MICROSOFT, 2)),
            default,
        ),
        ok("the same in IPv6", v6(&MICROSOFT, 0x6a), Some(v6(&MICROSOFT, 2)), default),
        ok("public resets EF, class by what came", v4(&PUBLIC, 0xb9), Some(v4(&PUBLIC, 1)), voice),
        ok("public resets EF in IPv6", v6(&PUBLIC, 0xbb), Some(v6(&PUBLIC, 3)), voice),
        ok(
            "own profile marks its class",
            v4(&DOT1Q, 0x88),
            Some(v4(&DOT1Q, 0xa0)),
            ("dot1q", "gold"),
        ),
        ok(
            "own profile marks its default",
            v6(&DOT1Q, 0),
            Some(v6(&DOT1Q, 0x20)),
            ("dot1q", "rest"),
        ),
        ok("ARP is default and untouched", frame(&MICROSOFT, 0x0806, &[1; 46]), None, default),
        case(
            "disabled",
            v4(&[(0x8100, 101), (0x8100, 10)], 0),
            Reason::CircuitDisabled,
            None,
            None,
        ),
        case("nobody's C-tag", v4(&[S, (0x8100, 11)], 0), Reason::Unmatched, None, None),
        case("no C-tag", v4(&[S], 0), Reason::Unmatched, None, None),
        case("no tag", v4(&[], 0), Reason::Untagged, None, None),
        case("cut IPv4", v4(&PRIVATE, 0)[..40].to_vec(), Reason::Malformed, None, None),
        case("LLDP", frame(&[], 0x88cc, &[0; 46]), Reason::Control, None, None),
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
        let before = count(&fixture, &engine);
        let mut ran = frame.clone();
        let outcome = engine.run(&mut ran, 1).expect("the program runs");
        assert_eq!(outcome.reason(), Some(reason), "{name}");
        assert_eq!(ran, out.unwrap_or_else(|| frame.clone()), "{name}");

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
    for len_bytes in [3000, 4000, 9000] {
        let sent = frame(&MICROSOFT, 0x0800, &ipv4(0x68, len_bytes));
        let mut out = sent.clone();
        let outcome = engine.run(&mut out, 1).expect("the program runs");
        assert_eq!(outcome.reason(), Some(Reason::Ok));
        assert_eq!(out, frame(&MICROSOFT, 0x0800, &ipv4(0, len_bytes)));
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
