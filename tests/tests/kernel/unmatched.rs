//! The program's list of tags that no circuit claims, against the written expectation and the host path's.

use std::collections::BTreeMap;

use edge_common::{Reason, abi::unmatched::UnmatchedTags};
use edge_tests::{
    both::{Both, splits_frames},
    fixture::Fixture,
    notation::frame_of,
};
use edge_user::{lab::root_or_skip, replay::PathEngine as _};

/// A frame, and the tags that are noted of it; `None`: none are.
const CASES: [(&str, Reason, Option<&str>); 16] = [
    ("88a8:100 8100:10 ipv4", Reason::Ok, None),
    ("8100:101 8100:10 ipv4", Reason::CircuitDisabled, None),
    ("lldp", Reason::Control, None),
    ("8100:100 8100:11 ipv4 cut=21", Reason::Malformed, None),
    ("8100:999 8100:11 ipv4 cut=17", Reason::Malformed, None),
    ("8100:100 8100:11 ipv4", Reason::Unmatched, Some("8100:100 8100:11")),
    ("8100:100/5 8100:11/3d ipv4", Reason::Unmatched, Some("8100:100 8100:11")),
    ("88a8:100 8100:11 8100:12 ipv6", Reason::Unmatched, Some("88a8:100 8100:11")),
    ("8100:100 ipv4", Reason::Unmatched, Some("8100:100")),
    ("8100:100 9100:10 ipv4", Reason::Unmatched, Some("8100:100 9100:10")),
    ("8100:0/5 8100:100 8100:10 ipv4", Reason::Unmatched, Some("8100:0 8100:100")),
    ("8100:4095 ipv4", Reason::Unmatched, Some("8100:4095")),
    ("8100:999 8100:11 ipv4 cut=19", Reason::Unmatched, Some("8100:999")),
    ("9200:100 88a8:10 ipv4", Reason::Untagged, Some("9200:100 88a8:10")),
    ("9100:100 8100:11 ipv4 cut=15", Reason::Untagged, Some("")),
    ("arp", Reason::Untagged, Some("")),
];

/// The tags as [`CASES`] has them.
fn text(tags: UnmatchedTags) -> String {
    let tags = [tags.outer(), tags.inner()].into_iter().flatten();
    tags.map(|(tpid, vid)| format!("{tpid:04x}:{vid}")).collect::<Vec<_>>().join(" ")
}

#[test]
fn only_frames_of_no_circuit_have_their_tags_noted() {
    if !root_or_skip("only_frames_of_no_circuit_have_their_tags_noted") {
        return;
    }
    for verdict in ["drop", "pass"] {
        let fixture = Fixture::new(verdict);
        let mut engine = fixture.kernel("customer0").expect("the program loads");
        let mut expected = BTreeMap::<_, (u64, u64, u64, u64)>::new();
        for ((frame, reason, tags), now_ns) in CASES.into_iter().zip(1_000..) {
            let mut sent = frame_of(frame).expect("a frame");
            let len_bytes = sent.len() as u64;
            let outcome = engine.run(&mut sent, now_ns).expect("the program runs");
            assert_eq!(outcome.reason(), Some(reason), "{frame}");
            if let Some(tags) = tags {
                let (frames, bytes, first_ns, last_ns) =
                    expected.entry(tags.to_owned()).or_insert((0, 0, now_ns, 0));
                (*frames, *bytes, *last_ns) = (*frames + 1, *bytes + len_bytes, now_ns);
                *first_ns = now_ns.min(*first_ns);
            }
            let counts = engine.unmatched().expect("the list");
            let listed = counts.listed.iter().map(|(tags, entry)| {
                (text(*tags), (entry.frames, entry.bytes, entry.first_ns, entry.last_ns))
            });
            assert_eq!(listed.collect::<BTreeMap<_, _>>(), expected, "{frame}");
            assert_eq!(counts.left_out_frames, 0);
        }
    }
}

/// More tags than there are places, at any times.
#[test]
fn host_and_kernel_give_the_same_tags_a_place() {
    if !root_or_skip("host_and_kernel_give_the_same_tags_a_place") {
        return;
    }
    let in_buffers = std::thread::spawn(splits_frames).join().expect("an answer");
    for first_len_bytes in [None, Some(32)].into_iter().take(1 + usize::from(in_buffers)) {
        let fixture = Fixture::new("drop");
        let mut both = Both::new(&fixture, "customer0");
        let (mut random, mut now_ns) = (1u64, 1);
        let mut frame = frame_of("8100:1 8100:1 ipv4").expect("a frame");
        for _ in 0..20_000 {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            // Half of the frames have one of a few tags, and some come after a long time.
            let bits = if random >> 63 == 0 { 0x03 } else { 0x0f };
            let [a, b, c, ..] = random.to_le_bytes();
            now_ns += (random >> 40 & 0xf_ffff) << (random >> 32 & 7);
            frame[14..16].copy_from_slice(&[a & bits, b]);
            frame[18..20].copy_from_slice(&[0, c & 7]);
            both.run(&frame, first_len_bytes, now_ns);
        }
        both.check_counters();
    }
}
