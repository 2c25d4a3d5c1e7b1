//! The edge's own interfaces: one for each link of a routed peering, and for each link to a virtual network.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{policer::Bucket, rate::Rate, rewrite::Retag, routing::Mac};

/// Bytes of a bucket that a frame to the router, or an answer, costs whatever its length: those of a second at the
/// lowest rate, so that every number of frames a second is a rate that a bucket can have.
pub const FRAME_COST_BYTES: u32 = 8_000;

const _: () = assert!(FRAME_COST_BYTES as u64 * 8 == Rate::MIN_BPS);

/// An interface of the router.
#[repr(C, align(64))]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct RouterInterface {
    /// Its MAC address, as [`Mac::to_bits`]. The low 24 bits are the interface's index.
    pub mac: u64,
    /// Its IPv6 address, in two halves; 0: it has none.
    pub own_v6: [u64; 2],
    /// Its IPv4 address; 0: it has none.
    pub own_v4: u32,
    /// Index in `ROOTS` of the tree in which destinations of IPv4 are looked up; 0: none.
    pub destinations_v4: u32,
    /// Of IPv6.
    pub destinations_v6: u32,
    /// Index in `ROOTS` of the tree that has the sources which may send from here; 0: any.
    pub sources_v4: u32,
    /// Of IPv6.
    pub sources_v6: u32,
    /// Length in bits of the prefix of `own_v4`.
    pub prefix_len_v4: u8,
    /// Zero.
    pub reserved: [u8; 3],
    /// The neighbour's IPv4 address; 0: none.
    pub peer_v4: u32,
    /// TCP port on which the router listens for BGP here; 0: it does not.
    pub bgp_port: u16,
    /// Zero.
    pub reserved_2: u16,
    /// The tags of frames that leave the router: [`Retag::to_bits`], from none.
    pub retag: u64,
    /// The neighbour's IPv6 address, in two halves; 0: none.
    pub peer_v6: [u64; 2],
    /// The bucket of frames to the router: [`FRAME_COST_BYTES`] each.
    pub punts: Bucket,
    /// The bucket of answers.
    pub answers: Bucket,
    /// Index in `TX_PORTS` of the port that frames of the router leave by.
    pub egress: u32,
    /// Zero.
    pub reserved_3: [u32; 7],
}

const _: () = assert!(size_of::<RouterInterface>() == 128);

// A frame that is forwarded needs the first of two cache lines.
const _: () = assert!(core::mem::offset_of!(RouterInterface, peer_v6) == 64);

impl RouterInterface {
    /// Its MAC address.
    #[inline(always)]
    #[must_use]
    pub const fn mac(&self) -> Mac {
        Mac::from_bits(self.mac)
    }

    /// The tags of frames that leave the router.
    #[inline(always)]
    #[must_use]
    pub const fn retag(&self) -> Retag {
        Retag::from_bits(self.retag)
    }

    /// The lower half of its link-local IPv6 address: the modified EUI-64 of its MAC address (RFC 4291, appendix
    /// A). The upper half is [`LINK_LOCAL_PREFIX`].
    #[inline(always)]
    #[must_use]
    pub const fn link_local_id(&self) -> u64 {
        let (upper, lower) = (self.mac >> 24 & 0xff_ffff, self.mac & 0xff_ffff);
        (upper << 40 | 0xfffe << 24 | lower) ^ 1 << 57
    }
}

/// `fe80::/64`.
pub const LINK_LOCAL_PREFIX: u64 = 0xfe80 << 48;

/// Index of an interface by the MAC address that it has.
#[inline(always)]
#[must_use]
pub const fn index_of(mac: Mac) -> u32 {
    (mac.to_bits() & 0xff_ffff) as u32
}

/// An edge's MAC addresses: locally administered, with a number of the edge and the interface's index.
#[must_use]
pub const fn mac_of(edge: u8, index: u32) -> Mac {
    Mac::from_bits(0x02ed << 32 | (edge as u64) << 24 | (index & 0xff_ffff) as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_mac_address_has_the_index() {
        let mac = mac_of(9, 0x01_0203);
        assert_eq!(mac.to_bytes(), [0x02, 0xed, 9, 1, 2, 3]);
        assert_eq!(index_of(mac), 0x01_0203);
    }

    /// RFC 4291, appendix A: 34-56-78-9A-BC-DE has the identifier 3656:78ff:fe9a:bcde.
    #[test]
    fn a_link_local_address_is_made_of_it() {
        let mac = Mac::new([0x34, 0x56, 0x78, 0x9a, 0xbc, 0xde]).to_bits();
        let interface = RouterInterface { mac, ..RouterInterface::default() };
        assert_eq!(interface.link_local_id(), 0x3656_78ff_fe9a_bcde);
    }

    proptest! {
        /// Byte by byte: ff-fe goes between the halves, and the bit of local administration turns around.
        #[test]
        fn a_link_local_address_is_the_modified_eui_64(mac: [u8; 6]) {
            let [a, b, c, d, e, f] = mac;
            let expected = u64::from_be_bytes([a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
            let interface = RouterInterface { mac: Mac::new(mac).to_bits(), ..RouterInterface::default() };
            prop_assert_eq!(interface.link_local_id(), expected);
        }

        #[test]
        fn an_index_comes_back_from_its_mac_address(edge: u8, index in 0u32..1 << 24) {
            prop_assert_eq!(index_of(mac_of(edge, index)), index);
            prop_assert!(!mac_of(edge, index).is_group());
        }
    }
}
