//! A class of a `QoS` profile.

use edge_bound::below;

/// Classes that a QoS profile can have at the most.
pub const MAX_CLASSES: usize = 8;

/// A class, as its place in the QoS profile of the peering.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class(u8);

impl Class {
    /// The class with this index; the three low bits count.
    #[inline(always)]
    #[must_use]
    pub const fn new(index: u8) -> Self {
        Self(index & (MAX_CLASSES as u8 - 1))
    }

    /// The index.
    #[inline(always)]
    #[must_use]
    pub const fn number(self) -> u8 {
        self.0
    }

    /// The class as an array index, below [`MAX_CLASSES`].
    #[inline(always)]
    #[must_use]
    pub fn index(self) -> usize {
        below::<MAX_CLASSES>(usize::from(self.0))
    }
}
