//! The values of routes as next hops with names.

use std::net::IpAddr;

use edge_api::{NextHopStatus, RouteAction, RouteFamily, RouteHops};
use edge_common::{
    abi::{
        fib::RouteValue,
        router::RouterInterface,
        routing::{LINK_UP, Mac, NextHop},
    },
    host::HostRouter,
};

use super::links::ShownLink;
use crate::{
    plan::Plan,
    routing::engine::places::{interface_of, next_hop_v4, next_hop_v6},
};

/// The names that next hops have in documents.
pub(super) struct HopNames<'a> {
    pub(super) plan: &'a Plan,
    /// All links of the configuration.
    pub(super) links: &'a [ShownLink],
    /// The link that frames come by.
    pub(super) arrives: &'a ShownLink,
}

/// The value that an address has in the tree in which the interface looks destinations up.
pub(super) fn value_of(
    router: &HostRouter,
    interface: &RouterInterface,
    address: IpAddr,
) -> RouteValue {
    let root = match address {
        IpAddr::V4(_) => interface.destinations_v4,
        IpAddr::V6(_) => interface.destinations_v6,
    };
    let tree = router.roots.get(root as usize).and_then(|tree| u32::try_from(*tree).ok());
    let tree = tree.filter(|tree| *tree != 0).and_then(|tree| router.fib.trees.get(tree as usize));
    let found = tree.and_then(|tree| match address {
        IpAddr::V4(v4) => edge_common::fib::find(&router.fib, tree, v4.to_bits()),
        IpAddr::V6(v6) => edge_common::fib::find_v6(&router.fib, tree, halves(v6.to_bits())),
    });
    found.unwrap_or(RouteValue::NONE)
}

fn halves(bits: u128) -> [u64; 2] {
    #[expect(clippy::cast_possible_truncation, reason = "a half each")]
    [(bits >> 64) as u64, bits as u64]
}

/// The way that a value stands for; `None`: it is no route.
pub(super) fn way(
    router: &HostRouter,
    names: &HopNames<'_>,
    value: RouteValue,
    family: RouteFamily,
) -> Option<RouteHops> {
    let action = match value {
        RouteValue::NONE => return None,
        RouteValue::BLACKHOLE => RouteAction::Blackhole,
        RouteValue::LOCAL => RouteAction::Local,
        _ => RouteAction::Forward,
    };
    Some(RouteHops { action, hops: next_hops(router, names, value, family) })
}

/// The next hops of a value, in the order of a group's members.
pub(super) fn next_hops(
    router: &HostRouter,
    names: &HopNames<'_>,
    value: RouteValue,
    family: RouteFamily,
) -> Vec<NextHopStatus> {
    let indices = match (value.as_next_hop(), value.as_group()) {
        (Some(index), _) => vec![index],
        (None, Some(group)) => router.groups.get(group as usize).map_or_else(Vec::new, |group| {
            group.members.iter().take(group.count as usize).copied().collect()
        }),
        (None, None) => Vec::new(),
    };
    indices.into_iter().filter_map(|index| next_hop(router, names, index, family)).collect()
}

fn next_hop(
    router: &HostRouter,
    names: &HopNames<'_>,
    index: u32,
    family: RouteFamily,
) -> Option<NextHopStatus> {
    let hop: &NextHop = router.next_hops.get(index as usize)?;
    let link = names.links.iter().find(|link| link.index == interface_of(index))?;
    let owner = names.plan.attachments.iter().find(|own| own.index == hop.owner && hop.owner != 0);
    let owner = owner.map(|own| format!("{}/{}", own.key.circuit, own.key.peering.as_str()));
    let neighbour = Mac::from_bits(hop.neighbour);
    Some(NextHopStatus {
        next_hop: link.ends_of(family)?.peer,
        port: link.port.clone(),
        link: link.link_name(),
        vnet: link.vnet.clone(),
        owner: owner.unwrap_or_else(|| names.arrives.owner()),
        neighbour_mac: super::mac_text(neighbour),
        live: router.links.get(hop.link as usize) == Some(&LINK_UP),
    })
}

/// The longest packet in bytes that leaves by an interface.
pub(super) fn mtu_bytes(router: &HostRouter, interface: u32, family: RouteFamily) -> Option<u32> {
    let index = match family {
        RouteFamily::Ipv4 => next_hop_v4(interface),
        RouteFamily::Ipv6 => next_hop_v6(interface),
    };
    router.next_hops.get(index as usize).map(|hop| hop.mtu_bytes)
}
