//! Step 8, the tags that a frame leaves with, where those differ from the tags it came with.

use crate::{
    frame::{ETHERNET_HEADER_LEN_BYTES, Frame},
    reason::Reason,
    tags::{INNER_TAG_OFFSET, OUTER_TAG_OFFSET, TAG_LEN_BYTES, Tag, Vid},
};

/// A tag that a frame leaves with, and the tag it came with that this one is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeavingTag {
    /// The TPID; 0: the source's.
    pub tpid: u16,
    /// The VID; 0: the source's.
    pub vid: u16,
    /// Whose PCP and DEI, and TPID and VID where they are 0 here, it has.
    pub source: Source,
}

/// A tag that a frame came with. Where it has none, all of it is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// The outer, or the only one.
    #[default]
    Outer,
    /// The inner.
    Inner,
}

/// The tags that the frames of an attachment leave with: one word, so that one store changes it.
/// 0: those they came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retag(u64);

impl Retag {
    /// No change.
    pub const NONE: Self = Self(0);

    const HAS_TAG: u32 = 1 << 12;
    const FROM_INNER: u32 = 1 << 13;
    /// In the outer's half: it is not [`Self::NONE`], even if no tag is left.
    const CHANGES: u32 = 1 << 14;

    /// Leaves with these tags, the outer first; an inner one without an outer is none.
    #[must_use]
    pub const fn to(outer: Option<LeavingTag>, inner: Option<LeavingTag>) -> Self {
        let (outer, inner) = match (outer, inner) {
            (None, _) => (0, 0),
            (Some(outer), None) => (Self::pack(outer), 0),
            (Some(outer), Some(inner)) => (Self::pack(outer), Self::pack(inner)),
        };
        Self(((outer | Self::CHANGES) as u64) << 32 | inner as u64)
    }

    /// From its 64-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64-bit form.
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Whether frames lose all their tags, so that what they carry is next to the addresses.
    #[inline(always)]
    #[must_use]
    pub const fn leaves_none(self) -> bool {
        let outer = (self.0 >> 32) as u32;
        outer & (Self::CHANGES | Self::HAS_TAG) == Self::CHANGES
    }

    const fn pack(tag: LeavingTag) -> u32 {
        let source = match tag.source {
            Source::Outer => 0,
            Source::Inner => Self::FROM_INNER,
        };
        (tag.tpid as u32) << 16 | source | Self::HAS_TAG | (tag.vid & 0x0fff) as u32
    }
}

/// Gives a frame whose last tag is `last` its leaving tags, and returns whether it has any then.
/// [`Reason::NoHeadroom`] where there is no room for them, and the frame is as it came.
#[inline(always)]
pub fn retag(frame: &mut impl Frame, last: &Tag, retag: Retag) -> Result<bool, Reason> {
    let arrived_bytes = (last.next_offset - ETHERNET_HEADER_LEN_BYTES) as u16;
    if retag == Retag::NONE {
        return Ok(arrived_bytes != 0);
    }
    let (outer, inner) = ((retag.0 >> 32) as u32, retag.0 as u32);
    let leaving_tags =
        u16::from(outer & Retag::HAS_TAG != 0) + u16::from(inner & Retag::HAS_TAG != 0);
    let leaving_bytes = leaving_tags * TAG_LEN_BYTES as u16;
    let arrived = Arrived::read(frame, arrived_bytes).ok_or(Reason::Malformed)?;

    if leaving_bytes != arrived_bytes {
        move_addresses(frame, i32::from(arrived_bytes) - i32::from(leaving_bytes))?;
    }
    write(frame, outer, inner, &arrived).ok_or(Reason::Malformed)?;
    Ok(leaving_bytes != 0)
}

/// The tags a frame came with, TPID and TCI; 0: none.
struct Arrived {
    outer: u32,
    inner: u32,
}

impl Arrived {
    #[inline(always)]
    fn read(frame: &impl Frame, tag_bytes: u16) -> Option<Self> {
        let outer = if tag_bytes == 0 { 0 } else { frame.read_u32(OUTER_TAG_OFFSET)? };
        let inner =
            if tag_bytes <= TAG_LEN_BYTES as u16 { 0 } else { frame.read_u32(INNER_TAG_OFFSET)? };
        Some(Self { outer, inner })
    }

    #[inline(always)]
    fn leaving(&self, tag: u32) -> u32 {
        let source = if tag & Retag::FROM_INNER == 0 { self.outer } else { self.inner };
        let tpid = if tag >> 16 == 0 { source & 0xffff_0000 } else { tag & 0xffff_0000 };
        let own_vid = u32::from(Vid::from_tci(tag as u16).number());
        let vid = if own_vid == 0 { source & 0x0fff } else { own_vid };
        tpid | source & 0xf000 | vid
    }
}

/// Moves the start of the frame, and both addresses with it.
#[inline(always)]
fn move_addresses(frame: &mut impl Frame, by_bytes: i32) -> Result<(), Reason> {
    let destination = frame.read_u32(0).ok_or(Reason::Malformed)?;
    let middle = frame.read_u32(4).ok_or(Reason::Malformed)?;
    let source = frame.read_u32(8).ok_or(Reason::Malformed)?;
    frame.move_start(by_bytes).ok_or(Reason::NoHeadroom)?;
    frame.write_u32(0, destination).ok_or(Reason::Malformed)?;
    frame.write_u32(4, middle).ok_or(Reason::Malformed)?;
    frame.write_u32(8, source).ok_or(Reason::Malformed)
}

#[inline(always)]
fn write(frame: &mut impl Frame, outer: u32, inner: u32, arrived: &Arrived) -> Option<()> {
    if outer & Retag::HAS_TAG != 0 {
        frame.write_u32(OUTER_TAG_OFFSET, arrived.leaving(outer))?;
    }
    if inner & Retag::HAS_TAG != 0 {
        frame.write_u32(INNER_TAG_OFFSET, arrived.leaving(inner))?;
    }
    Some(())
}
