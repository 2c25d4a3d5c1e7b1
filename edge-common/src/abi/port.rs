//! Settings that hold for every frame that one interface receives.
//!
//! Each port has a program of its own, with these settings as constants. So the verifier removes
//! the branches that the port can't take.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::reason::UnmatchedPolicy;

/// Outer TPIDs that a port can accept at the most.
pub const MAX_TPIDS: usize = 4;

/// The constants of a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// Accepted outer TPIDs; 0 where fewer than [`MAX_TPIDS`] are.
    pub tpids: [u16; MAX_TPIDS],
    /// The verdict on frames that belong to no circuit.
    pub unmatched: UnmatchedPolicy,
    /// Features that its circuits use beyond the plain path.
    pub features: Features,
}

/// Features that circuits of a port use. The port's program has no code for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Features(u32);

impl Features {
    /// None.
    pub const NONE: Self = Self(0);
    /// Profiles with class rules.
    pub const RULES: Self = Self(1);
    /// A bandwidth of a peering or a class.
    pub const LIMITS: Self = Self(2);
    /// `fairness = "flow"`.
    pub const FAIRNESS: Self = Self(4);
    /// `ecn = "mark"`.
    pub const ECN: Self = Self(8);
    /// Routed peerings.
    pub const ROUTED: Self = Self(16);
    /// All of them.
    pub const ALL: Self = Self(31);

    /// From its 32-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The 32-bit form.
    #[must_use]
    pub const fn to_bits(self) -> u32 {
        self.0
    }

    /// Whether `feature` is among them.
    #[inline(always)]
    #[must_use]
    pub const fn has(self, feature: Self) -> bool {
        self.0 & feature.0 != 0
    }

    /// These but for `fewer`.
    #[inline(always)]
    #[must_use]
    pub const fn without(self, fewer: Self) -> Self {
        Self(self.0 & !fewer.0)
    }

    /// These and `more`.
    #[must_use]
    pub const fn with(self, more: Self) -> Self {
        Self(self.0 | more.0)
    }
}

impl PortConfig {
    /// Whether `ether_type` starts an outer tag on this port.
    #[inline(always)]
    #[must_use]
    pub fn accepts_tpid(&self, ether_type: u16) -> bool {
        let [a, b, c, d] = self.tpids;
        // 0 marks an unused place, and an EtherType of 0 (an IEEE 802.3 length) is never a TPID.
        ether_type != 0
            && (ether_type == a || ether_type == b || ether_type == c || ether_type == d)
    }
}

/// Constants of a port's program by which it reads its tables. Where they change, the meaning of
/// tables that the present program reads may not change.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct PortConstants {
    /// Index of the port to forward to, or [`super::EGRESS_STACK`].
    pub egress: u32,
    /// [`Features`] in use.
    pub features: u32,
    /// Accepted outer TPIDs; 0: none.
    pub tpids: [u16; MAX_TPIDS],
    /// 1: frames of no circuit go to the stack; 0: they are dropped.
    pub pass_unmatched: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<PortConstants>() == 24);
