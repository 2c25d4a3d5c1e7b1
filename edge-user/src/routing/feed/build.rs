//! From routes of the kernel's to intervals of a forwarding table.

use std::{collections::BTreeSet, net::IpAddr};

use edge_common::{abi::fib::RouteValue, host::fib::Route};

use crate::routing::feed::routes::{KernelRoute, RouteHop, RouteKind};

/// A place that routes lead to. Routes with equal targets can share a next hop of the forwarding table.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteTarget {
    /// To one of these, in ascending order, each once.
    Hops(Vec<TargetHop>),
    /// Nowhere, and nobody is told.
    Blackhole,
    /// Nowhere, and the sender is told that the host is unreachable.
    Unreachable,
    /// Nowhere, and the sender is told that it is forbidden.
    Prohibit,
}

/// A live hop of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetHop {
    /// The interface by the kernel's index.
    pub ifindex: u32,
    /// The next router; `None`: the destination itself is on the link.
    pub gateway: Option<IpAddr>,
    /// Its part of the traffic, by the sum of all weights.
    pub weight: u32,
}

/// Routes for a forwarding table (`edge_common::host::fib::intervals`), one a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuiltRoutes<A> {
    /// By their prefixes.
    pub routes: Vec<Route<A>>,
    /// Targets that the caller has no next hop for. Their prefixes have the value [`RouteValue::NONE`], as has every
    /// route that leads to no other machine: with a route left out, its frames would take that of a shorter
    /// prefix, to a place that nobody has sent them to.
    pub unknown: BTreeSet<RouteTarget>,
}

/// The IPv4 routes of a table by those of their hops that `is_wanted` chooses, with the caller's index for each target.
/// Routes by other hops alone are left out.
///
/// Of several routes to a prefix, the one with the lowest metric counts that has a live hop, and the first of
/// those, as in the kernel. A prefix whose hops are all dead is left to shorter prefixes, as in the kernel.
pub fn routes_v4(
    routes: &[KernelRoute],
    is_wanted: impl Fn(&RouteHop) -> bool,
    index: impl FnMut(&RouteTarget) -> Option<u32>,
) -> BuiltRoutes<u32> {
    build(routes, is_wanted, index, |route| {
        let IpAddr::V4(first) = route.destination else { return None };
        let host_bits = u32::MAX.checked_shr(route.prefix_len.into()).unwrap_or(0);
        Some((first.to_bits() & !host_bits, first.to_bits() | host_bits))
    })
}

/// The IPv6 routes of a table, as [`routes_v4`] has those of IPv4.
pub fn routes_v6(
    routes: &[KernelRoute],
    is_wanted: impl Fn(&RouteHop) -> bool,
    index: impl FnMut(&RouteTarget) -> Option<u32>,
) -> BuiltRoutes<u128> {
    build(routes, is_wanted, index, |route| {
        let IpAddr::V6(first) = route.destination else { return None };
        let host_bits = u128::MAX.checked_shr(route.prefix_len.into()).unwrap_or(0);
        Some((first.to_bits() & !host_bits, first.to_bits() | host_bits))
    })
}

fn build<A: Ord + Copy>(
    routes: &[KernelRoute],
    is_wanted: impl Fn(&RouteHop) -> bool,
    mut index: impl FnMut(&RouteTarget) -> Option<u32>,
    span: impl Fn(&KernelRoute) -> Option<(A, A)>,
) -> BuiltRoutes<A> {
    let mut usable: Vec<(A, A, &KernelRoute)> = routes
        .iter()
        .filter(|route| route.is_usable(&is_wanted))
        .filter_map(|route| span(route).map(|(first, last)| (first, last, route)))
        .collect();
    // Stable: of equal metrics the first stays the first.
    usable.sort_by_key(|(first, last, route)| (*first, *last, route.metric));
    usable.dedup_by_key(|(first, last, _)| (*first, *last));
    let mut built =
        BuiltRoutes { routes: Vec::with_capacity(usable.len()), unknown: BTreeSet::new() };
    for (first, last, route) in usable {
        let value = match route.target(&is_wanted) {
            None => RouteValue::NONE,
            Some(target) => index(&target).and_then(RouteValue::next_hop).unwrap_or_else(|| {
                built.unknown.insert(target);
                RouteValue::NONE
            }),
        };
        built.routes.push(Route { first, last, value });
    }
    built
}

impl KernelRoute {
    /// Whether the kernel would use it: it has a live hop, or leads nowhere on purpose.
    fn is_usable(&self, is_wanted: impl Fn(&RouteHop) -> bool) -> bool {
        self.hops.is_empty() || self.hops.iter().any(|hop| !hop.is_dead && is_wanted(hop))
    }

    /// Its target; `None`: it leads to no other machine.
    fn target(&self, is_wanted: impl Fn(&RouteHop) -> bool) -> Option<RouteTarget> {
        match self.kind {
            RouteKind::Unicast => {
                let live = self.hops.iter().filter(|hop| !hop.is_dead && is_wanted(hop));
                let mut hops: Vec<TargetHop> = live
                    .map(|hop| TargetHop {
                        ifindex: hop.ifindex,
                        gateway: hop.gateway,
                        weight: hop.weight,
                    })
                    .collect();
                hops.sort_unstable();
                // The same way twice has the weight of both.
                hops.dedup_by(|later, first| {
                    let is_same = (later.ifindex, later.gateway) == (first.ifindex, first.gateway);
                    first.weight += if is_same { later.weight } else { 0 };
                    is_same
                });
                (!hops.is_empty()).then_some(RouteTarget::Hops(hops))
            }
            RouteKind::Blackhole => Some(RouteTarget::Blackhole),
            RouteKind::Unreachable => Some(RouteTarget::Unreachable),
            RouteKind::Prohibit => Some(RouteTarget::Prohibit),
            RouteKind::Other(_) => None,
        }
    }
}
