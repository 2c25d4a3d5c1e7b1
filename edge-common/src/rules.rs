//! Step 4, continued: the class by what is behind the IP header, for profiles with rules.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    class::{self, Class, DsWord, IpVersion},
    frame::Frame,
    qos::{Marking, QosRow},
};

/// Rules that a profile can have at the most.
pub const MAX_RULES: usize = 16;
/// Extension headers of IPv6 that are walked at the most; behind more of them no rule matches.
pub const MAX_EXTENSION_HEADERS: usize = 6;

/// Packets of one protocol between ranges of ports.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct Rule {
    /// Protocol number (RFC 5237).
    pub protocol: u8,
    /// The class.
    pub class: u8,
    /// First source port.
    pub src_first: u16,
    /// Last source port.
    pub src_last: u16,
    /// First destination port.
    pub dst_first: u16,
    /// Last destination port.
    pub dst_last: u16,
}

const _: () = assert!(size_of::<Rule>() == 10);

impl Rule {
    #[inline(always)]
    fn matches(&self, transport: Transport) -> bool {
        self.protocol == transport.protocol()
            && (self.takes_any_port()
                || transport.has_ports()
                    && transport.src_port() >= self.src_first
                    && transport.src_port() <= self.src_last
                    && transport.dst_port() >= self.dst_first
                    && transport.dst_port() <= self.dst_last)
    }

    #[inline(always)]
    fn takes_any_port(&self) -> bool {
        self.src_first == 0
            && self.src_last == u16::MAX
            && self.dst_first == 0
            && self.dst_last == u16::MAX
    }
}

/// The marking of `packet` by the rules of `row`, or, where none matches, by its DSCP.
#[inline(always)]
pub fn marking(frame: &impl Frame, packet: &DsWord, row: &QosRow) -> Marking {
    let transport = frame.transport(packet);
    for (number, rule) in (0u8..).zip(&row.rules) {
        if number >= row.rule_count {
            break;
        }
        if transport.is_there() && rule.matches(transport) {
            return row.rule_marking(Class::new(rule.class), packet.dscp());
        }
    }
    row.marking(packet.dscp())
}

/// What rules look at, in one word: protocol and ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transport(u64);

impl Transport {
    /// Too far behind, or not whole.
    pub const NONE: Self = Self(0);

    const IS_THERE: u64 = 1 << 48;
    /// Not behind later fragments, and not where the packet ends before them.
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
    const fn is_there(self) -> bool {
        self.0 & Self::IS_THERE != 0
    }

    #[inline(always)]
    const fn has_ports(self) -> bool {
        self.0 & Self::HAS_PORTS != 0
    }

    #[inline(always)]
    const fn protocol(self) -> u8 {
        (self.0 >> 32) as u8
    }

    #[inline(always)]
    const fn src_port(self) -> u16 {
        (self.0 >> 16) as u16
    }

    #[inline(always)]
    const fn dst_port(self) -> u16 {
        self.0 as u16
    }

    #[inline(always)]
    const fn without_ports(protocol: u8) -> Self {
        Self(Self::IS_THERE | (protocol as u64) << 32)
    }

    /// The header at `offset` of a packet that ends at `end`. Whether ports are what it begins
    /// with is for the rule to know that has some.
    #[inline(always)]
    fn read(frame: &(impl Frame + ?Sized), protocol: u8, offset: usize, end: usize) -> Self {
        let bare = Self::without_ports(protocol);
        match frame.read_u32(offset) {
            Some(ports) if offset + 4 <= end => Self(bare.0 | Self::HAS_PORTS | u64::from(ports)),
            _ => bare,
        }
    }
}

/// What is behind the IP header. To be called through [`Frame::transport`].
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
    let end = offset + class::ipv4_len_bytes(frame, offset)? as usize;
    let header_len_bytes = (packet.word >> 8 & 0x0f) as usize * 4;
    Some(Transport::read(frame, protocol, offset + header_len_bytes, end))
}

/// RFC 8200, 4, and RFC 4302, 2.2, for the length of an authentication header.
#[inline(always)]
fn ipv6(frame: &(impl Frame + ?Sized), offset: usize) -> Option<Transport> {
    let end = offset + class::ipv6_len_bytes(frame, offset)? as usize;
    let mut next = (frame.read_u16(offset + 6)? >> 8) as u8;
    let mut at = offset + class::IPV6_HEADER_LEN_BYTES;
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
