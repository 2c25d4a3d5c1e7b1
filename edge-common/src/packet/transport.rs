//! Protocol and ports, behind the IP header.

use super::{
    frame::Frame,
    ip::{self, DsWord},
    ip_version::IpVersion,
};

/// The most extension headers of IPv6 that are passed over. Behind more of them, no rule matches.
pub const MAX_EXTENSION_HEADERS: usize = 6;

/// Protocol and ports in one word, for rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport(u64);

impl Transport {
    /// The transport header is behind too many headers, or not whole.
    pub const NONE: Self = Self(0);

    const IS_THERE: u64 = 1 << 48;
    /// The bit for a packet with ports. Later fragments have none, nor packets that end before
    /// them.
    const HAS_PORTS: u64 = 1 << 49;

    /// From its 64-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    #[inline(always)]
    pub(crate) const fn is_there(self) -> bool {
        self.0 & Self::IS_THERE != 0
    }

    #[inline(always)]
    pub(crate) const fn has_ports(self) -> bool {
        self.0 & Self::HAS_PORTS != 0
    }

    #[inline(always)]
    pub(crate) const fn protocol(self) -> u8 {
        (self.0 >> 32) as u8
    }

    #[inline(always)]
    pub(crate) const fn src_port(self) -> u16 {
        (self.0 >> 16) as u16
    }

    #[inline(always)]
    pub(crate) const fn dst_port(self) -> u16 {
        self.0 as u16
    }

    #[inline(always)]
    const fn without_ports(protocol: u8) -> Self {
        Self(Self::IS_THERE | (protocol as u64) << 32)
    }

    /// The header at `offset` of a packet that ends at `end`. Its first bytes are taken for ports:
    /// a rule with ports knows whether its protocol has them.
    #[inline(always)]
    fn read(frame: &(impl Frame + ?Sized), protocol: u8, offset: usize, end: usize) -> Self {
        let bare = Self::without_ports(protocol);
        match frame.read_u32(offset) {
            Some(ports) if offset + 4 <= end => Self(bare.0 | Self::HAS_PORTS | u64::from(ports)),
            _ => bare,
        }
    }
}

/// Protocol and ports, behind the IP header. Callers use [`crate::env::FrameCalls::transport`].
#[inline(always)]
pub fn transport(frame: &(impl Frame + ?Sized), packet: &DsWord) -> Transport {
    let transport = match packet.version {
        IpVersion::V4 => ipv4(frame, packet),
        IpVersion::V6 => ipv6(frame, packet.offset),
    };
    transport.unwrap_or(Transport::NONE)
}

/// RFC 791, 3.1.
#[inline(always)]
fn ipv4(frame: &(impl Frame + ?Sized), packet: &DsWord) -> Option<Transport> {
    let offset = packet.offset;
    let fragment = frame.read_u16(offset + 6)?;
    let protocol = frame.read_u16(offset + 8)? as u8;
    if fragment & 0x1fff != 0 {
        return Some(Transport::without_ports(protocol));
    }
    let end = offset + ip::ipv4_len_bytes(frame, offset)? as usize;
    let header_len_bytes = (packet.word >> 8 & 0x0f) as usize * 4;
    Some(Transport::read(frame, protocol, offset + header_len_bytes, end))
}

/// RFC 8200, 4, and RFC 4302, 2.2, for the length of an authentication header.
#[inline(always)]
fn ipv6(frame: &(impl Frame + ?Sized), offset: usize) -> Option<Transport> {
    let end = offset + ip::ipv6_len_bytes(frame, offset)? as usize;
    let mut next = (frame.read_u16(offset + 6)? >> 8) as u8;
    let mut at = offset + ip::IPV6_HEADER_LEN_BYTES;
    for _ in 0..MAX_EXTENSION_HEADERS {
        if !is_extension(next) {
            break;
        }
        let start = frame.read_u32(at)?;
        let len = (start >> 16 & 0xff) as usize;
        let is_later_fragment = next == FRAGMENT && start & 0xfff8 != 0;
        at += match next {
            FRAGMENT => 8,
            AUTHENTICATION => (len + 2) * 4,
            _ => (len + 1) * 8,
        };
        next = (start >> 24) as u8;
        if at > end {
            return None;
        }
        if is_later_fragment {
            return Some(Transport::without_ports(next));
        }
    }
    if is_extension(next) { None } else { Some(Transport::read(frame, next, at, end)) }
}

const HOP_BY_HOP: u8 = 0;

const ROUTING: u8 = 43;

const FRAGMENT: u8 = 44;

const AUTHENTICATION: u8 = 51;

const DESTINATION: u8 = 60;

#[inline(always)]
const fn is_extension(protocol: u8) -> bool {
    matches!(protocol, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION)
}
