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
    fn matches(&self, transport: &Transport) -> bool {
        self.protocol == transport.protocol
            && (self.takes_any_port()
                || transport.has_ports
                    && transport.src_port >= self.src_first
                    && transport.src_port <= self.src_last
                    && transport.dst_port >= self.dst_first
                    && transport.dst_port <= self.dst_last)
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
    let Some(transport) = transport(frame, packet) else {
        return row.marking(packet.dscp());
    };
    for (number, rule) in (0u8..).zip(&row.rules) {
        if number >= row.rule_count {
            break;
        }
        if rule.matches(&transport) {
            return row.rule_marking(Class::new(rule.class), packet.dscp());
        }
    }
    row.marking(packet.dscp())
}

/// What rules look at.
struct Transport {
    protocol: u8,
    /// False behind the first fragment, and where the packet ends before them.
    has_ports: bool,
    src_port: u16,
    dst_port: u16,
}

impl Transport {
    #[inline(always)]
    fn without_ports(protocol: u8) -> Self {
        Self { protocol, has_ports: false, src_port: 0, dst_port: 0 }
    }

    /// The header at `offset` of a packet that ends at `end`. Whether ports are what it begins
    /// with is for the rule to know that has some.
    #[inline(always)]
    fn read(frame: &impl Frame, protocol: u8, offset: usize, end: usize) -> Self {
        match frame.read_u32(offset) {
            Some(ports) if offset + 4 <= end => Self {
                protocol,
                has_ports: true,
                src_port: (ports >> 16) as u16,
                dst_port: ports as u16,
            },
            _ => Self::without_ports(protocol),
        }
    }
}

#[inline(always)]
fn transport(frame: &impl Frame, packet: &DsWord) -> Option<Transport> {
    match packet.version {
        IpVersion::V4 => ipv4(frame, packet),
        IpVersion::V6 => ipv6(frame, packet.offset),
    }
}

/// RFC 791, 3.1.
#[inline(always)]
fn ipv4(frame: &impl Frame, packet: &DsWord) -> Option<Transport> {
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
fn ipv6(frame: &impl Frame, offset: usize) -> Option<Transport> {
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
