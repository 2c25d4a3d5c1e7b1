//! The tags of frames that belong to no circuit, in a table of fixed size for each port and CPU.
//!
//! A hash of the tags tells a bucket of eight places. Once these are full, each frame keeps its tags' place for two seconds more,
//! and tags that are new take a place that is due. In their turn, a part of the time, they also take one whose tags have had
//! a single frame, or else the weakest. So in a flood of random tags, only few push each other out at a time, and tags that come
//! again meanwhile have seconds to go. Frames whose tags have no place are counted as left out, and every 64th of these has a turn
//! of its own, for tags that come in a burst. `docs/decisions/0017-unmatched.md` has the reasons.

use edge_bound::below;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::routing::Mac;
use crate::packet::vlan::Vid;

/// Buckets of a port, for each CPU.
pub const UNMATCHED_BUCKETS: u32 = 32;

/// Places of a bucket.
pub const UNMATCHED_PLACES: usize = 8;

/// Each frame gives its tags so much more time: about two seconds.
const STAY_NS: u64 = 1 << 31;
/// The most of that time that tags have ahead of them: about 13 days.
const MOST_STAY_NS: u64 = 1 << 50;

/// Length of a turn: about a quarter of a second.
const TURN_NS_LOG2: u32 = 28;
/// Number of turns, all of which take less than ten seconds.
const TURNS: u64 = 32;

/// A frame has a turn for itself after so many that were left out of its bucket.
const LEFT_OUT_FOR_A_TURN: u64 = 64;

const _: () = assert!(TURNS << TURN_NS_LOG2 < 10_000_000_000);

/// The tags that a frame came with, the outer two of them, in one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnmatchedTags(u64);

impl UnmatchedTags {
    /// Tells a frame without tags from an empty place.
    const USED: u64 = 1 << 63;
    const VID_BITS: u32 = 12;
    const INNER_TPID_SHIFT: u32 = 2 * Self::VID_BITS;
    const OUTER_TPID_SHIFT: u32 = Self::INNER_TPID_SHIFT + 16;

    /// No tag.
    pub const NONE: Self = Self(Self::USED);

    /// These and an outer tag.
    #[must_use]
    #[inline(always)]
    pub const fn with_outer(self, tpid: u16, vid: Vid) -> Self {
        let vid = (vid.number() as u64) << Self::VID_BITS;
        Self(self.0 | (tpid as u64) << Self::OUTER_TPID_SHIFT | vid)
    }

    /// These and an inner tag.
    #[must_use]
    #[inline(always)]
    pub const fn with_inner(self, tpid: u16, vid: Vid) -> Self {
        Self(self.0 | (tpid as u64) << Self::INNER_TPID_SHIFT | vid.number() as u64)
    }

    /// TPID and VID of the outer tag.
    #[must_use]
    pub fn outer(self) -> Option<(u16, u16)> {
        Self::tag(self.0 >> Self::OUTER_TPID_SHIFT, self.0 >> Self::VID_BITS)
    }

    /// TPID and VID of the inner tag.
    #[must_use]
    pub fn inner(self) -> Option<(u16, u16)> {
        Self::tag(self.0 >> Self::INNER_TPID_SHIFT, self.0)
    }

    /// A tag has a TPID, which is never 0.
    fn tag(tpid: u64, vid: u64) -> Option<(u16, u16)> {
        (tpid as u16 != 0).then(|| (tpid as u16, Vid::from_tci(vid as u16).number()))
    }

    /// The bucket, below [`UNMATCHED_BUCKETS`].
    #[must_use]
    #[inline(always)]
    pub const fn bucket(self) -> u32 {
        (self.spread() >> 59) as u32
    }

    #[inline(always)]
    const fn turn(self) -> u64 {
        self.spread() >> 54 & (TURNS - 1)
    }

    /// The place at which the search for a weak one begins.
    #[inline(always)]
    const fn first_place(self) -> usize {
        (self.spread() >> 51) as usize
    }

    /// Fibonacci hashing: every bit moves the upper ones.
    #[inline(always)]
    const fn spread(self) -> u64 {
        self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

const _: () = assert!(UNMATCHED_BUCKETS == 1 << (64 - 59));

/// The frames that came with the same tags.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct UnmatchedEntry {
    /// Frames.
    pub frames: u64,
    /// Their bytes, as received.
    pub bytes: u64,
    /// The first one's time, by `CLOCK_MONOTONIC`.
    pub first_ns: u64,
    /// The last one's time.
    pub last_ns: u64,
    /// The last one's source, as [`Mac::to_bits`] has it.
    pub source: u64,
}

/// Tags whose hash is the same.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct UnmatchedBucket {
    /// [`UnmatchedTags`] of each place, or 0: the places behind are empty, too.
    tags: [u64; UNMATCHED_PLACES],
    /// The time until which each keeps its place.
    due_ns: [u64; UNMATCHED_PLACES],
    /// Before this time no place is due.
    next_due_ns: u64,
    /// Frames whose tags have no place, or have lost it.
    pub left_out_frames: u64,
    entries: [UnmatchedEntry; UNMATCHED_PLACES],
}

const _: () = assert!(size_of::<UnmatchedBucket>() == 464);

impl UnmatchedBucket {
    /// Counts a frame that came with these tags, which are of this bucket.
    #[inline(always)]
    pub fn count(&mut self, tags: UnmatchedTags, source: Mac, len_bytes: u32, now_ns: u64) {
        let Some(place) = self.place(tags, now_ns) else {
            self.left_out_frames += 1;
            return;
        };
        let due_ns = &mut self.due_ns[place];
        let entry = &mut self.entries[place];
        if self.tags[place] != tags.0 {
            // Readers look at the tags before and after the rest.
            self.tags[place] = tags.0;
            self.left_out_frames += entry.frames;
            *entry = UnmatchedEntry { first_ns: now_ns, ..UnmatchedEntry::default() };
            *due_ns = 0;
        }
        entry.frames += 1;
        entry.bytes += u64::from(len_bytes);
        entry.last_ns = now_ns;
        entry.source = source.to_bits();
        *due_ns = ((*due_ns).max(now_ns) + STAY_NS).min(now_ns + MOST_STAY_NS);
    }

    /// The place of these tags, or the one that they may take.
    #[inline(always)]
    fn place(&mut self, tags: UnmatchedTags, now_ns: u64) -> Option<usize> {
        for place in 0..UNMATCHED_PLACES {
            if self.tags[place] == tags.0 || self.tags[place] == 0 {
                return Some(below::<UNMATCHED_PLACES>(place));
            }
        }
        let is_their_turn = now_ns >> TURN_NS_LOG2 & (TURNS - 1) == tags.turn()
            || self.left_out_frames.is_multiple_of(LEFT_OUT_FOR_A_TURN);
        if !is_their_turn && now_ns < self.next_due_ns {
            return None;
        }
        let weak_ns = if is_their_turn { now_ns + STAY_NS } else { now_ns };
        let (mut first, mut first_due_ns) = (0, u64::MAX);
        for step in 0..UNMATCHED_PLACES {
            let place = below::<UNMATCHED_PLACES>(tags.first_place() + step);
            let due_ns = self.due_ns[place];
            if due_ns <= weak_ns {
                (first, first_due_ns) = (place, now_ns);
                break;
            }
            if due_ns < first_due_ns {
                (first, first_due_ns) = (place, due_ns);
            }
        }
        if !is_their_turn && now_ns < first_due_ns {
            self.next_due_ns = first_due_ns;
            return None;
        }
        self.next_due_ns = 0;
        Some(below::<UNMATCHED_PLACES>(first))
    }

    /// The tags that have a place, with their frames.
    pub fn listed(&self) -> impl Iterator<Item = (UnmatchedTags, &UnmatchedEntry)> {
        let used = self.tags.iter().zip(&self.entries).filter(|(tags, _)| **tags != 0);
        used.map(|(tags, entry)| (UnmatchedTags(*tags), entry))
    }

    /// Whether the same tags have the same places in both.
    #[must_use]
    pub fn has_tags_of(&self, other: &Self) -> bool {
        self.tags == other.tags
    }
}

#[cfg(test)]
mod tests;
