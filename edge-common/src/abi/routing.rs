//! The records that tell where a routed frame goes: next hops, groups of them, and the state of links.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

/// Members that a group has at most.
pub const MAX_MEMBERS: usize = 8;

/// A MAC address in the low 48 bits of a word, so that one store changes all of it; 0: none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mac(u64);

impl Mac {
    /// No address.
    pub const NONE: Self = Self(0);

    const GROUP_BIT: u64 = 1 << 40;
    const BITS: u64 = (1 << 48) - 1;

    /// The address with these bytes, in the order of the wire.
    #[must_use]
    pub const fn new(bytes: [u8; 6]) -> Self {
        let [high @ .., _, _, _, _] = bytes;
        let [_, _, low @ ..] = bytes;
        Self((u16::from_be_bytes(high) as u64) << 32 | u32::from_be_bytes(low) as u64)
    }

    /// From its form in a record or as two parts of a frame.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits & Self::BITS)
    }

    /// The form in a record.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// The bytes, in the order of the wire.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 6] {
        let [_, _, bytes @ ..] = self.0.to_be_bytes();
        bytes
    }

    /// Whether there is an address.
    #[inline(always)]
    #[must_use]
    pub const fn is_there(self) -> bool {
        self.0 != 0
    }

    /// Whether it is a group's (802.3-2022, 3.2.3): multicast, or broadcast.
    #[inline(always)]
    #[must_use]
    pub const fn is_group(self) -> bool {
        self.0 & Self::GROUP_BIT != 0
    }
}

/// Where frames of a route go.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct NextHop {
    /// MAC address of the neighbour, as [`Mac::to_bits`]; 0: not resolved. One store changes it.
    pub neighbour: u64,
    /// MAC address of the edge there, as [`Mac::to_bits`].
    pub own_mac: u64,
    /// The tags that frames leave with: [`super::rewrite::Retag::to_bits`].
    pub retag: u64,
    /// Index in `TX_PORTS` of the port that frames leave by.
    pub egress: u32,
    /// Index of the attachment that frames belong to; 0: the one that they came by.
    pub owner: u32,
    /// Index in `LINKS` of the link that frames leave by.
    pub link: u32,
    /// The longest IP packet in bytes that may leave.
    pub mtu_bytes: u32,
    /// Zero.
    pub reserved: [u64; 3],
}

const _: () = assert!(size_of::<NextHop>() == 64);

/// Next hops of equal cost.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct NextHopGroup {
    /// Indices of next hops.
    pub members: [u32; MAX_MEMBERS],
    /// Number of members, at least 1.
    pub count: u32,
    /// Zero.
    pub reserved: [u32; 7],
}

const _: () = assert!(size_of::<NextHopGroup>() == 64);

/// The word of a link that is up; any other: it is down.
pub const LINK_UP: u64 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mac_address_is_a_word() {
        let mac = Mac::new([2, 0xed, 1, 0, 0, 7]);
        assert_eq!(mac.to_bits(), 0x02ed_0100_0007);
        assert_eq!(mac.to_bytes(), [2, 0xed, 1, 0, 0, 7]);
        assert!(!mac.is_group());
        assert!(Mac::new([0xff; 6]).is_group() && Mac::new([0x33, 0x33, 0, 0, 0, 1]).is_group());
        assert_eq!(Mac::from_bits(u64::MAX), Mac::new([0xff; 6]));
    }
}
