//! Bandwidths inside a circuit: of a peering, and of a class of a peering.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    class::{Class, MAX_CLASSES},
    police::Bucket,
};

/// The buckets that a frame has to fit into beside its circuit's. One without a policer is none.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Limits {
    /// The peering's.
    pub peering: Bucket,
    /// Those of the peering's classes, by [`Class`].
    pub classes: [Bucket; MAX_CLASSES],
}

const _: () = assert!(size_of::<Limits>() == 72);

impl Limits {
    /// The class's bucket.
    #[inline(always)]
    #[must_use]
    pub fn class(&self, class: Class) -> Bucket {
        self.classes[class.index()]
    }
}
