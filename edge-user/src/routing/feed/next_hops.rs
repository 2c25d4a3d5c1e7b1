//! Next-hop objects: hops that many routes share (ip-nexthop(8)).
//!
//! The crates for rtnetlink have no type for these messages (netlink-packet-route 0.34), so they are
//! read here, from attributes that the crate's iterator finds.

use std::{collections::BTreeMap, net::IpAddr};

use netlink_packet_core::parse_ip;
use netlink_packet_route::route::RouteNextHopFlags;

use crate::routing::feed::{
    datagram::RawMessage,
    error::{Context as _, Result},
    routes::{KernelRoute, RouteHop, RouteKind},
    socket::{Question, RouteSocket},
};

/// Message types of linux/rtnetlink.h.
pub(super) const RTM_NEWNEXTHOP: u16 = 104;
/// See [`RTM_NEWNEXTHOP`].
pub(super) const RTM_DELNEXTHOP: u16 = 105;
const RTM_GETNEXTHOP: u16 = 106;
/// `struct nhmsg` of linux/nexthop.h: family, scope, protocol, a byte of nothing, and flags.
const HEADER_LEN_BYTES: usize = 8;
const FLAGS: usize = 4;
/// Attributes of linux/nexthop.h.
const NHA_ID: u16 = 1;
const NHA_GROUP: u16 = 2;
const NHA_BLACKHOLE: u16 = 4;
const NHA_OIF: u16 = 5;
const NHA_GATEWAY: u16 = 6;
/// `struct nexthop_grp`: an id, a weight of two bytes (the second one since Linux 6.12, commit b72a6a7ab957), and two
/// bytes of nothing.
const MEMBER_LEN_BYTES: usize = 8;

/// All next-hop objects of a network namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NextHopObjects(BTreeMap<u32, NextHopObject>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum NextHopObject {
    Hop(RouteHop),
    Blackhole,
    /// Ids of others, each with its weight.
    Members(Vec<(u32, u32)>),
}

impl NextHopObjects {
    /// Asks the kernel for them.
    pub(super) fn read(socket: &mut RouteSocket) -> Result<Self> {
        let mut objects = BTreeMap::new();
        let question = Question::raw(RTM_GETNEXTHOP, vec![0; HEADER_LEN_BYTES]);
        socket
            .dump(&question, |message, _| {
                objects.extend(object(message)?);
                Ok(())
            })
            .context("asking for next-hop objects")?;
        Ok(Self(objects))
    }

    /// Gives a route the hops of its object, where the kernel has not done so itself (sysctl
    /// `net.ipv4.nexthop_compat_mode`).
    pub(super) fn resolve(&self, route: &mut KernelRoute) {
        let Some(id) = route.next_hop_object else { return };
        if !route.hops.is_empty() || route.kind != RouteKind::Unicast {
            return;
        }
        match self.0.get(&id) {
            Some(NextHopObject::Blackhole) => route.kind = RouteKind::Blackhole,
            Some(NextHopObject::Hop(hop)) => route.hops.push(hop.clone()),
            Some(NextHopObject::Members(members)) => {
                for (member, weight) in members {
                    match self.0.get(member) {
                        Some(NextHopObject::Hop(hop)) => {
                            route.hops.push(RouteHop { weight: *weight, ..hop.clone() });
                        }
                        // A group has a blackhole for its only member.
                        Some(NextHopObject::Blackhole) => route.kind = RouteKind::Blackhole,
                        // The kernel has no groups of groups.
                        Some(NextHopObject::Members(_)) | None => {}
                    }
                }
            }
            None => {}
        }
    }

    /// The ids of an object's members; empty for one that is no group.
    pub(super) fn members(&self, id: u32) -> impl Iterator<Item = u32> {
        let members = match self.0.get(&id) {
            Some(NextHopObject::Members(members)) => members.as_slice(),
            Some(NextHopObject::Hop(_) | NextHopObject::Blackhole) | None => &[],
        };
        members.iter().map(|(member, _)| *member)
    }
}

/// The id that a message about a next-hop object has.
pub(super) fn id(message: &RawMessage<'_>) -> Result<u32> {
    for attribute in message.attributes(HEADER_LEN_BYTES)? {
        let attribute = attribute?;
        if attribute.kind() == NHA_ID {
            return number(attribute.value());
        }
    }
    None.context("a next-hop object without an id")
}

/// The object that a message tells of, with its id; `None` for one that routes can't have.
fn object(message: &RawMessage<'_>) -> Result<Option<(u32, NextHopObject)>> {
    let flags = RouteNextHopFlags::from_bits_retain(message.word(FLAGS)?.to_le_bytes()[0]);
    let (mut ifindex, mut gateway, mut known) = (None, None::<IpAddr>, None);
    for attribute in message.attributes(HEADER_LEN_BYTES)? {
        let attribute = attribute?;
        let value = attribute.value();
        match attribute.kind() {
            NHA_OIF => ifindex = Some(number(value)?),
            NHA_GATEWAY => gateway = Some(parse_ip(value)?),
            NHA_BLACKHOLE => known = Some(NextHopObject::Blackhole),
            NHA_GROUP => known = Some(NextHopObject::Members(members(value)?)),
            _ => {}
        }
    }
    let hop = ifindex.map(|it| NextHopObject::Hop(RouteHop::new(it, gateway, 1, flags)));
    known.or(hop).map(|object| id(message).map(|id| (id, object))).transpose()
}

fn members(value: &[u8]) -> Result<Vec<(u32, u32)>> {
    let member = |bytes: &[u8]| -> Result<(u32, u32)> {
        let id = number(bytes.get(..4).context("a group of next hops cut short")?)?;
        let weight = u16::from_le_bytes([bytes[4], bytes[5]]);
        Ok((id, u32::from(weight) + 1))
    };
    if !value.len().is_multiple_of(MEMBER_LEN_BYTES) {
        return None.context("a group of next hops cut short");
    }
    value.chunks_exact(MEMBER_LEN_BYTES).map(member).collect()
}

fn number(value: &[u8]) -> Result<u32> {
    let bytes = value.try_into().ok().context("a number that has not 32 bits")?;
    Ok(u32::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(object: u32) -> KernelRoute {
        KernelRoute {
            destination: [10, 0, 0, 0].into(),
            prefix_len: 8,
            metric: 0,
            protocol: 4,
            kind: RouteKind::Unicast,
            hops: Vec::new(),
            next_hop_object: Some(object),
            preferred_source: None,
        }
    }

    fn hop(ifindex: u32) -> RouteHop {
        RouteHop::new(ifindex, None, 1, RouteNextHopFlags::empty())
    }

    fn resolved(objects: &NextHopObjects, id: u32) -> KernelRoute {
        let mut route = route(id);
        objects.resolve(&mut route);
        route
    }

    #[test]
    fn a_route_gets_the_hops_of_its_object() {
        let objects = NextHopObjects(BTreeMap::from([
            (1, NextHopObject::Hop(hop(7))),
            (2, NextHopObject::Hop(hop(8))),
            (3, NextHopObject::Members(vec![(1, 5), (2, 300)])),
            (4, NextHopObject::Blackhole),
            (5, NextHopObject::Members(vec![(4, 1)])),
        ]));
        assert_eq!(resolved(&objects, 1).hops, [hop(7)]);
        let weighed = [RouteHop { weight: 5, ..hop(7) }, RouteHop { weight: 300, ..hop(8) }];
        assert_eq!(resolved(&objects, 3).hops, weighed);
        assert_eq!(resolved(&objects, 4).kind, RouteKind::Blackhole);
        assert_eq!(resolved(&objects, 5).kind, RouteKind::Blackhole);
        assert_eq!(resolved(&objects, 6), route(6), "nobody knows it");
        assert_eq!(objects.members(3).collect::<Vec<_>>(), [1, 2]);
        assert_eq!(objects.members(1).count(), 0);
    }

    #[test]
    fn hops_that_the_kernel_tells_are_left() {
        let objects = NextHopObjects(BTreeMap::from([(1, NextHopObject::Hop(hop(7)))]));
        let mut told = KernelRoute { hops: vec![hop(9)], ..route(1) };
        objects.resolve(&mut told);
        assert_eq!(told.hops, [hop(9)]);
    }

    #[test]
    fn a_group_cut_short_is_an_error() {
        assert_eq!(members(&[1, 0, 0, 0, 2, 1, 0, 0]).unwrap(), [(1, 0x103)]);
        assert!(members(&[1, 0, 0, 0, 2, 0, 0]).is_err());
    }
}
