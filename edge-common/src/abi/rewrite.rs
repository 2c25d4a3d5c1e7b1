//! The tags that a frame leaves with, where those differ from the tags it came with.

/// A tag that a frame leaves with, and the arriving tag that it is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeavingTag {
    /// The TPID; 0: the source's.
    pub tpid: u16,
    /// The VID; 0: the source's.
    pub vid: u16,
    /// The tag that gives PCP and DEI, and TPID and VID where they are 0 here.
    pub source: TagSource,
}

/// A tag that a frame came with. All of it is 0 where the frame has no such tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagSource {
    /// The outer, or the only one.
    #[default]
    Outer,
    /// The inner.
    Inner,
}

/// The tags that the frames of an attachment leave with, in one word, so that one store changes
/// them. 0: the tags that they came with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Retag(pub(crate) u64);

impl Retag {
    /// No change.
    pub const NONE: Self = Self(0);

    pub(crate) const HAS_TAG: u32 = 1 << 12;
    pub(crate) const FROM_INNER: u32 = 1 << 13;
    /// A bit in the outer tag's half that tells a change from [`Self::NONE`], even if no tag is
    /// left.
    pub(crate) const CHANGES: u32 = 1 << 14;

    /// A change to these tags, the outer first. An inner tag without an outer one is left out.
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

    /// Number of tags that frames leave with, where these are not the ones that they came with.
    #[must_use]
    pub const fn tags(self) -> u32 {
        (self.0 >> 32 & Self::HAS_TAG as u64 != 0) as u32
            + (self.0 & Self::HAS_TAG as u64 != 0) as u32
    }

    const fn pack(tag: LeavingTag) -> u32 {
        let source = match tag.source {
            TagSource::Outer => 0,
            TagSource::Inner => Self::FROM_INNER,
        };
        (tag.tpid as u32) << 16 | source | Self::HAS_TAG | (tag.vid & 0x0fff) as u32
    }
}
