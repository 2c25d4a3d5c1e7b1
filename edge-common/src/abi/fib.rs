//! The records of forwarding tables: trees of intervals, and the lines that they are made of.
//!
//! A tree is never changed: a change of a routing table makes another tree, and one store of a word
//! has frames look at that one.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, transmute_ref};

/// Levels that a tree has at most: 16⁴ intervals of IPv4, 8⁴ of IPv6.
pub const LEVELS: usize = 4;
/// Values in a line.
pub const VALUES: u32 = 16;

/// A tree of intervals of addresses. All levels but the last lead to the next one.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Tree {
    /// The first line of each level, from the top.
    pub level_lines: [u32; LEVELS],
    /// The first line of the intervals' values.
    pub value_lines: u32,
    /// Number of levels; 0: there is one interval, of all addresses.
    pub levels: u32,
    /// The number of the last interval.
    pub last_interval: u32,
    reserved: u32,
}

const _: () = assert!(size_of::<Tree>() == 32);

impl Tree {
    /// A tree whose lines are there.
    #[must_use]
    pub const fn new(
        level_lines: [u32; LEVELS],
        levels: u32,
        value_lines: u32,
        last_interval: u32,
    ) -> Self {
        Self { level_lines, value_lines, levels, last_interval, reserved: 0 }
    }
}

/// A cache line: starts of intervals in ascending order, or values.
#[repr(C, align(64))]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct FibLine([u32; 16]);

const _: () = assert!(size_of::<FibLine>() == 64);

impl FibLine {
    /// A line of starts of 32 bits, or of values.
    #[must_use]
    pub const fn of_words(words: [u32; 16]) -> Self {
        Self(words)
    }

    /// A line of starts of 64 bits.
    #[must_use]
    pub fn of_long_words(words: [u64; 8]) -> Self {
        Self(zerocopy::transmute!(words))
    }

    /// The words.
    #[inline(always)]
    #[must_use]
    pub const fn words(&self) -> &[u32; 16] {
        &self.0
    }

    /// The line as words of 64 bits.
    #[inline(always)]
    #[must_use]
    pub fn long_words(&self) -> &[u64; 8] {
        transmute_ref!(self)
    }

    /// The words by quarters of the line.
    #[inline(always)]
    #[must_use]
    pub fn word_quarters(&self) -> &[[u32; 4]; 4] {
        transmute_ref!(self)
    }

    /// The words of 64 bits by quarters of the line.
    #[inline(always)]
    #[must_use]
    pub fn long_word_quarters(&self) -> &[[u64; 2]; 4] {
        transmute_ref!(self)
    }
}

/// The value of an interval: a next hop, or what else becomes of frames to its addresses. 0: there is
/// no route.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteValue(u32);

impl RouteValue {
    /// No route.
    pub const NONE: Self = Self(0);

    const INDEX_BITS: u32 = 20;
    const IS_NEXT_HOP: u32 = 1 << 20;
    const IS_SUBTREE: u32 = 1 << 21;
    const IS_GROUP: u32 = 1 << 22;

    /// Frames are dropped, and nobody is told.
    pub const BLACKHOLE: Self = Self(1 << 23);
    /// The address is the edge's own.
    pub const LOCAL: Self = Self(1 << 24);

    /// A next hop by its index; `None`: there are no such indices.
    #[must_use]
    pub const fn next_hop(index: u32) -> Option<Self> {
        Self::pack(index, Self::IS_NEXT_HOP)
    }

    /// A group of next hops by its index.
    #[must_use]
    pub const fn group(index: u32) -> Option<Self> {
        Self::pack(index, Self::IS_GROUP)
    }

    /// The tree that has routes by the lower 64 bits of an IPv6 address, by its index.
    #[must_use]
    pub const fn subtree(index: u32) -> Option<Self> {
        Self::pack(index, Self::IS_SUBTREE)
    }

    /// From its form in a line.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The form in a line.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// The index of the next hop.
    #[inline(always)]
    #[must_use]
    pub const fn as_next_hop(self) -> Option<u32> {
        self.index_of(Self::IS_NEXT_HOP)
    }

    /// The index of the group.
    #[inline(always)]
    #[must_use]
    pub const fn as_group(self) -> Option<u32> {
        self.index_of(Self::IS_GROUP)
    }

    /// The index of the subtree.
    #[inline(always)]
    #[must_use]
    pub const fn as_subtree(self) -> Option<u32> {
        self.index_of(Self::IS_SUBTREE)
    }

    const fn pack(index: u32, kind: u32) -> Option<Self> {
        if index >> Self::INDEX_BITS == 0 { Some(Self(kind | index)) } else { None }
    }

    #[inline(always)]
    const fn index_of(self, kind: u32) -> Option<u32> {
        if self.0 & kind == 0 { None } else { Some(self.0 & ((1 << Self::INDEX_BITS) - 1)) }
    }
}
