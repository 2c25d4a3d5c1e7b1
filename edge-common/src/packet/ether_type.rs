//! Types of Ethernet frames that the path tells apart.

/// The least EtherType: a number below it is the length of an 802.3 frame (802.3-2022, 3.2.6).
pub const LENGTHS_END: u16 = 0x0600;

/// IPv4 (RFC 894).
pub const ETHER_TYPE_IPV4: u16 = 0x0800;

/// ARP (RFC 826).
pub const ETHER_TYPE_ARP: u16 = 0x0806;

/// IPv6 (RFC 2464).
pub const ETHER_TYPE_IPV6: u16 = 0x86dd;

/// EtherType of a `PPPoE` session (RFC 2516, 3). In discovery's, 0x8863, there is no IP.
pub const ETHER_TYPE_PPPOE_SESSION: u16 = 0x8864;

/// EtherType of slow protocols: LACP, marker, OAM (802.3-2022, annex 57A).
pub const ETHER_TYPE_SLOW: u16 = 0x8809;

/// EtherType of LLDP (802.1AB-2016, 8.3).
pub const ETHER_TYPE_LLDP: u16 = 0x88cc;
