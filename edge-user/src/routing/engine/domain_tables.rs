//! The forwarding tables of a domain, made of the kernel's table and of its interfaces.

use std::{cmp::Reverse, collections::BTreeMap, net::IpAddr};

use edge_common::{abi::fib::RouteValue, host::fib::Route};
use ipnet::IpNet;

use super::{
    places,
    plan::{EngineInterface, RouterDomain, ServicePart},
    spans::{span_v4, span_v6},
    state::RouteCounts,
    ways::{RouteWay, WayNumbers, members},
};
use crate::routing::{
    bird::model::DomainSide,
    feed::{
        build::{RouteTarget, TargetHop, routes_v4, routes_v6},
        routes::RouteHop,
        tables::TableDump,
    },
};

/// The routes of a domain's forwarding tables. Values of routes are numbers of [`Self::ways`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct DomainTables {
    pub(super) ways: WayNumbers,
    pub(super) customer: SideTables,
    pub(super) cloud: SideTables,
    /// Routes that lead to no interface of the domain.
    pub(super) foreign: u32,
}

/// The routes towards one side, in the order of their prefixes, each prefix once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SideTables {
    pub(super) v4: Vec<Route<u32>>,
    pub(super) v6: Vec<Route<u128>>,
    /// Their numbers, without those to the interfaces' own addresses and neighbours.
    pub(super) counts: RouteCounts,
}

impl DomainTables {
    /// The tables by what the kernel's table has, and by the device of each interface, by the kernel's index.
    pub(super) fn new(
        domain: &RouterDomain,
        devices: &BTreeMap<u32, u32>,
        dump: &TableDump,
    ) -> Self {
        let by_index: BTreeMap<u32, &EngineInterface> =
            domain.interfaces.iter().map(|interface| (interface.index, interface)).collect();
        let interfaces = devices
            .iter()
            .filter_map(|(ifindex, index)| Some((*ifindex, *by_index.get(index)?)))
            .collect();
        let mut making = Making { domain, interfaces, tables: Self::default() };
        making.tables.customer = making.side(DomainSide::Customer, dump);
        making.tables.cloud = making.side(DomainSide::Cloud, dump);
        making.tables
    }

    /// The routes towards a side.
    pub(super) fn side(&self, side: DomainSide) -> &SideTables {
        match side {
            DomainSide::Customer => &self.customer,
            DomainSide::Cloud => &self.cloud,
        }
    }
}

struct Making<'a> {
    domain: &'a RouterDomain,
    /// By the kernel's index.
    interfaces: BTreeMap<u32, &'a EngineInterface>,
    tables: DomainTables,
}

impl Making<'_> {
    fn side(&mut self, side: DomainSide, dump: &TableDump) -> SideTables {
        let is_of_side = |hop: &RouteHop| match self.interfaces.get(&hop.ifindex) {
            Some(interface) => interface.side == side && interface.is_up,
            // Left out, a route would leave its frames to a shorter one.
            None => true,
        };
        let mut targets =
            Targets { interfaces: &self.interfaces, side, ways: &mut self.tables.ways, foreign: 0 };
        let mut v4 = routes_v4(&dump.v4, is_of_side, |it| targets.number(it, true)).routes;
        let mut v6 = routes_v6(&dump.v6, is_of_side, |it| targets.number(it, false)).routes;
        self.tables.foreign += targets.foreign;
        for (prefix, hops) in self.statics(side) {
            self.add(&mut v4, &mut v6, prefix, Some(RouteWay::NextHops(hops)));
        }
        if let (ServicePart::Reaches { interface, prefixes }, DomainSide::Cloud) =
            (&self.domain.services, side)
        {
            for prefix in prefixes {
                let next_hop = places::next_hop(*interface, prefix.addr());
                self.add(&mut v4, &mut v6, *prefix, Some(RouteWay::NextHops(vec![next_hop])));
            }
        }
        merge(&mut v4);
        merge(&mut v6);
        let count = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
        let counts = RouteCounts { v4: count(v4.len()), v6: count(v6.len()) };
        let enabled = self.domain.interfaces.iter().filter(|interface| interface.is_up);
        let (mut peers, mut owns) = (Vec::new(), Vec::new());
        for interface in enabled {
            if interface.side == side {
                peers.extend(
                    interface.peers().map(|peer| (peer, places::next_hop(interface.index, peer))),
                );
            }
            owns.extend(interface.v4.map(|ends| IpAddr::from(ends.own)));
            owns.extend(interface.v6.map(|ends| IpAddr::from(ends.own)));
        }
        for (peer, next_hop) in peers {
            self.add(&mut v4, &mut v6, peer.into(), Some(RouteWay::NextHops(vec![next_hop])));
        }
        for own in owns {
            self.add(&mut v4, &mut v6, own.into(), None);
        }
        merge(&mut v4);
        merge(&mut v6);
        SideTables { v4, v6, counts }
    }

    /// The next hops of each static prefix of a side.
    fn statics(&self, side: DomainSide) -> BTreeMap<IpNet, Vec<u32>> {
        let mut hops: BTreeMap<IpNet, Vec<u32>> = BTreeMap::new();
        let interfaces = self.domain.interfaces.iter();
        for interface in interfaces.filter(|interface| interface.side == side && interface.is_up) {
            for prefix in &interface.static_routes {
                let next_hop = places::next_hop(interface.index, prefix.addr());
                hops.entry(prefix.trunc()).or_default().push(next_hop);
            }
        }
        for members in hops.values_mut() {
            members.sort_unstable();
            members.dedup();
        }
        hops
    }

    /// Adds a route; `None`: to the edge itself.
    fn add(
        &mut self,
        v4: &mut Vec<Route<u32>>,
        v6: &mut Vec<Route<u128>>,
        prefix: IpNet,
        way: Option<RouteWay>,
    ) {
        let value = match way {
            Some(way) => self.tables.ways.value(way).unwrap_or(RouteValue::NONE),
            None => RouteValue::LOCAL,
        };
        match prefix {
            IpNet::V4(prefix) => v4.push(span_v4(prefix, value)),
            IpNet::V6(prefix) => v6.push(span_v6(prefix, value)),
        }
    }
}

/// Targets of the kernel's routes, as ways.
struct Targets<'a> {
    interfaces: &'a BTreeMap<u32, &'a EngineInterface>,
    side: DomainSide,
    ways: &'a mut WayNumbers,
    foreign: u32,
}

impl Targets<'_> {
    fn number(&mut self, target: &RouteTarget, is_v4: bool) -> Option<u32> {
        match target {
            RouteTarget::Hops(hops) => {
                let known = |hop: &TargetHop| Some((self.next_hop(hop, is_v4)?, hop.weight));
                let known: Vec<(u32, u32)> = hops.iter().filter_map(known).collect();
                if known.is_empty() {
                    // One by no interface at all comes for both sides.
                    let is_ours = hops.iter().any(|hop| self.interfaces.contains_key(&hop.ifindex));
                    self.foreign += u32::from(is_ours || self.side == DomainSide::Customer);
                    return None;
                }
                Some(self.ways.number(RouteWay::NextHops(members(known))))
            }
            RouteTarget::Blackhole => Some(self.ways.number(RouteWay::Blackhole)),
            RouteTarget::Unreachable | RouteTarget::Prohibit => None,
        }
    }

    /// The next hop that a hop of a route is: the one neighbour of its interface.
    fn next_hop(&self, hop: &TargetHop, is_v4: bool) -> Option<u32> {
        let interface = self.interfaces.get(&hop.ifindex)?;
        let (v4, v6) = (interface.v4.map(|ends| ends.peer), interface.v6.map(|ends| ends.peer));
        let by_v4 = v4.map(|_| places::next_hop_v4(interface.index));
        let by_v6 = v6.map(|_| places::next_hop_v6(interface.index));
        match hop.gateway {
            None if is_v4 => by_v4,
            None => by_v6,
            Some(IpAddr::V4(gateway)) => by_v4.filter(|_| v4 == Some(gateway)),
            // Routers call each other by link-local addresses (RFC 2545, 3), and this link has one.
            Some(IpAddr::V6(gateway)) => {
                by_v6.filter(|_| v6 == Some(gateway) || gateway.is_unicast_link_local())
            }
        }
    }
}

/// Puts routes in order. Of two routes to one prefix, the later counts.
pub(super) fn merge<A: Ord + Copy>(routes: &mut Vec<Route<A>>) {
    routes.sort_by_key(|route| (route.first, Reverse(route.last)));
    routes.reverse();
    routes.dedup_by_key(|route| (route.first, route.last));
    routes.reverse();
}
