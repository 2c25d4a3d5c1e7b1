//! Step 4 of a routed frame, its route: the source has to be one that may send from here, and the destination's longest
//! match tells the next hop.

use crate::{
    abi::{
        fib::RouteValue,
        routed::Routed,
        router::RouterInterface,
        routing::{MAX_MEMBERS, Mac, NextHopGroup},
    },
    env::{RouteCalls, Routing},
    fib,
    packet::{frame::Frame, ip::DsWord, ip_version::IpVersion},
    path::address,
    reason::Reason,
};

/// The value of the route that a packet takes. Callers use [`crate::env::FrameCalls::route`].
#[inline(always)]
pub fn route(
    frame: &(impl Frame + ?Sized),
    tables: &impl RouteCalls,
    interface: &RouterInterface,
    packet: &DsWord,
) -> Routed {
    let found = match packet.version {
        IpVersion::V4 => route_v4(frame, tables, interface, packet.offset),
        IpVersion::V6 => route_v6(frame, tables, interface, packet.offset),
    };
    match found {
        Ok(value) => Routed::by(value),
        Err(reason) => Routed::none(reason),
    }
}

#[inline(always)]
fn route_v4(
    frame: &(impl Frame + ?Sized),
    tables: &impl RouteCalls,
    interface: &RouterInterface,
    offset: usize,
) -> Result<RouteValue, Reason> {
    let source = frame.read_u32(offset + 12).ok_or(Reason::Malformed)?;
    let destination = frame.read_u32(offset + 16).ok_or(Reason::Malformed)?;
    if interface.sources_v4 != 0 {
        may_send(tables.find_v4(interface.sources_v4, source))?;
    }
    known(tables.find_v4(interface.destinations_v4, destination))
}

#[inline(always)]
fn route_v6(
    frame: &(impl Frame + ?Sized),
    tables: &impl RouteCalls,
    interface: &RouterInterface,
    offset: usize,
) -> Result<RouteValue, Reason> {
    if interface.sources_v6 != 0 {
        let source = address::v6::halves(frame, offset + 8).ok_or(Reason::Malformed)?;
        may_send(tables.find_v6(interface.sources_v6, source))?;
    }
    let destination = address::v6::halves(frame, offset + 24).ok_or(Reason::Malformed)?;
    known(tables.find_v6(interface.destinations_v6, destination))
}

#[inline(always)]
fn may_send(found: Routed) -> Result<(), Reason> {
    let value = RouteValue::from_bits(found.checked()?);
    if value == RouteValue::NONE || value == RouteValue::BLACKHOLE {
        Err(Reason::Spoofed)
    } else {
        Ok(())
    }
}

#[inline(always)]
fn known(found: Routed) -> Result<RouteValue, Reason> {
    let value = RouteValue::from_bits(found.checked()?);
    if value == RouteValue::NONE { Err(Reason::NoRoute) } else { Ok(value) }
}

/// The value that an IPv4 address has under a root; without a tree, it has none. Callers use
/// [`crate::env::RouteCalls::find_v4`].
#[inline(always)]
pub fn find_v4(tables: &impl Routing, root: u32, address: u32) -> Routed {
    let Some(tree) = tables.root(root) else { return Routed::by(RouteValue::NONE) };
    found(fib::find(tables, tree, address))
}

/// The same for an IPv6 address, given in two halves. Callers use [`crate::env::RouteCalls::find_v6`].
#[inline(always)]
pub fn find_v6(tables: &impl Routing, root: u32, address: [u64; 2]) -> Routed {
    let Some(tree) = tables.root(root) else { return Routed::by(RouteValue::NONE) };
    found(fib::find_v6(tables, tree, address))
}

#[inline(always)]
fn found(value: Option<RouteValue>) -> Routed {
    match value {
        Some(value) => Routed::by(value),
        None => Routed::none(Reason::DanglingTable),
    }
}

/// The member of a group that a flow with this hash takes: the first one from the hash's on whose link is up and
/// whose neighbour is known. So the flows of members that are left stay where they are. Callers use
/// [`crate::env::RouteCalls::member`].
#[inline(always)]
pub fn member(tables: &impl Routing, group: &NextHopGroup, hash: u64) -> Routed {
    let count = group.count.min(MAX_MEMBERS as u32);
    if count == 0 {
        return Routed::none(Reason::DanglingTable);
    }
    // The upper half of the product is below the count, as the hash is below 2^32.
    let first = (((hash >> 32) * u64::from(count)) >> 32) as u32;
    let mut reason = Reason::LinkDown;
    for step in 0..MAX_MEMBERS as u32 {
        if step >= count {
            break;
        }
        let place = first + step;
        let place = if place >= count { place - count } else { place };
        let index = group.members[edge_bound::below::<MAX_MEMBERS>(place as usize)];
        match is_alive(tables, index) {
            Ok(_) => return Routed::to(index),
            Err(Reason::LinkDown) => {}
            Err(other) => reason = other,
        }
    }
    Routed::none(reason)
}

/// The neighbour of a next hop whose link is up.
#[inline(always)]
pub fn is_alive(tables: &impl Routing, next_hop: u32) -> Result<Mac, Reason> {
    let link = tables.next_hop(next_hop).ok_or(Reason::DanglingTable)?.link;
    if !tables.is_link_up(link) {
        return Err(Reason::LinkDown);
    }
    let neighbour = tables.neighbour(next_hop);
    if neighbour.is_there() { Ok(neighbour) } else { Err(Reason::NoNeighbour) }
}
