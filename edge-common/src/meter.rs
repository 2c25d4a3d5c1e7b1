//! Step 7, the meter: what a bill is made of. Per CPU, never reset while the pins live.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::class::{Class, MAX_CLASSES};

/// Frames and bytes of one class of an attachment.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct ClassCounters {
    /// Frames that left.
    pub forwarded_frames: u64,
    /// Their bytes, as received.
    pub forwarded_bytes: u64,
    /// Frames above the rate.
    pub dropped_frames: u64,
    /// Their bytes, as received.
    pub dropped_bytes: u64,
}

/// The counters of an attachment, by class.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Meter {
    /// Indexed by [`Class`].
    pub classes: [ClassCounters; MAX_CLASSES],
}

const _: () = assert!(size_of::<Meter>() == 256);

impl Meter {
    /// Counts a frame that leaves.
    #[inline(always)]
    pub fn forwarded(&mut self, class: Class, len_bytes: u32) {
        let counters = &mut self.classes[class.index()];
        counters.forwarded_frames += 1;
        counters.forwarded_bytes += u64::from(len_bytes);
    }

    /// Counts a frame above the rate.
    #[inline(always)]
    pub fn dropped(&mut self, class: Class, len_bytes: u32) {
        let counters = &mut self.classes[class.index()];
        counters.dropped_frames += 1;
        counters.dropped_bytes += u64::from(len_bytes);
    }
}

/// Frames and bytes that left a port's path for one reason.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct ReasonCounter {
    /// Frames.
    pub frames: u64,
    /// Their bytes, as received.
    pub bytes: u64,
}

/// Room for reasons to come; a power of two, so that a mask bounds the index.
pub const REASON_SLOTS: usize = 32;

/// Everything a port received, by [`crate::Reason`].
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PortCounters {
    /// Indexed by the reason's number.
    pub reasons: [ReasonCounter; REASON_SLOTS],
}

const _: () = assert!(size_of::<PortCounters>() == 512);

impl PortCounters {
    /// Counts a frame whose path ended.
    #[inline(always)]
    pub fn count(&mut self, reason: crate::Reason, len_bytes: u32) {
        let counter = &mut self.reasons[usize::from(reason.number()) & (REASON_SLOTS - 1)];
        counter.frames += 1;
        counter.bytes += u64::from(len_bytes);
    }
}
