//! The forwarding table of a domain, read back from the tables that frames are forwarded by.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use edge_api::{ForwardingRoute, RouteFamily, RouteSide, exact_prefix};
use edge_common::{
    abi::{fib::RouteValue, router::RouterInterface},
    host::HostRouter,
};

use super::{
    hops::{HopNames, way},
    links::ShownLink,
    lookup::LookupTables,
};
use crate::routing::{bird::model::DomainSide, store::intervals_of};

/// Addresses that have one value.
struct AddressInterval {
    first: IpAddr,
    last: IpAddr,
    value: RouteValue,
}

/// Every interval that has a route: the destinations of frames from the core, and of frames from the customer.
pub(super) fn forwarding(tables: &LookupTables<'_>, links: &[&ShownLink]) -> Vec<ForwardingRoute> {
    let mut routes = Vec::new();
    for (arrives, side) in
        [(DomainSide::Cloud, RouteSide::Customer), (DomainSide::Customer, RouteSide::Cloud)]
    {
        let Some(arrives) = links.iter().find(|link| link.side == arrives) else { continue };
        let own = &tables.router;
        let Some(interface) = own.interfaces.get(arrives.index as usize) else { continue };
        let names = HopNames { plan: tables.plan, links: tables.links, arrives };
        let found = [v4(own, interface), v6(own, interface)].into_iter().flatten();
        routes.extend(found.filter_map(|interval| {
            let AddressInterval { first, last, value } = interval;
            let way = way(own, &names, value, RouteFamily::of(first))?;
            Some(ForwardingRoute { side, prefix: exact_prefix(first, last), first, last, way })
        }));
    }
    routes
}

/// The first and the last address of each interval, IPv4's first.
pub(super) fn intervals(router: &HostRouter, interface: &RouterInterface) -> Vec<(IpAddr, IpAddr)> {
    let all = [v4(router, interface), v6(router, interface)].into_iter().flatten();
    all.map(|interval| (interval.first, interval.last)).collect()
}

fn v4(router: &HostRouter, interface: &RouterInterface) -> Vec<AddressInterval> {
    let starts = starts_of::<u32>(router, interface.destinations_v4);
    let ends = starts.iter().skip(1).map(|(start, _)| start - 1).chain([u32::MAX]);
    let intervals = starts.iter().zip(ends).map(|((first, value), last)| AddressInterval {
        first: Ipv4Addr::from_bits(*first).into(),
        last: Ipv4Addr::from_bits(last).into(),
        value: *value,
    });
    intervals.collect()
}

/// Upper halves of addresses come first; those of one upper half have a tree of their own, where routes are longer.
fn v6(router: &HostRouter, interface: &RouterInterface) -> Vec<AddressInterval> {
    let starts = starts_of::<u64>(router, interface.destinations_v6);
    let ends = starts.iter().skip(1).map(|(start, _)| start - 1).chain([u64::MAX]);
    let address = |upper: u64, lower: u64| {
        IpAddr::V6(Ipv6Addr::from_bits(u128::from(upper) << 64 | u128::from(lower)))
    };
    let mut intervals = Vec::new();
    for ((first, value), last) in starts.iter().zip(ends) {
        let Some(subtree) = value.as_subtree() else {
            let (first, last) = (address(*first, 0), address(last, u64::MAX));
            intervals.push(AddressInterval { first, last, value: *value });
            continue;
        };
        let tree = router.fib.trees.get(subtree as usize);
        let lower =
            tree.and_then(|tree| intervals_of::<u64>(&router.fib, tree)).unwrap_or_default();
        let lower_ends = lower.iter().skip(1).map(|(start, _)| start - 1).chain([u64::MAX]);
        for ((start, value), end) in lower.iter().zip(lower_ends) {
            let (first, last) = (address(*first, *start), address(*first, end));
            intervals.push(AddressInterval { first, last, value: *value });
        }
    }
    intervals
}

fn starts_of<A: crate::routing::store::Start>(
    router: &HostRouter,
    root: u32,
) -> Vec<(A, RouteValue)> {
    let tree = router.roots.get(root as usize).and_then(|tree| u32::try_from(*tree).ok());
    let tree = tree.filter(|tree| *tree != 0).and_then(|tree| router.fib.trees.get(tree as usize));
    tree.and_then(|tree| intervals_of(&router.fib, tree)).unwrap_or_default()
}
