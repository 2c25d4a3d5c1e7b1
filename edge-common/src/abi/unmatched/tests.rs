use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const SECOND_NS: u64 = 1_000_000_000;
const SOURCE: Mac = Mac::new([2, 0, 0, 0, 0, 1]);

/// The buckets of a port on one CPU.
struct Port(Vec<UnmatchedBucket>);

impl Port {
    fn new() -> Self {
        Self(vec![UnmatchedBucket::default(); UNMATCHED_BUCKETS as usize])
    }

    fn count(&mut self, tags: UnmatchedTags, now_ns: u64) {
        self.0[tags.bucket() as usize].count(tags, SOURCE, 100, now_ns);
    }

    fn listed(&self) -> BTreeMap<UnmatchedTags, UnmatchedEntry> {
        self.0
            .iter()
            .flat_map(|bucket| bucket.listed().map(|(tags, entry)| (tags, *entry)))
            .collect()
    }

    fn frames_of(&self, tags: UnmatchedTags) -> u64 {
        self.listed().get(&tags).map_or(0, |entry| entry.frames)
    }

    /// Frames with a place, and without.
    fn frames(&self) -> (u64, u64) {
        let listed = self.listed().values().map(|entry| entry.frames).sum();
        (listed, self.0.iter().map(|bucket| bucket.left_out_frames).sum())
    }
}

fn vid(vid: u16) -> Vid {
    Vid::from_tci(vid)
}

fn qinq(s_vid: u16, c_vid: u16) -> UnmatchedTags {
    UnmatchedTags::NONE.with_outer(0x8100, vid(s_vid)).with_inner(0x8100, vid(c_vid))
}

/// Random numbers that are the same in each run (xorshift64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// One of 16 million pairs.
    fn tags(&mut self) -> UnmatchedTags {
        let random = self.next() >> 20;
        qinq(random as u16, (random >> 16) as u16)
    }
}

/// A flood of random tags, and other tags at a slower rate, which begin later. Returns the time from the first frame of
/// these on after which they are listed and stay so, in milliseconds.
fn ms_until_listed(flood_per_s: u64, others: UnmatchedTags, per_s: u64) -> Option<u64> {
    const BEGIN_S: u64 = 3;
    const END_S: u64 = 14;
    let (mut port, mut random) = (Port::new(), Random(flood_per_s ^ others.0 ^ per_s));
    let mut sent = 0;
    for number in 0..END_S * flood_per_s {
        let now_ns = SECOND_NS + number * SECOND_NS / flood_per_s;
        port.count(random.tags(), now_ns);
        let due = (number.saturating_sub(BEGIN_S * flood_per_s)) * per_s / flood_per_s;
        while sent < due {
            port.count(others, now_ns);
            sent += 1;
        }
    }
    let entry = *port.listed().get(&others)?;
    let (listed, left_out) = port.frames();
    assert_eq!(listed + left_out, END_S * flood_per_s + sent);
    Some(entry.first_ns.saturating_sub((1 + BEGIN_S) * SECOND_NS) / 1_000_000)
}

#[test]
fn tags_are_told_as_they_came() {
    let one = UnmatchedTags::NONE.with_outer(0x9100, vid(4095));
    assert_eq!((one.outer(), one.inner()), (Some((0x9100, 4095)), None));
    let two = one.with_inner(0x88a8, vid(0));
    assert_eq!((two.outer(), two.inner()), (Some((0x9100, 4095)), Some((0x88a8, 0))));
    assert_eq!((UnmatchedTags::NONE.outer(), UnmatchedTags::NONE.inner()), (None, None));
}

#[test]
fn hundreds_of_tags_are_all_listed_within_ten_seconds() {
    let mut port = Port::new();
    for number in 0..1_000 {
        for c_vid in 1..=150 {
            port.count(qinq(100, c_vid), SECOND_NS + number * 10_000_000);
        }
    }
    let listed = port.listed();
    assert_eq!(listed.len(), 150);
    let entry = listed[&qinq(100, 1)];
    assert_eq!((entry.bytes, entry.source), (entry.frames * 100, SOURCE.to_bits()));
    assert_eq!(entry.last_ns, SECOND_NS + 9_990_000_000);
}

/// As many frames as one CPU of a small machine takes, and tags that one in ten thousand has, or more.
#[test]
fn tags_that_come_amid_a_flood_of_others_are_listed_within_ten_seconds() {
    for (flood_per_s, per_s) in [(50_000, 10), (300_000, 50), (1_000_000, 100)] {
        for c_vid in 10..13 {
            let listed = ms_until_listed(flood_per_s, qinq(100, c_vid), per_s);
            assert!(listed.is_some_and(|ms| ms < 10_000), "{flood_per_s} {per_s}: {listed:?}");
        }
    }
}

#[test]
fn tags_with_many_frames_outlive_a_flood() {
    let (mut port, mut random) = (Port::new(), Random(7));
    let known: Vec<_> = (1..=60).map(|c_vid| qinq(100, c_vid)).collect();
    for number in 0..1_000 {
        for tags in &known {
            port.count(*tags, SECOND_NS + number);
        }
    }
    let before = port.frames_of(known[0]);
    for number in 0..3_000_000 {
        port.count(random.tags(), 2 * SECOND_NS + number * 200_000);
    }
    let lost: Vec<_> = known.iter().filter(|tags| port.frames_of(**tags) == 0).collect();
    assert!(before > 0 && lost.is_empty(), "{lost:?}");
}

proptest! {
    #[test]
    fn each_frame_is_listed_or_left_out(
        frames in prop::collection::vec((0..40u16, 0..30u16, 0..3 * SECOND_NS), 0..2_000),
    ) {
        let (mut port, mut now_ns, mut sent) = (Port::new(), 1, BTreeMap::<_, u64>::new());
        for (s_vid, c_vid, pause_ns) in &frames {
            now_ns += pause_ns >> (s_vid % 30);
            port.count(qinq(*s_vid, *c_vid), now_ns);
            *sent.entry(qinq(*s_vid, *c_vid)).or_default() += 1;
        }
        let (listed, left_out) = port.frames();
        prop_assert_eq!(listed + left_out, frames.len() as u64);
        for (tags, entry) in port.listed() {
            prop_assert!(entry.frames <= sent[&tags] && entry.bytes == entry.frames * 100);
            prop_assert!(entry.first_ns <= entry.last_ns && entry.last_ns <= now_ns);
        }
        for bucket in &port.0 {
            let tags: Vec<_> = bucket.listed().map(|(tags, _)| tags).collect();
            prop_assert!(tags.iter().all(|one| tags.iter().filter(|other| one == *other).count() == 1));
        }
    }
}
