//! Addresses whose way differs between the kernel's routing table and the forwarding table.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use edge_api::{RouteAction, RouteDifference, RouteFamily, RouteHops, RouteSide, exact_prefix};
use edge_common::abi::{fib::RouteValue, router::RouterInterface};
use ipnet::IpNet;

use super::{
    hops::{HopNames, next_hops, value_of, way},
    links::ShownLink,
    lookup::LookupTables,
};
use crate::plan::Plan;
use crate::routing::{
    bird::model::DomainSide,
    engine::{places::next_hop, state::RouterState},
    feed::{
        routes::{KernelRoute, RouteKind},
        tables::TableDump,
    },
};

/// A route that the forwarding table should have: next hops by the indices of their interfaces.
struct ExpectedRoute {
    net: IpNet,
    metric: u32,
    /// `None`: the address is the edge's own, or frames go nowhere without a word.
    interfaces: Option<BTreeSet<u32>>,
}

/// Routes by their prefixes.
#[derive(Default)]
struct ExpectedRoutes {
    /// Of several routes to a prefix, the one with the least metric, and of those the last.
    by_prefix: BTreeMap<IpNet, ExpectedRoute>,
    /// Lengths that prefixes have.
    lens_bits: BTreeSet<u8>,
}

impl ExpectedRoutes {
    fn add(&mut self, route: ExpectedRoute) {
        let net = route.net.trunc();
        if self.by_prefix.get(&net).is_none_or(|known| route.metric <= known.metric) {
            self.lens_bits.insert(net.prefix_len());
            self.by_prefix.insert(net, route);
        }
    }

    /// The route with the longest prefix.
    fn best(&self, address: IpAddr) -> Option<&ExpectedRoute> {
        let mut nets = self.lens_bits.iter().rev().filter_map(|len| IpNet::new(address, *len).ok());
        nets.find_map(|net| self.by_prefix.get(&net.trunc()))
    }
}

/// Each interval of one family and side that the two tables lead elsewhere.
pub(super) fn difference(
    tables: &LookupTables<'_>,
    links: &[&ShownLink],
    dump: &TableDump,
    state: &RouterState,
) -> Vec<RouteDifference> {
    let mut differences = Vec::new();
    for (arrives, leads, side) in [
        (DomainSide::Cloud, DomainSide::Customer, RouteSide::Customer),
        (DomainSide::Customer, DomainSide::Cloud, RouteSide::Cloud),
    ] {
        let Some(arrives) = links.iter().find(|link| link.side == arrives) else { continue };
        let Some(interface) = tables.router.interfaces.get(arrives.index as usize) else {
            continue;
        };
        let of_side: Vec<_> = links.iter().filter(|link| link.side == leads).copied().collect();
        let names = HopNames { plan: tables.plan, links: tables.links, arrives };
        for (family, routes) in [(RouteFamily::Ipv4, &dump.v4), (RouteFamily::Ipv6, &dump.v6)] {
            let mut expected = expected(links, &of_side, routes, state, family);
            if leads == DomainSide::Cloud {
                add_services(&mut expected, tables.plan, arrives);
            }
            let compared =
                SideComparison { tables, interface, names: &names, expected: &expected, family };
            differences.extend(compared.differences(side));
        }
    }
    differences
}

/// The kernel's routes that lead to links of a side, and the ends of links, which are there without a route.
fn expected(
    all: &[&ShownLink],
    of_side: &[&ShownLink],
    routes: &[KernelRoute],
    state: &RouterState,
    family: RouteFamily,
) -> ExpectedRoutes {
    let index_of = |ifindex: u32| {
        let mut devices = state.interfaces.iter();
        devices.find(|(_, device)| device.ifindex == Some(ifindex)).map(|(index, _)| *index)
    };
    let mut expected = ExpectedRoutes::default();
    for route in routes {
        let Ok(net) = IpNet::new(route.destination, route.prefix_len) else { continue };
        let hops = route.hops.iter().filter(|hop| !hop.is_dead);
        let interfaces: BTreeSet<u32> = hops.filter_map(|hop| index_of(hop.ifindex)).collect();
        let of_side = |index: &u32| of_side.iter().any(|link| link.index == *index);
        let interfaces: BTreeSet<u32> = interfaces.into_iter().filter(of_side).collect();
        let interfaces = match route.kind {
            RouteKind::Unicast if interfaces.is_empty() => continue,
            RouteKind::Unicast => Some(interfaces),
            RouteKind::Blackhole => None,
            RouteKind::Unreachable | RouteKind::Prohibit | RouteKind::Other(_) => continue,
        };
        expected.add(ExpectedRoute { net, metric: route.metric, interfaces });
    }
    let host = |address: IpAddr| IpNet::from(address);
    for ends in all.iter().filter_map(|link| link.ends_of(family)) {
        expected.add(ExpectedRoute { net: host(ends.own), metric: 0, interfaces: None });
    }
    for (link, ends) in of_side.iter().filter_map(|link| Some((link, link.ends_of(family)?))) {
        let interfaces = Some(BTreeSet::from([link.index]));
        expected.add(ExpectedRoute { net: host(ends.peer), metric: 0, interfaces });
    }
    expected
}

/// Adds prefixes of services, which lead to their network without a route of the kernel's.
fn add_services(expected: &mut ExpectedRoutes, plan: &Plan, arrives: &ShownLink) {
    let Some(services) = &plan.services else { return };
    let own = plan.domains.iter().find(|domain| arrives.is_of(&domain.circuit, domain.peering));
    for net in own.into_iter().flat_map(|domain| &domain.services) {
        let interfaces = Some(BTreeSet::from([services.link.index]));
        expected.add(ExpectedRoute { net: *net, metric: 0, interfaces });
    }
}

struct SideComparison<'a> {
    tables: &'a LookupTables<'a>,
    interface: &'a RouterInterface,
    names: &'a HopNames<'a>,
    expected: &'a ExpectedRoutes,
    family: RouteFamily,
}

impl SideComparison<'_> {
    fn differences(&self, side: RouteSide) -> Vec<RouteDifference> {
        let mut starts: BTreeSet<u128> = BTreeSet::from([0]);
        let most = self.most();
        for route in self.expected.by_prefix.values() {
            let (first, last) = (bits(route.net.network()), bits(route.net.broadcast()));
            starts.extend([Some(first), last.checked_add(1)].into_iter().flatten());
        }
        let of_family = |first: &IpAddr| RouteFamily::of(*first) == self.family;
        let intervals = super::forwarding::intervals(&self.tables.router, self.interface);
        for (first, last) in intervals.into_iter().filter(|(first, _)| of_family(first)) {
            starts.extend([Some(bits(first)), bits(last).checked_add(1)].into_iter().flatten());
        }
        starts.retain(|start| *start <= most);
        let ends = starts.iter().skip(1).map(|start| start - 1).chain([most]);
        let mut differences: Vec<RouteDifference> = Vec::new();
        for (first, last) in starts.iter().zip(ends) {
            let Some(found) = self.difference(side, *first, last) else { continue };
            match differences.last_mut() {
                // Neighbours with the same difference are one.
                Some(before)
                    if bits(before.last).checked_add(1) == Some(*first)
                        && (&before.kernel, &before.forwarding)
                            == (&found.kernel, &found.forwarding) =>
                {
                    before.last = found.last;
                    before.prefix = exact_prefix(before.first, before.last);
                }
                _ => differences.push(found),
            }
        }
        differences
    }

    fn difference(&self, side: RouteSide, first: u128, last: u128) -> Option<RouteDifference> {
        let [first, last] = [first, last].map(|bits| self.address(bits));
        let value = value_of(&self.tables.router, self.interface, first);
        let (router, names) = (&self.tables.router, self.names);
        let forwarding = way(router, names, value, self.family);
        let best = self.expected.best(first);
        let is_as_expected = match best.map(|route| &route.interfaces) {
            None => value == RouteValue::NONE,
            Some(None) => value == RouteValue::LOCAL || value == RouteValue::BLACKHOLE,
            Some(Some(interfaces)) => {
                let hops = next_hops(router, names, value, self.family);
                let found: BTreeSet<IpAddr> = hops.iter().map(|hop| hop.next_hop).collect();
                found == self.neighbours(interfaces)
            }
        };
        if is_as_expected {
            return None;
        }
        let kernel = best.map(|route| match &route.interfaces {
            None => RouteHops { action: RouteAction::Blackhole, hops: Vec::new() },
            Some(interfaces) => {
                let hops = interfaces.iter().filter_map(|index| {
                    let hop = RouteValue::next_hop(next_hop(*index, first))?;
                    Some(next_hops(router, names, hop, self.family))
                });
                RouteHops { action: RouteAction::Forward, hops: hops.flatten().collect() }
            }
        });
        Some(RouteDifference {
            side,
            prefix: exact_prefix(first, last),
            first,
            last,
            kernel,
            forwarding,
        })
    }

    fn neighbours(&self, interfaces: &BTreeSet<u32>) -> BTreeSet<IpAddr> {
        let links = self.names.links.iter().filter(|link| interfaces.contains(&link.index));
        links.filter_map(|link| Some(link.ends_of(self.family)?.peer)).collect()
    }

    fn most(&self) -> u128 {
        match self.family {
            RouteFamily::Ipv4 => u32::MAX.into(),
            RouteFamily::Ipv6 => u128::MAX,
        }
    }

    fn address(&self, bits: u128) -> IpAddr {
        match self.family {
            RouteFamily::Ipv4 => {
                Ipv4Addr::from_bits(u32::try_from(bits).unwrap_or(u32::MAX)).into()
            }
            RouteFamily::Ipv6 => Ipv6Addr::from_bits(bits).into(),
        }
    }
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
