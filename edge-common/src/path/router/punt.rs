//! A frame to the router: it goes to the interface's device in the router's namespace, which is found by the MAC
//! address.

use crate::{
    abi::{in_flight::HandedOver, rewrite::Retag, router::FRAME_COST_BYTES, routing::Mac},
    env::{BucketCalls, Egress, Routing, Way},
    packet::{frame::Frame, vlan::Tag},
    path::rewrite,
    reason::Reason,
};

/// Sends a frame at the interface with this index, whose last tag is `last`, to the router, without its tags. A frame to a group of stations goes to the
/// interface alone: its device would share it with those of all other customers.
#[inline(always)]
pub fn punt(
    frame: &mut impl Frame,
    env: &mut (impl Routing + BucketCalls + Egress),
    interface: u32,
    last: &Tag,
) -> Reason {
    match try_punt(frame, env, interface, last) {
        Ok(()) => Reason::Punted,
        Err(reason) => reason,
    }
}

#[inline(always)]
fn try_punt(
    frame: &mut impl Frame,
    env: &mut (impl Routing + BucketCalls + Egress),
    interface: u32,
    last: &Tag,
) -> Result<(), Reason> {
    let interface = env.router_interface(interface).ok_or(Reason::DanglingTable)?;
    let (mac, punts) = (interface.mac(), interface.punts);
    if !env.pay(punts, FRAME_COST_BYTES).checked()?.is_within() {
        return Err(Reason::PuntLimited);
    }
    rewrite::retag(frame, last, Retag::to(None, None))?;
    set_destination(frame, mac).ok_or(Reason::Malformed)?;
    if !env.forward(Way::Router) {
        return Err(Reason::NoEgress);
    }
    env.hand_over(Way::Router, HandedOver::nobodys());
    Ok(())
}

/// Gives the frame another destination.
#[inline(always)]
pub(crate) fn set_destination(frame: &mut impl Frame, mac: Mac) -> Option<()> {
    frame.write_u32(0, (mac.to_bits() >> 16) as u32)?;
    frame.write_u16(4, mac.to_bits() as u16)
}

/// Gives the frame another source.
#[inline(always)]
pub(crate) fn set_source(frame: &mut impl Frame, mac: Mac) -> Option<()> {
    frame.write_u16(6, (mac.to_bits() >> 32) as u16)?;
    frame.write_u32(8, mac.to_bits() as u32)
}
