//! Addresses of IPv6.

use super::v4;
use crate::{
    abi::{
        routed::Addressed,
        router::{LINK_LOCAL_PREFIX, RouterInterface},
    },
    packet::{
        frame::Frame,
        icmp::{
            self, NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, PROTOCOL_ICMPV6, PROTOCOL_TCP,
            PROTOCOL_UDP,
        },
        ip::IPV6_HEADER_LEN_BYTES,
    },
    reason::Reason,
};

/// An address in two halves.
type Halves = [u64; 2];

/// Offset of the source, and of the destination.
const SOURCE: usize = 8;
const DESTINATION: usize = 24;
/// `ff02::1`, and `ff02::1:ff00:0/104` (RFC 4291, 2.7.1).
const ALL_NODES: Halves = [0xff02 << 48, 1];
const SOLICITED_NODES: Halves = [0xff02 << 48, 0x1_ff00_0000];
const ROUTING_HEADER: u8 = 43;

#[inline(always)]
pub(super) fn addressed(
    frame: &(impl Frame + ?Sized),
    interface: &RouterInterface,
    offset: usize,
    is_group: bool,
) -> Result<Addressed, Reason> {
    let source = halves(frame, offset + SOURCE).ok_or(Reason::Malformed)?;
    let destination = halves(frame, offset + DESTINATION).ok_or(Reason::Malformed)?;
    let next_and_limit = frame.read_u16(offset + 6).ok_or(Reason::Malformed)?;
    let next = (next_and_limit >> 8) as u8;
    let payload = offset + IPV6_HEADER_LEN_BYTES;
    let link_local = [LINK_LOCAL_PREFIX, interface.link_local_id()];

    if is_group_or_none(source) && source != [0, 0] || is_mapped(source) || is_nowhere(destination)
    {
        return Err(Reason::Martian);
    }
    let is_own =
        |address: Halves| address == link_local || address == interface.own_v6 && address != [0, 0];
    if is_own(source) {
        return Err(Reason::Spoofed);
    }
    let to_interface = is_own(destination);
    // Without a hop limit of 255, a neighbour's message came from farther away (RFC 4861, 7.1).
    if next == PROTOCOL_ICMPV6 && next_and_limit as u8 == 255 {
        let is_to_node = destination == ALL_NODES
            || is_solicited_node(destination, interface.own_v6[1])
            || is_solicited_node(destination, link_local[1]);
        let kind = (frame.read_u16(payload).ok_or(Reason::NotForUs)? >> 8) as u8;
        if kind == NEIGHBOUR_SOLICITATION || kind == NEIGHBOUR_ADVERTISEMENT {
            let target = halves(frame, payload + 8).ok_or(Reason::NotForUs)?;
            let is_wanted = if kind == NEIGHBOUR_SOLICITATION {
                is_own(target)
            } else {
                target == interface.peer_v6 || target[0] == LINK_LOCAL_PREFIX && !is_own(target)
            };
            let is_ours = is_wanted && (to_interface || is_to_node);
            return if is_ours { Ok(Addressed::ForRouter) } else { Err(Reason::NotForUs) };
        }
    }
    if source == [0, 0] {
        // Only a node that looks whether an address is free has none (RFC 4291, 2.5.2).
        return Err(Reason::Martian);
    }
    if is_group || destination[0] >> 56 == 0xff {
        return Err(Reason::NotForUs);
    }
    let len_bytes = usize::from(frame.read_u16(offset + 4).ok_or(Reason::Malformed)?);
    let is_echo = next == PROTOCOL_ICMPV6
        && len_bytes >= icmp::HEADER_LEN_BYTES
        && frame.read_u16(payload) == Some(icmp::ECHO_REQUEST_V6);
    if to_interface {
        if is_echo {
            return Ok(Addressed::Echo);
        }
        let start = frame.read_u32(payload).ok_or(Reason::NotForUs)?;
        let is_peer = source == interface.peer_v6;
        let is_wanted = match next {
            PROTOCOL_ICMPV6 => is_error((start >> 24) as u8),
            PROTOCOL_TCP => is_peer && v4::is_bgp(frame, payload, start, interface.bgp_port),
            PROTOCOL_UDP => is_peer && v4::is_bfd(start, next_and_limit as u8),
            _ => false,
        };
        return if is_wanted { Ok(Addressed::ForRouter) } else { Err(Reason::NotForUs) };
    }
    // Addresses of one link are no farther away than the link (RFC 4291, 2.5.6).
    if is_link_local(source) || is_link_local(destination) {
        return Err(Reason::Martian);
    }
    if next == ROUTING_HEADER && names_routers(frame, payload) {
        return Err(Reason::SourceRouted);
    }
    Ok(if is_echo { Addressed::EchoOnwards } else { Addressed::Onwards })
}

/// The address at `offset`.
#[inline(always)]
pub(crate) fn halves(frame: &(impl Frame + ?Sized), offset: usize) -> Option<Halves> {
    let half = |at: usize| {
        let (upper, lower) = (frame.read_u32(at)?, frame.read_u32(at + 4)?);
        Some(u64::from(upper) << 32 | u64::from(lower))
    };
    Some([half(offset)?, half(offset + 8)?])
}

#[inline(always)]
const fn is_error(icmp_type: u8) -> bool {
    // Unreachable, too big, time exceeded, parameter problem (RFC 4443, 2.1).
    matches!(icmp_type, 1..=4)
}

/// Whether the address is multicast, `::` or `::1`.
#[inline(always)]
const fn is_group_or_none([upper, lower]: Halves) -> bool {
    upper >> 56 == 0xff || upper == 0 && lower <= 1
}

/// Whether it is `::ffff:0:0/96`, or `::/96`, which is obsolete (RFC 4291, 2.5.5), but for `::` and `::1`.
#[inline(always)]
const fn is_mapped([upper, lower]: Halves) -> bool {
    upper == 0 && (lower >> 32 == 0xffff || lower >> 32 == 0 && lower > 1)
}

#[inline(always)]
const fn is_nowhere(destination: Halves) -> bool {
    let [upper, lower] = destination;
    upper == 0 && lower <= 1 || is_mapped(destination)
}

#[inline(always)]
const fn is_link_local([upper, _]: Halves) -> bool {
    upper >> 54 == 0xfe80 >> 6
}

#[inline(always)]
const fn is_solicited_node([upper, lower]: Halves, id: u64) -> bool {
    upper == SOLICITED_NODES[0] && lower == SOLICITED_NODES[1] | id & 0xff_ffff
}

/// Whether the routing header at `offset` is of type 0 and has segments left (RFC 5095).
#[inline(always)]
fn names_routers(frame: &(impl Frame + ?Sized), offset: usize) -> bool {
    frame.read_u16(offset + 2).is_some_and(|word| word >> 8 == 0 && word as u8 != 0)
}
