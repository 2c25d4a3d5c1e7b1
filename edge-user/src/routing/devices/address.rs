//! Addresses of devices.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// Prefix length of a link-local address (RFC 4291, 2.5.6).
const LINK_LOCAL_PREFIX_LEN: u8 = 64;

/// An address of an interface, with the length of its network's prefix in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InterfaceAddress {
    address: IpAddr,
    prefix_len: u8,
}

impl InterfaceAddress {
    /// An IPv4 address; `None`: an interface can't have it.
    #[must_use]
    pub fn v4(address: Ipv4Addr, prefix_len: u8) -> Option<Self> {
        let is_unicast = !(address.is_unspecified()
            || address.is_loopback()
            || address.is_multicast()
            || address.is_broadcast());
        Self::checked(address.into(), prefix_len, is_unicast)
    }

    /// An IPv6 address other than a link-local one; `None`: an interface can't have it.
    #[must_use]
    pub fn v6(address: Ipv6Addr, prefix_len: u8) -> Option<Self> {
        let is_unicast = !(address.is_unspecified()
            || address.is_loopback()
            || address.is_multicast()
            || address.is_unicast_link_local()
            || address.to_ipv4_mapped().is_some());
        Self::checked(address.into(), prefix_len, is_unicast)
    }

    /// A link-local address; `None`: it is another kind of address.
    #[must_use]
    pub fn link_local(address: Ipv6Addr) -> Option<Self> {
        let is_link_local = address.is_unicast_link_local();
        Self::checked(address.into(), LINK_LOCAL_PREFIX_LEN, is_link_local)
    }

    /// The kernel's word for an address that it has.
    pub(super) fn found(address: IpAddr, prefix_len: u8) -> Self {
        Self { address, prefix_len }
    }

    fn checked(address: IpAddr, prefix_len: u8, is_suitable: bool) -> Option<Self> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let fits = (1..=longest).contains(&prefix_len);
        (is_suitable && fits).then_some(Self { address, prefix_len })
    }

    /// The address.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// Bits of the network's prefix.
    #[must_use]
    pub fn prefix_len(self) -> u8 {
        self.prefix_len
    }

    /// Whether it is a link-local IPv6 address.
    #[must_use]
    pub fn is_link_local(self) -> bool {
        match self.address {
            IpAddr::V4(_) => false,
            IpAddr::V6(address) => address.is_unicast_link_local(),
        }
    }
}

impl fmt::Display for InterfaceAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix_len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_no_interface_can_have_are_refused() {
        let v4 = |text: &str, len| InterfaceAddress::v4(text.parse().expect("an address"), len);
        let v6 = |text: &str, len| InterfaceAddress::v6(text.parse().expect("an address"), len);
        assert_eq!(v4("192.0.2.2", 30).map(|a| a.to_string()).as_deref(), Some("192.0.2.2/30"));
        assert_eq!(v6("2001:db8::2", 126).map(InterfaceAddress::prefix_len), Some(126));
        for text in ["0.0.0.0", "127.0.0.1", "224.0.0.5", "255.255.255.255"] {
            assert_eq!(v4(text, 30), None, "{text}");
        }
        for text in ["::", "::1", "ff02::1", "fe80::1", "::ffff:192.0.2.2"] {
            assert_eq!(v6(text, 126), None, "{text}");
        }
        for len in [0, 33] {
            assert_eq!(v4("192.0.2.2", len), None);
        }
        for len in [0, 129] {
            assert_eq!(v6("2001:db8::2", len), None);
        }
        let link_local = "fe80::2".parse().ok().and_then(InterfaceAddress::link_local);
        assert!(link_local.is_some_and(InterfaceAddress::is_link_local));
        assert_eq!("2001:db8::2".parse().ok().and_then(InterfaceAddress::link_local), None);
    }
}
