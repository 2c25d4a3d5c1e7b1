//! Frames from the router: the source's MAC address tells the interface, and the interface the tags and the port.

use crate::{
    abi::{in_flight::HandedOver, router},
    env::{Egress, Routing, Way},
    packet::{
        frame::Frame,
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
    let (_, source) = address::macs(frame).ok_or(Reason::Malformed)?;
    let interface = env.router_interface(router::index_of(source)).ok_or(Reason::Unmatched)?;
    if interface.mac() != source || !source.is_there() {
        // Not of an interface: the namespace has other devices, or this one is gone.
        return Err(Reason::Unmatched);
    }
    let (retag, way) = (interface.retag(), Way::Port(interface.egress));
    let ether_type = frame.read_u16(OUTER_TAG_OFFSET).ok_or(Reason::Malformed)?;
    let rx_len_bytes = frame.len_bytes();
    rewrite::retag(frame, &Tag::none(ether_type), retag)?;
    if !env.forward(way) {
        return Err(Reason::NoEgress);
    }
    env.hand_over(way, HandedOver::from_router(rx_len_bytes));
    Ok(())
}
