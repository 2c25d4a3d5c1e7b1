//! Records of a trace: what the traced programs of ports look for, and what they tell of each frame.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{class::Class, outcome::Outcome};
use crate::{packet::vlan::OUTER_TAG_OFFSET, reason::Reason};

/// Bytes at a frame's beginning that are kept as received: the path changes nothing behind them, but in its own answers.
pub const HEAD_BYTES: usize = 128;
/// Bytes behind the addresses of a frame that leaves: two tags, and the EtherType.
pub const LEFT_TAGS_BYTES: usize = 10;
/// The offset of these.
pub const LEFT_TAGS_OFFSET: usize = OUTER_TAG_OFFSET;
/// The longest part of a frame that a trace tells, in bytes: jumbo frames are whole.
pub const MAX_CAPTURED_BYTES: usize = HEAD_BYTES + 16_384;
/// The chance of each frame, where every frame is looked at.
pub const EVERY_FRAME: u64 = 1 << 32;

/// The frames that a trace looks for. Programs read it for each frame.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TraceFilter {
    /// The time of `CLOCK_MONOTONIC` at which the trace ends unless somebody puts it off; 0: it has ended.
    pub until_ns: u64,
    /// The chance of each frame to be looked at, of [`EVERY_FRAME`].
    pub chance: u64,
    /// Reasons, a bit each.
    pub reasons: u64,
    /// Time between two frames at the highest rate of frames that are told.
    pub interval_ns: u64,
    /// Bytes of each frame that are told, at most.
    pub snap_bytes: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<TraceFilter>() == 40);

impl TraceFilter {
    /// The bits of every reason.
    pub const EVERY_REASON: u64 = u64::MAX;

    /// The bit of a reason.
    #[must_use]
    #[inline(always)]
    pub const fn reason(reason: Reason) -> u64 {
        1 << reason.number()
    }

    /// Whether it looks for frames with this outcome, whose attachment is wanted as `wanted` says.
    #[must_use]
    #[inline(always)]
    pub fn wants(&self, wanted: WantedFrames, outcome: &Outcome) -> bool {
        self.reasons >> (outcome.reason & 63) & 1 != 0 && wanted.has(outcome.class)
    }
}

/// The frames of an attachment that a trace looks for.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct WantedFrames(u64);

impl WantedFrames {
    /// None.
    pub const NONE: Self = Self(0);
    /// All, those that ended before they had a class among them.
    pub const ALL: Self = Self(u64::MAX);

    /// The frames of one class.
    #[must_use]
    pub const fn of_class(class: Class) -> Self {
        Self(1 << class.number())
    }

    /// Whether frames of the class with this number are among them, or, with [`Outcome::NONE`], of no class.
    #[inline(always)]
    fn has(self, class: u8) -> bool {
        self.0 >> (class & 63) & 1 != 0
    }
}

/// A CPU's notes of the frame that is on its way, and its counts of a trace.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct TraceCpu {
    /// Frames that the filter wanted.
    pub matched: u64,
    /// Wanted frames that came too fast to be told.
    pub capped: u64,
    /// Wanted frames that the ring had no room for.
    pub lost: u64,
    /// The present frame.
    pub told: ToldFrame,
    /// Its beginning, as received.
    pub head: [u8; HEAD_BYTES],
}

const _: () = assert!(size_of::<TraceCpu>() == 24 + 64 + HEAD_BYTES);

/// The part of a traced frame's record that comes in front of its bytes as they were received.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct ToldFrame {
    /// The time of `CLOCK_MONOTONIC` at which the path began; 0: the frame is not looked at.
    pub at_ns: u64,
    /// The end of its path.
    pub outcome: Outcome,
    /// Index of the port that it came by.
    pub port: u32,
    /// Index in `TX_PORTS` of the device that it left by, or [`super::EGRESS_STACK`].
    pub egress: u32,
    /// Its length as received.
    pub len_bytes: u32,
    /// Its length at the end of its path.
    pub left_len_bytes: u32,
    /// Number of its bytes that follow this record.
    pub captured_bytes: u32,
    /// Its bytes at [`LEFT_TAGS_OFFSET`] at the end of its path.
    pub left_tags: [u8; LEFT_TAGS_BYTES],
    /// Zero.
    pub reserved: [u8; 10],
}

const _: () = assert!(size_of::<ToldFrame>() == 64);

impl ToldFrame {
    /// Begins the record of a frame that has just come. Fields that are known at the end of its path alone stay as they are.
    #[inline(always)]
    pub const fn begin(&mut self, at_ns: u64, port: u32, len_bytes: u32) {
        self.at_ns = at_ns;
        self.outcome = Outcome::unknown();
        self.port = port;
        self.egress = super::EGRESS_STACK;
        self.len_bytes = len_bytes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_wants_frames_by_reason_and_by_class() {
        let filter = TraceFilter {
            until_ns: 1,
            chance: EVERY_FRAME,
            reasons: TraceFilter::reason(Reason::OverRate) | TraceFilter::reason(Reason::Unmatched),
            interval_ns: 0,
            snap_bytes: 0,
            reserved: 0,
        };
        let every = TraceFilter { reasons: TraceFilter::EVERY_REASON, ..filter };
        let second = Class::new(1);
        for reason in Reason::ALL {
            let outcome = |class| Outcome { reason: reason.number(), class, ..Outcome::unknown() };
            let is_one = matches!(reason, Reason::OverRate | Reason::Unmatched);
            for class in [0, 1, Outcome::NONE] {
                assert_eq!(filter.wants(WantedFrames::ALL, &outcome(class)), is_one);
                assert!(every.wants(WantedFrames::ALL, &outcome(class)));
                assert!(!every.wants(WantedFrames::NONE, &outcome(class)));
                let wanted = WantedFrames::of_class(second);
                assert_eq!(every.wants(wanted, &outcome(class)), class == 1, "{class}");
            }
        }
    }
}
