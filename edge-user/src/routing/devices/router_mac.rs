//! MAC addresses of the edge as a router.

use std::{fmt, net::Ipv6Addr};

/// First octet: a locally administered unicast address (IEEE 802-2024, 8.4).
const LOCAL: u8 = 0x02;
/// Second octet, by which such an address is known on the wire.
const SIGN: u8 = 0xed;

/// The MAC address of an edge on a peering-link: `02:ed:<edge>:<24 bits of index>`, the highest octet
/// first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RouterMac {
    edge: u8,
    index: u32,
}

impl RouterMac {
    /// The largest index that an address has room for.
    pub const LARGEST_INDEX: u32 = (1 << 24) - 1;

    /// The address of edge `edge` on the peering-link `index`; `None`: the index has no room.
    #[must_use]
    pub const fn new(edge: u8, index: u32) -> Option<Self> {
        if index <= Self::LARGEST_INDEX { Some(Self { edge, index }) } else { None }
    }

    /// Reads an address, in the order of the wire; `None`: it is no edge's.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 6]) -> Option<Self> {
        match bytes {
            [LOCAL, SIGN, edge, high, middle, low] => {
                Some(Self { edge, index: u32::from_be_bytes([0, high, middle, low]) })
            }
            _ => None,
        }
    }

    /// The address, in the order of the wire.
    #[must_use]
    pub const fn bytes(self) -> [u8; 6] {
        let [_, high, middle, low] = self.index.to_be_bytes();
        [LOCAL, SIGN, self.edge, high, middle, low]
    }

    /// The number of the edge, which differs between edges on one segment.
    #[must_use]
    pub const fn edge(self) -> u8 {
        self.edge
    }

    /// The index of the peering-link.
    #[must_use]
    pub const fn index(self) -> u32 {
        self.index
    }

    /// The link-local address that goes with it (RFC 4291, appendix A: modified EUI-64).
    #[must_use]
    pub const fn link_local(self) -> Ipv6Addr {
        let [first, second, third, fourth, fifth, sixth] = self.bytes();
        let own = [first ^ 0x02, second, third, 0xff, 0xfe, fourth, fifth, sixth];
        let mut octets = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        octets.split_at_mut(8).1.copy_from_slice(&own);
        Ipv6Addr::from_octets(octets)
    }
}

impl fmt::Display for RouterMac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third, fourth, fifth, sixth] = self.bytes();
        write!(f, "{first:02x}:{second:02x}:{third:02x}:{fourth:02x}:{fifth:02x}:{sixth:02x}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_address_has_its_edge_and_its_index() {
        let mac = RouterMac::new(0x07, 0x01_02_03).expect("room");
        assert_eq!(mac.bytes(), [0x02, 0xed, 0x07, 0x01, 0x02, 0x03]);
        assert_eq!(mac.to_string(), "02:ed:07:01:02:03");
        assert_eq!(mac.link_local().to_string(), "fe80::ed:7ff:fe01:203");
        assert_eq!(RouterMac::new(0, RouterMac::LARGEST_INDEX + 1), None);
        assert_eq!(RouterMac::from_bytes([0x02, 0xee, 0, 0, 0, 1]), None);
        assert_eq!(RouterMac::from_bytes([0x00, 0xed, 0, 0, 0, 1]), None);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(edge: u8, index in 0..=RouterMac::LARGEST_INDEX) {
            let mac = RouterMac::new(edge, index).expect("room");
            prop_assert_eq!(RouterMac::from_bytes(mac.bytes()), Some(mac));
            prop_assert_eq!((mac.edge(), mac.index()), (edge, index));
            // Unicast, and not from a vendor's block.
            prop_assert_eq!(mac.bytes()[0] & 0b11, 0b10);
        }

        #[test]
        fn what_is_read_is_written(bytes: [u8; 6]) {
            let is_ours = bytes[..2] == [0x02, 0xed];
            prop_assert_eq!(RouterMac::from_bytes(bytes).map(RouterMac::bytes), is_ours.then_some(bytes));
        }

        #[test]
        fn link_local_addresses_differ_as_the_addresses_do(one in 0..=RouterMac::LARGEST_INDEX, other in 0..=RouterMac::LARGEST_INDEX) {
            let of = |index| RouterMac::new(1, index).expect("room").link_local();
            prop_assert_eq!(of(one) == of(other), one == other);
            prop_assert!(of(one).is_unicast_link_local());
        }
    }
}
