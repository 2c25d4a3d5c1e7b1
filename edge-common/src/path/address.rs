//! Step 3 of a routed frame, the addresses: whether the router's interface takes it, and whether it is for the router
//! itself, for the path to answer, or to be routed.

mod v4;

pub(crate) mod v6;

use crate::{
    abi::{routed::Addressed, router::RouterInterface, routing::Mac},
    packet::{
        ether_type::ETHER_TYPE_ARP, frame::Frame, ip::DsWord, ip_version::IpVersion, vlan::Tag,
    },
    reason::Reason,
};

/// The fate of a frame with this packet by its addresses. Callers use [`crate::env::FrameCalls::address`].
#[inline(always)]
pub fn of_packet(
    frame: &(impl Frame + ?Sized),
    interface: &RouterInterface,
    packet: &DsWord,
) -> Addressed {
    let is_group = match link_layer(frame, interface) {
        Ok(is_group) => is_group,
        Err(reason) => return Addressed::Ended(reason),
    };
    let addressed = match packet.version {
        IpVersion::V4 => v4::addressed(frame, interface, packet, is_group),
        IpVersion::V6 => v6::addressed(frame, interface, packet.offset, is_group),
    };
    addressed.unwrap_or_else(Addressed::Ended)
}

/// The fate of a frame without an IP packet behind its last tag: ARP that is between the interface and its
/// neighbour is the router's (RFC 826), and nothing else. Callers use [`crate::env::FrameCalls::address_no_ip`].
#[inline(always)]
pub fn of_no_packet(
    frame: &(impl Frame + ?Sized),
    interface: &RouterInterface,
    last: &Tag,
) -> Addressed {
    match arp(frame, interface, last) {
        Ok(()) => Addressed::ForRouter,
        Err(reason) => Addressed::Ended(reason),
    }
}

#[inline(always)]
fn arp(
    frame: &(impl Frame + ?Sized),
    interface: &RouterInterface,
    last: &Tag,
) -> Result<(), Reason> {
    /// Ethernet addresses, IPv4 addresses, and their lengths.
    const TYPES: (u32, u16) = (0x0001_0800, 0x0604);
    const SENDER: usize = 14;
    const TARGET: usize = 24;
    link_layer(frame, interface)?;
    if last.next_ether_type != ETHER_TYPE_ARP {
        return Err(Reason::NotForUs);
    }
    let at = last.next_offset;
    let types = frame.read_u32(at).zip(frame.read_u16(at + 4)).ok_or(Reason::Malformed)?;
    let sender = frame.read_u32(at + SENDER).ok_or(Reason::Malformed)?;
    let target = frame.read_u32(at + TARGET).ok_or(Reason::Malformed)?;
    // A sender of 0 asks whether the address is in use (RFC 5227, 2.1.1).
    let is_between = target == interface.own_v4
        && interface.own_v4 != 0
        && (sender == interface.peer_v4 || sender == 0);
    if types == TYPES && is_between { Ok(()) } else { Err(Reason::NotForUs) }
}

/// Whether the frame came to a group of stations, where it came to the interface.
#[inline(always)]
fn link_layer(frame: &(impl Frame + ?Sized), interface: &RouterInterface) -> Result<bool, Reason> {
    let (destination, source) = macs(frame).ok_or(Reason::Malformed)?;
    if source.is_group() || !source.is_there() {
        return Err(Reason::Martian);
    }
    if destination.is_group() {
        Ok(true)
    } else if destination == interface.mac() {
        Ok(false)
    } else {
        Err(Reason::NotForUs)
    }
}

/// Destination and source of a frame.
#[inline(always)]
pub(crate) fn macs(frame: &(impl Frame + ?Sized)) -> Option<(Mac, Mac)> {
    let upper = u64::from(frame.read_u32(0)?);
    let middle = u64::from(frame.read_u32(4)?);
    let lower = u64::from(frame.read_u32(8)?);
    Some((
        Mac::from_bits(upper << 16 | middle >> 16),
        Mac::from_bits((middle & 0xffff) << 32 | lower),
    ))
}
