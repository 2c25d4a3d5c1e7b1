//! Numbers of ICMP (RFC 792) and ICMPv6 (RFC 4443, RFC 4861), and of what the router listens to.

/// Protocol numbers of IP.
pub(crate) const PROTOCOL_ICMP: u8 = 1;
pub(crate) const PROTOCOL_TCP: u8 = 6;
pub(crate) const PROTOCOL_UDP: u8 = 17;
pub(crate) const PROTOCOL_ICMPV6: u8 = 58;

/// Length in bytes of a message's header.
pub(crate) const HEADER_LEN_BYTES: usize = 8;

/// Type and code in one number, type first: of an echo request.
pub(crate) const ECHO_REQUEST: u16 = 8 << 8;
pub(crate) const ECHO_REQUEST_V6: u16 = 128 << 8;
/// Of an echo reply.
pub(crate) const ECHO_REPLY: u16 = 0;
pub(crate) const ECHO_REPLY_V6: u16 = 129 << 8;
/// Time exceeded in transit.
pub(crate) const TTL_EXPIRED: u16 = 11 << 8;
pub(crate) const TTL_EXPIRED_V6: u16 = 3 << 8;
/// Destination unreachable: the network in IPv4 (RFC 1812, 5.2.7.1), no route in IPv6.
pub(crate) const NO_ROUTE: u16 = 3 << 8;
pub(crate) const NO_ROUTE_V6: u16 = 1 << 8;
/// Fragmentation needed (RFC 1191), and packet too big.
pub(crate) const TOO_BIG: u16 = 3 << 8 | 4;
pub(crate) const TOO_BIG_V6: u16 = 2 << 8;

/// Neighbour solicitation and advertisement (RFC 4861, 4.3 and 4.4).
pub(crate) const NEIGHBOUR_SOLICITATION: u8 = 135;
pub(crate) const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

/// TCP port of BGP (RFC 4271, 8.2.1).
pub(crate) const BGP_PORT: u16 = 179;
/// UDP port of BFD control packets over one hop (RFC 5881, 4).
pub(crate) const BFD_PORT: u16 = 3784;

/// Whether a type of ICMP tells of an error, so that nothing may answer it (RFC 1812, 4.3.2.7).
#[inline(always)]
pub(crate) const fn is_error(icmp_type: u8) -> bool {
    // Unreachable, source quench, redirect, time exceeded, parameter problem.
    matches!(icmp_type, 3 | 4 | 5 | 11 | 12)
}

/// Whether a type of ICMPv6 tells of an error (RFC 4443, 2.1), or of a better way, so that nothing may answer it.
#[inline(always)]
pub(crate) const fn is_error_v6(icmp_type: u8) -> bool {
    const REDIRECT: u8 = 137;
    icmp_type < 128 || icmp_type == REDIRECT
}
