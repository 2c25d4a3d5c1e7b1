//! Frames from the router: the source's MAC address tells the interface, and the interface the tags and the port.

use crate::{
    abi::{in_flight::HandedOver, router, routing::Mac},
    env::{Egress, Routing, Way},
    packet::{
        ether_type::{ETHER_TYPE_ARP, ETHER_TYPE_IPV6},
        frame::{ETHERNET_HEADER_LEN_BYTES, Frame},
        icmp::{NEIGHBOUR_ADVERTISEMENT, NEIGHBOUR_SOLICITATION, PROTOCOL_ICMPV6},
        vlan::{OUTER_TAG_OFFSET, Tag},
    },
    path::{address, rewrite},
    reason::Reason,
};

/// Sends a frame of the router on. It is neither policed nor metered: it is nobody's.
#[inline(always)]
pub fn from_router(frame: &mut impl Frame, env: &mut (impl Routing + Egress)) -> Reason {
    match try_send(frame, env) {
        Ok(()) => Reason::Ok,
        Err(reason) => reason,
    }
}

#[inline(always)]
fn try_send(frame: &mut impl Frame, env: &mut (impl Routing + Egress)) -> Result<(), Reason> {
    let (destination, source) = address::macs(frame).ok_or(Reason::Malformed)?;
    let interface = env.router_interface(router::index_of(source)).ok_or(Reason::Unmatched)?;
    if interface.mac() != source || !source.is_there() {
        // Not of an interface: the namespace has other devices, or this one is gone.
        return Err(Reason::Unmatched);
    }
    let (retag, way) = (interface.retag(), Way::Port(interface.egress));
    let ether_type = frame.read_u16(OUTER_TAG_OFFSET).ok_or(Reason::Malformed)?;
    if !is_wanted(frame, destination, ether_type) {
        return Err(Reason::Unmatched);
    }
    let rx_len_bytes = frame.len_bytes();
    rewrite::retag(frame, &Tag::none(ether_type), retag)?;
    if !env.forward(way) {
        return Err(Reason::NoEgress);
    }
    env.hand_over(way, HandedOver::from_router(rx_len_bytes));
    Ok(())
}

/// Whether a neighbour of an edge expects the frame: of those to many stations, ARP and the discovery of neighbours. The
/// rest is chatter of the router's devices, such as MLD and router solicitations.
#[inline(always)]
fn is_wanted(frame: &impl Frame, destination: Mac, ether_type: u16) -> bool {
    const NEXT_HEADER: usize = ETHERNET_HEADER_LEN_BYTES + 6;
    const ICMP_TYPE: usize = ETHERNET_HEADER_LEN_BYTES + 40;
    if !destination.is_group() || ether_type == ETHER_TYPE_ARP {
        return true;
    }
    let (Some(next_header), Some(icmp_type)) =
        (frame.read_u16(NEXT_HEADER), frame.read_u16(ICMP_TYPE))
    else {
        return false;
    };
    let discovery = [NEIGHBOUR_SOLICITATION, NEIGHBOUR_ADVERTISEMENT];
    ether_type == ETHER_TYPE_IPV6
        && (next_header >> 8) as u8 == PROTOCOL_ICMPV6
        && discovery.contains(&((icmp_type >> 8) as u8))
}
