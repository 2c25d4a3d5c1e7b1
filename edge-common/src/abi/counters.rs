//! Counters of attachments and ports, from which bills are made. They are per CPU, and never reset
//! while the pins live.

use edge_bound::below;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{
    class::{Class, MAX_CLASSES},
    in_flight::HandedOver,
};
use crate::reason::Reason;

/// Frames and bytes of one class of an attachment.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct ClassCounters {
    /// Frames that the path forwarded. [`Losses`] has those among them that a device refused.
    pub forwarded_frames: u64,
    /// Their bytes, as the circuit's `accounting` counts them ([`crate::path::account`]).
    pub forwarded_bytes: u64,
    /// Frames above the rate.
    pub dropped_frames: u64,
    /// Their bytes, counted in the same way.
    pub dropped_bytes: u64,
}

/// The counters of an attachment, by class.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Meter {
    /// Another layout has the classes elsewhere.
    #[cfg(feature = "other-layout")]
    reserved: [u64; 8],
    /// Indexed by [`Class`].
    pub classes: [ClassCounters; MAX_CLASSES],
}

#[cfg(not(feature = "other-layout"))]
const _: () = assert!(size_of::<Meter>() == 256);

impl Meter {
    /// Counts a frame that leaves.
    #[inline(always)]
    pub fn forwarded(&mut self, class: Class, len_bytes: u32) {
        let counters = &mut self.classes[class.index()];
        counters.forwarded_frames += 1;
        counters.forwarded_bytes += u64::from(len_bytes);
    }

    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        for (class, other) in self.classes.iter_mut().zip(&other.classes) {
            class.forwarded_frames = class.forwarded_frames.wrapping_add(other.forwarded_frames);
            class.forwarded_bytes = class.forwarded_bytes.wrapping_add(other.forwarded_bytes);
            class.dropped_frames = class.dropped_frames.wrapping_add(other.dropped_frames);
            class.dropped_bytes = class.dropped_bytes.wrapping_add(other.dropped_bytes);
        }
    }

    /// Counts a frame above the rate.
    #[inline(always)]
    pub fn dropped(&mut self, class: Class, len_bytes: u32) {
        let counters = &mut self.classes[class.index()];
        counters.dropped_frames += 1;
        counters.dropped_bytes += u64::from(len_bytes);
    }
}

/// Frames of one class that the path has counted as forwarded, and that no device took.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct ClassLosses {
    /// Frames.
    pub refused_frames: u64,
    /// Their bytes, as metered.
    pub refused_bytes: u64,
}

/// Reasons other than the rate for which an attachment's frames are dropped, by their place in
/// [`Losses`].
pub const LOSS_REASONS: [Reason; 16] = [
    Reason::Malformed,
    Reason::CircuitDisabled,
    Reason::NoEgress,
    Reason::DanglingTable,
    Reason::NoHeadroom,
    Reason::PuntLimited,
    Reason::NotForUs,
    Reason::BadChecksum,
    Reason::Martian,
    Reason::Spoofed,
    Reason::NoRoute,
    Reason::TtlExpired,
    Reason::TooBig,
    Reason::NoNeighbour,
    Reason::LinkDown,
    Reason::SourceRouted,
];

/// Frames that an attachment lost for reasons other than its rate.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Losses {
    /// Indexed by [`Class`].
    pub classes: [ClassLosses; MAX_CLASSES],
    /// In the order of [`LOSS_REASONS`]; bytes as received.
    pub reasons: [ReasonCounter; LOSS_SLOTS],
}

/// Room in [`Losses`] for reasons; a power of two, as [`below`] wants it.
pub const LOSS_SLOTS: usize = 16;

const _: () = assert!(size_of::<Losses>() == 384);

impl Losses {
    /// Adds the losses of `other`.
    pub fn add(&mut self, other: &Self) {
        for (class, other) in self.classes.iter_mut().zip(&other.classes) {
            class.refused_frames = class.refused_frames.wrapping_add(other.refused_frames);
            class.refused_bytes = class.refused_bytes.wrapping_add(other.refused_bytes);
        }
        for (reason, other) in self.reasons.iter_mut().zip(&other.reasons) {
            reason.add(other);
        }
    }

    /// Counts a dropped frame. The [`Meter`] counts those above the rate.
    #[inline(always)]
    pub fn dropped(&mut self, reason: Reason, len_bytes: u32) {
        let place = match reason {
            Reason::Malformed => 0,
            Reason::CircuitDisabled => 1,
            Reason::NoEgress => 2,
            Reason::DanglingTable => 3,
            Reason::NoHeadroom => 4,
            Reason::PuntLimited => 5,
            Reason::NotForUs => 6,
            Reason::BadChecksum => 7,
            Reason::Martian => 8,
            Reason::Spoofed => 9,
            Reason::NoRoute => 10,
            Reason::TtlExpired => 11,
            Reason::TooBig => 12,
            Reason::NoNeighbour => 13,
            Reason::LinkDown => 14,
            Reason::SourceRouted => 15,
            Reason::Ok
            | Reason::Unmatched
            | Reason::Untagged
            | Reason::Control
            | Reason::OverRate
            | Reason::EgressRefused
            | Reason::Punted
            | Reason::Answered => return,
        };
        let counter: &mut ReasonCounter = &mut self.reasons[below::<LOSS_SLOTS>(place)];
        counter.frames += 1;
        counter.bytes += u64::from(len_bytes);
    }

    /// Counts a frame that a device refused.
    #[inline(always)]
    pub fn refused(&mut self, frame: &HandedOver) {
        let losses = &mut self.classes[Class::new(frame.class as u8).index()];
        losses.refused_frames += 1;
        losses.refused_bytes += u64::from(frame.len_bytes);
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

/// All counts of an attachment.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Counted {
    /// The path's counts.
    pub meter: Meter,
    /// Frames that were lost.
    pub losses: Losses,
}

impl Counted {
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        self.meter.add(&other.meter);
        self.losses.add(&other.losses);
    }
}

impl ReasonCounter {
    fn add(&mut self, other: &Self) {
        self.frames = self.frames.wrapping_add(other.frames);
        self.bytes = self.bytes.wrapping_add(other.bytes);
    }
}

/// Room for reasons to come; a power of two, as [`below`] wants it.
pub const REASON_SLOTS: usize = if cfg!(feature = "other-layout") { 64 } else { 32 };

/// Everything a port received, by [`crate::Reason`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
pub struct PortCounters {
    /// Indexed by the reason's number.
    pub reasons: [ReasonCounter; REASON_SLOTS],
}

impl Default for PortCounters {
    fn default() -> Self {
        // Arrays are `Default` up to 32 elements only, and another layout has more.
        Self { reasons: [ReasonCounter::default(); REASON_SLOTS] }
    }
}

impl PortCounters {
    /// Adds the counts of `other`.
    pub fn add(&mut self, other: &Self) {
        for (reason, other) in self.reasons.iter_mut().zip(&other.reasons) {
            reason.add(other);
        }
    }

    /// The counters with [`Reason::Ok`] only for frames that no device has refused.
    #[must_use]
    pub fn settled(mut self) -> Self {
        let refused = self.reasons[usize::from(Reason::EgressRefused.number())];
        let ok = &mut self.reasons[usize::from(Reason::Ok.number())];
        ok.frames = ok.frames.saturating_sub(refused.frames);
        ok.bytes = ok.bytes.saturating_sub(refused.bytes);
        self
    }

    /// Counts a frame whose path ended.
    #[inline(always)]
    pub fn count(&mut self, reason: Reason, len_bytes: u32) {
        let counter = &mut self.reasons[below::<REASON_SLOTS>(usize::from(reason.number()))];
        counter.frames += 1;
        counter.bytes += u64::from(len_bytes);
    }
}

#[cfg(not(feature = "other-layout"))]
const _: () = assert!(size_of::<PortCounters>() == 512);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_have_a_place_for_each_reason() {
        for (place, reason) in LOSS_REASONS.into_iter().enumerate() {
            let mut losses = Losses::default();
            losses.dropped(reason, 100);
            assert_eq!(
                losses.reasons[place],
                ReasonCounter { frames: 1, bytes: 100 },
                "{reason:?}"
            );
        }
        let mut losses = Losses::default();
        for reason in Reason::ALL.into_iter().filter(|reason| !LOSS_REASONS.contains(reason)) {
            losses.dropped(reason, 100);
        }
        assert_eq!(losses, Losses::default());
    }
}
