//! Addresses of IPv4.

use crate::{
    abi::{routed::Addressed, router::RouterInterface},
    packet::{
        frame::Frame,
        icmp::{self, BFD_PORT, BGP_PORT, PROTOCOL_ICMP, PROTOCOL_TCP, PROTOCOL_UDP},
        ip::DsWord,
        ipv4_header,
    },
    reason::Reason,
};

const LIMITED_BROADCAST: u32 = u32::MAX;
/// Words of a header without options.
const PLAIN_WORDS: u16 = 5;

#[inline(always)]
pub(super) fn addressed(
    frame: &(impl Frame + ?Sized),
    interface: &RouterInterface,
    packet: &DsWord,
    is_group: bool,
) -> Result<Addressed, Reason> {
    let offset = packet.offset;
    // `ipv4_header::fault` has verified a longer header.
    if packet.word >> 8 & 0x0f == PLAIN_WORDS && !ipv4_header::is_sum_right(frame, offset) {
        return Err(Reason::BadChecksum);
    }
    let source = frame.read_u32(offset + 12).ok_or(Reason::Malformed)?;
    let destination = frame.read_u32(offset + 16).ok_or(Reason::Malformed)?;
    let place = place(destination, interface);
    if is_no_source(source) || place == Place::Nowhere {
        return Err(Reason::Martian);
    }
    if source == interface.own_v4 {
        return Err(Reason::Spoofed);
    }
    let packet = Ipv4::read(frame, packet).ok_or(Reason::Malformed)?;
    match place {
        // RFC 1812, 5.3.4: a frame to a group has no packet for one host.
        _ if is_group => Err(Reason::NotForUs),
        Place::Interface => for_interface(frame, interface, &packet, source),
        // RFC 3927, 7: no router forwards them.
        Place::Elsewhere if is_link_local(source) || is_link_local(destination) => {
            Err(Reason::Martian)
        }
        Place::Elsewhere if packet.is_echo(frame) => Ok(Addressed::EchoOnwards),
        Place::Elsewhere => Ok(Addressed::Onwards),
        Place::Group | Place::Nowhere => Err(Reason::NotForUs),
    }
}

/// The parts of a packet by which it is told apart.
struct Ipv4 {
    /// Offset in bytes of what follows the header.
    payload: usize,
    /// Offset in bytes of what follows the packet.
    end: usize,
    protocol: u8,
    ttl: u8,
    is_fragment: bool,
}

impl Ipv4 {
    #[inline(always)]
    fn read(frame: &(impl Frame + ?Sized), packet: &DsWord) -> Option<Self> {
        let header_len_bytes = (packet.word >> 8 & 0x0f) as usize * 4;
        let ttl_and_protocol = frame.read_u16(packet.offset + 8)?;
        Some(Self {
            payload: packet.offset + header_len_bytes,
            end: packet.offset + usize::from(frame.read_u16(packet.offset + 2)?),
            protocol: ttl_and_protocol as u8,
            ttl: (ttl_and_protocol >> 8) as u8,
            is_fragment: frame.read_u16(packet.offset + 6)? & 0x3fff != 0,
        })
    }

    /// Whether it is a whole echo request.
    #[inline(always)]
    fn is_echo(&self, frame: &(impl Frame + ?Sized)) -> bool {
        self.protocol == PROTOCOL_ICMP
            && !self.is_fragment
            && self.payload + icmp::HEADER_LEN_BYTES <= self.end
            && frame.read_u16(self.payload) == Some(icmp::ECHO_REQUEST)
    }
}

#[inline(always)]
fn for_interface(
    frame: &(impl Frame + ?Sized),
    interface: &RouterInterface,
    packet: &Ipv4,
    source: u32,
) -> Result<Addressed, Reason> {
    let start = frame.read_u32(packet.payload).ok_or(Reason::NotForUs)?;
    let is_peer = source == interface.peer_v4;
    if packet.is_fragment {
        return Err(Reason::NotForUs);
    }
    let is_wanted = match packet.protocol {
        PROTOCOL_ICMP if packet.is_echo(frame) => return Ok(Addressed::Echo),
        PROTOCOL_ICMP => icmp::is_error((start >> 24) as u8),
        PROTOCOL_TCP => is_peer && is_bgp(frame, packet.payload, start, interface.bgp_port),
        PROTOCOL_UDP => is_peer && is_bfd(start, packet.ttl),
        _ => false,
    };
    if is_wanted { Ok(Addressed::ForRouter) } else { Err(Reason::NotForUs) }
}

/// Whether the TCP segment at `payload`, which begins with these ports, is BGP: of a connection that the router began, or to
/// the port on which it listens. A segment to another port would have the router's stack send a reset, and that
/// one might leave by the interface of another customer with the same addresses.
#[inline(always)]
pub(super) fn is_bgp(
    frame: &(impl Frame + ?Sized),
    payload: usize,
    ports: u32,
    bgp_port: u16,
) -> bool {
    const SYN_AND_ACK: u16 = 0x12;
    const SYN: u16 = 0x02;
    let flags = frame.read_u16(payload + 12).unwrap_or(SYN) & SYN_AND_ACK;
    let is_to_listener = bgp_port != 0 && ports as u16 == bgp_port;
    is_to_listener || (ports >> 16) as u16 == BGP_PORT && flags != SYN
}

/// Whether a UDP packet with these ports is BFD from the next hop (RFC 5881, 4 and 5).
#[inline(always)]
pub(super) fn is_bfd(ports: u32, ttl: u8) -> bool {
    ports as u16 == BFD_PORT && ttl == 255
}

/// The place of a destination.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Interface,
    Elsewhere,
    /// Multicast, or the broadcast of the interface's network (RFC 2644).
    Group,
    /// No packet has it as a destination (RFC 1812, 5.3.7).
    Nowhere,
}

#[inline(always)]
fn place(destination: u32, interface: &RouterInterface) -> Place {
    if destination == interface.own_v4 && destination != 0 {
        return Place::Interface;
    }
    match destination >> 24 {
        224..=239 => Place::Group,
        _ if destination == LIMITED_BROADCAST => Place::Group,
        _ if is_own_broadcast(destination, interface) => Place::Group,
        0 | 127 | 240..=255 => Place::Nowhere,
        _ => Place::Elsewhere,
    }
}

/// Whether it is the first or the last address of the interface's network, which has more than two.
#[inline(always)]
fn is_own_broadcast(destination: u32, interface: &RouterInterface) -> bool {
    let prefix_len = u32::from(interface.prefix_len_v4);
    if prefix_len == 0 || prefix_len > 30 {
        return false;
    }
    let hosts = u32::MAX >> (prefix_len & 31);
    (destination ^ interface.own_v4) & !hosts == 0
        && (destination & hosts == 0 || destination & hosts == hosts)
}

/// Whether it is of one link, 169.254.0.0/16.
#[inline(always)]
const fn is_link_local(address: u32) -> bool {
    address >> 16 == 0xa9fe
}

/// Whether no packet has it as a source (RFC 1812, 5.3.7): this network, loopback, multicast and above.
#[inline(always)]
fn is_no_source(source: u32) -> bool {
    let first = source >> 24;
    first == 0 || first == 127 || first >= 224
}
