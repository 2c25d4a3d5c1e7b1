//! Tables of any plan and any routes, against the longest match among the routes themselves.

use std::{collections::BTreeMap, net::IpAddr};

use edge_common::abi::fib::RouteValue;
use ipnet::IpNet;
use proptest::prelude::*;

use super::{customer, domain, network};
use crate::routing::{
    bird::model::DomainSide,
    engine::{
        domain_tables::DomainTables,
        listed::{RouteFate, list},
        plan::{EngineInterface, RouterDomain},
        ways::RouteWay,
    },
    feed::{
        routes::{KernelRoute, RouteHop, RouteKind},
        tables::TableDump,
    },
};

const STRANGE: u32 = 99;

/// Interfaces 1 and 2 of the customer, 3 and 4 of networks, with devices 11 to 14.
fn four(states: [bool; 4], statics: &[(usize, IpNet)]) -> RouterDomain {
    let mut interfaces = vec![customer(1), customer(2), network(3), network(4)];
    for (number, interface) in interfaces.iter_mut().enumerate() {
        interface.is_up = states[number];
        let last = u8::try_from(20 + 4 * number).expect("an octet");
        interface.v4 = interface.v4.map(|mut ends| {
            (ends.own, ends.peer) = ([192, 0, 2, last].into(), [192, 0, 2, last + 1].into());
            ends
        });
        interface.v6 = None;
        let own = statics.iter().filter(|(place, _)| *place == number);
        interface.static_routes = own.map(|(_, prefix)| *prefix).collect();
    }
    RouterDomain { interfaces, ..domain(0) }
}

fn devices() -> BTreeMap<u32, u32> {
    (1..=4).map(|index| (10 + index, index)).collect()
}

fn prefix() -> impl Strategy<Value = IpNet> {
    (0u32..32, 0u8..=32).prop_map(|(bits, len)| {
        let address = IpAddr::V4(((bits << 27) | (bits << 13) | bits).into());
        IpNet::new(address, len).expect("a length").trunc()
    })
}

fn route() -> impl Strategy<Value = KernelRoute> {
    let hop = (prop_oneof![11u32..15, Just(STRANGE)], any::<bool>(), 0u8..8);
    (prefix(), 0u32..3, proptest::collection::vec(hop, 0..4)).prop_map(|(prefix, metric, hops)| {
        let hop = |(ifindex, is_dead, kind): (u32, bool, u8)| RouteHop {
            ifindex,
            gateway: match kind {
                0 => None,
                1 => Some([203, 0, 113, 1].into()),
                _ => Some(peer(ifindex)),
            },
            weight: 1,
            is_dead,
            is_link_down: false,
            is_onlink: true,
        };
        KernelRoute {
            destination: prefix.addr(),
            prefix_len: prefix.prefix_len(),
            metric,
            protocol: 12,
            kind: if hops.is_empty() { RouteKind::Blackhole } else { RouteKind::Unicast },
            hops: hops.into_iter().map(hop).collect(),
            next_hop_object: None,
            preferred_source: None,
        }
    })
}

fn peer(ifindex: u32) -> IpAddr {
    let number = u8::try_from(ifindex.saturating_sub(11) % 4).expect("an octet");
    [192, 0, 2, 21 + 4 * number].into()
}

/// The fate that a list of routes and interfaces has for an address, without a table.
fn naive(
    domain: &RouterDomain,
    side: DomainSide,
    routes: &[KernelRoute],
    address: IpAddr,
) -> RouteFate {
    let up = |it: &&EngineInterface| it.is_up;
    let ends = |it: &EngineInterface| it.v4.expect("IPv4");
    if domain.interfaces.iter().filter(up).any(|it| IpAddr::from(ends(it).own) == address) {
        return RouteFate::Own;
    }
    let of_side = || domain.interfaces.iter().filter(up).filter(|it| it.side == side);
    let hops_to = |indices: Vec<u32>| {
        RouteFate::Way(RouteWay::NextHops(indices.iter().map(|it| 2 * it).collect()))
    };
    if let Some(it) = of_side().rfind(|it| IpAddr::from(ends(it).peer) == address) {
        return hops_to(vec![it.index]);
    }
    for len in (0..=32).rev() {
        let prefix = IpNet::new(address, len).expect("a length").trunc();
        let statics: Vec<u32> =
            of_side().filter(|it| it.static_routes.contains(&prefix)).map(|it| it.index).collect();
        if !statics.is_empty() {
            return hops_to(statics);
        }
        let known = |hop: &&RouteHop| match domain
            .interfaces
            .iter()
            .find(|it| it.index + 10 == hop.ifindex)
        {
            Some(it) => it.side == side && it.is_up,
            None => true,
        };
        let matching =
            routes.iter().filter(|it| it.destination == prefix.addr() && it.prefix_len == len);
        let usable = matching.filter(|it| {
            it.hops.is_empty() || it.hops.iter().any(|hop| !hop.is_dead && known(&hop))
        });
        let Some(best) = usable.min_by_key(|it| it.metric) else { continue };
        if best.hops.is_empty() {
            return RouteFate::Way(RouteWay::Blackhole);
        }
        let is_peer = |hop: &RouteHop| hop.gateway.is_none_or(|it| it == peer(hop.ifindex));
        let live = best.hops.iter().filter(|hop| !hop.is_dead).filter(known);
        let ours =
            live.filter(|hop| hop.ifindex != STRANGE && is_peer(hop)).map(|hop| hop.ifindex - 10);
        let mut ours: Vec<u32> = ours.collect();
        ours.sort_unstable();
        return match ours.as_slice() {
            [] => RouteFate::NoRoute,
            // Weights of one: the same hop several times, or each once.
            _ if ours.iter().all(|it| *it == ours[0]) => hops_to(vec![ours[0]]),
            _ => hops_to(ours),
        };
    }
    RouteFate::NoRoute
}

fn longest(tables: &DomainTables, side: DomainSide, address: IpAddr) -> RouteFate {
    let listed = list(tables).into_iter().filter(|it| it.side == side);
    let around = listed.filter(|it| it.prefix.contains(&address));
    around.max_by_key(|it| it.prefix.prefix_len()).map_or(RouteFate::NoRoute, |it| it.fate)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn tables_have_the_longest_match(
        routes in proptest::collection::vec(route(), 0..30),
        states in any::<[bool; 4]>(),
        statics in proptest::collection::vec((0usize..4, prefix()), 0..5),
    ) {
        let domain = four(states, &statics);
        let dump = TableDump { v4: routes.clone(), ..TableDump::default() };
        let tables = DomainTables::new(&domain, &devices(), &dump);
        let mut addresses: Vec<IpAddr> = (20..40).map(|last| IpAddr::from([192, 0, 2, last])).collect();
        let prefixes = routes.iter().map(|it| it.destination).chain(statics.iter().map(|it| it.1.addr()));
        addresses.extend(prefixes);
        for side in [DomainSide::Customer, DomainSide::Cloud] {
            for address in &addresses {
                let expected = naive(&domain, side, &routes, *address);
                prop_assert_eq!(longest(&tables, side, *address), expected, "{} to {:?}", address, side);
            }
            // In order, each prefix once, and with a value that stands for something.
            let of_side = tables.side(side);
            let is_before = |pair: &[edge_common::host::fib::Route<u32>]| {
                (pair[0].first, !pair[0].last) < (pair[1].first, !pair[1].last)
            };
            prop_assert!(of_side.v4.windows(2).all(is_before));
            for route in &of_side.v4 {
                let stands = tables.ways.way(route.value).is_some();
                prop_assert!(stands || [RouteValue::NONE, RouteValue::LOCAL].contains(&route.value));
            }
        }
    }
}

#[test]
fn weights_are_parts_of_a_group() {
    let hop = |ifindex, weight| RouteHop {
        ifindex,
        gateway: Some(peer(ifindex)),
        weight,
        is_dead: false,
        is_link_down: false,
        is_onlink: true,
    };
    let route = KernelRoute {
        destination: [10, 0, 0, 0].into(),
        prefix_len: 8,
        metric: 0,
        protocol: 12,
        kind: RouteKind::Unicast,
        hops: vec![hop(11, 2), hop(12, 4), hop(13, 1)],
        next_hop_object: None,
        preferred_source: None,
    };
    let dump = TableDump { v4: vec![route], ..TableDump::default() };
    let tables = DomainTables::new(&four([true; 4], &[]), &devices(), &dump);
    let fate = |side| longest(&tables, side, [10, 1, 1, 1].into());
    assert_eq!(fate(DomainSide::Customer), RouteFate::Way(RouteWay::NextHops(vec![2, 4, 4])));
    assert_eq!(fate(DomainSide::Cloud), RouteFate::Way(RouteWay::NextHops(vec![6])));
    assert_eq!(tables.foreign, 0);
}
