//! From routes of the kernel's to trees of intervals.

use std::{collections::BTreeMap, net::IpAddr};

use anyhow::Result;
use edge_common::{
    abi::fib::RouteValue,
    fib::{Lines as _, find, find_v6},
    host::fib::{HostFib, Route, intervals},
};
use proptest::prelude::*;

use super::World;
use crate::{
    lab::root_or_skip,
    routing::feed::{
        build::{RouteTarget, TargetHop, routes_v4, routes_v6},
        routes::{KernelRoute, RouteHop, RouteKind},
    },
};

fn route(destination: &str, metric: u32, kind: RouteKind, hops: Vec<RouteHop>) -> KernelRoute {
    let (address, len) = destination.split_once('/').expect("a prefix");
    KernelRoute {
        destination: address.parse().expect("an address"),
        prefix_len: len.parse().expect("a length"),
        metric,
        protocol: 12,
        kind,
        hops,
        next_hop_object: None,
        preferred_source: None,
    }
}

fn hop(ifindex: u32) -> RouteHop {
    RouteHop {
        ifindex,
        gateway: Some([192, 0, 2, 1].into()),
        weight: 1,
        is_dead: false,
        is_link_down: false,
        is_onlink: true,
    }
}

fn dead(ifindex: u32) -> RouteHop {
    RouteHop { is_dead: true, ..hop(ifindex) }
}

fn unicast(destination: &str, metric: u32, hops: Vec<RouteHop>) -> KernelRoute {
    route(destination, metric, RouteKind::Unicast, hops)
}

/// The index of a target is that of its first interface.
fn first_interface(target: &RouteTarget) -> Option<u32> {
    match target {
        RouteTarget::Hops(hops) => hops.first().map(|hop| hop.ifindex),
        RouteTarget::Blackhole => Some(1000),
        RouteTarget::Unreachable | RouteTarget::Prohibit => None,
    }
}

/// All hops are wanted.
fn any_hop(_: &RouteHop) -> bool {
    true
}

#[test]
fn hops_that_are_not_wanted_count_as_if_they_were_not_there() {
    let routes = [
        unicast("10.0.0.0/8", 5, vec![hop(1)]),
        unicast("10.0.0.0/8", 7, vec![hop(2), hop(3)]),
        unicast("11.0.0.0/8", 0, vec![hop(1)]),
        route("12.0.0.0/8", 0, RouteKind::Blackhole, vec![]),
    ];
    let built = routes_v4(&routes, |hop| hop.ifindex == 3, first_interface);
    let found: Vec<_> = built.routes.iter().map(|it| it.value.as_next_hop()).collect();
    assert_eq!(found, [Some(3), Some(1000)]);
}

fn values(routes: &[Route<u32>]) -> Vec<(u32, u32, Option<u32>)> {
    routes.iter().map(|it| (it.first, it.last, it.value.as_next_hop())).collect()
}

#[test]
fn the_lowest_metric_with_a_live_hop_counts() {
    let routes = [
        unicast("10.0.0.0/8", 5, vec![dead(1)]),
        unicast("10.0.0.0/8", 7, vec![hop(2)]),
        unicast("10.0.0.0/8", 6, vec![hop(3)]),
        unicast("10.0.0.0/8", 6, vec![hop(4)]),
        unicast("10.1.0.0/16", 0, vec![dead(5), dead(6)]),
        unicast("10.2.0.0/16", 0, vec![dead(5), hop(6)]),
    ];
    let built = routes_v4(&routes, any_hop, first_interface);
    assert_eq!(
        values(&built.routes),
        [(0x0A00_0000, 0x0AFF_FFFF, Some(3)), (0x0A02_0000, 0x0A02_FFFF, Some(6))],
        "10.1.0.0/16 is left to 10.0.0.0/8"
    );
    assert!(built.unknown.is_empty());
}

#[test]
fn a_route_that_leads_nowhere_hides_shorter_ones() {
    let routes = [
        unicast("0.0.0.0/0", 0, vec![hop(1)]),
        route("10.0.0.0/8", 0, RouteKind::Blackhole, vec![]),
        route("11.0.0.0/8", 0, RouteKind::Unreachable, vec![]),
        route("12.0.0.0/8", 0, RouteKind::Other(9), vec![]),
        unicast("13.0.0.0/8", 0, vec![]),
        route("14.0.0.0/8", 0, RouteKind::Prohibit, vec![]),
    ];
    let built = routes_v4(&routes, any_hop, first_interface);
    let found: Vec<_> = built.routes.iter().map(|it| it.value.as_next_hop()).collect();
    assert_eq!(found, [Some(1), Some(1000), None, None, None, None]);
    let unknown = [RouteTarget::Unreachable, RouteTarget::Prohibit];
    assert_eq!(built.unknown, unknown.into());
}

#[test]
fn a_next_hop_that_the_caller_lacks_is_told() {
    let routes = [unicast("10.0.0.0/8", 0, vec![hop(1)]), unicast("11.0.0.0/8", 0, vec![hop(2)])];
    // The second has no room in a value.
    let built = routes_v4(&routes, any_hop, |target| match first_interface(target) {
        Some(1) => None,
        _ => Some(1 << 20),
    });
    assert!(built.routes.iter().all(|route| route.value == RouteValue::NONE));
    assert_eq!(built.unknown.len(), 2);
}

#[test]
fn equal_ways_have_equal_targets() {
    let seen = |hops: Vec<RouteHop>| {
        let mut seen = Vec::new();
        routes_v4(&[unicast("10.0.0.0/8", 0, hops)], any_hop, |target| {
            seen.push(target.clone());
            None
        });
        seen.pop().expect("a target")
    };
    assert_eq!(seen(vec![hop(1), dead(9), hop(2)]), seen(vec![hop(2), hop(1)]));
    let target = |ifindex, weight| TargetHop { ifindex, gateway: hop(1).gateway, weight };
    let weighed = vec![RouteHop { weight: 3, ..hop(1) }, hop(2), hop(1)];
    assert_eq!(seen(weighed), RouteTarget::Hops(vec![target(1, 4), target(2, 1)]));
}

#[test]
fn all_lengths_have_their_first_and_last_address() {
    let lengths: Vec<_> =
        (0..=32).map(|len| unicast(&format!("0.0.0.0/{len}"), 0, vec![hop(1)])).collect();
    let built = routes_v4(&lengths, any_hop, first_interface);
    for (route, len) in built.routes.iter().rev().zip(0..) {
        let size = 1u64 << (32 - len);
        assert_eq!((u64::from(route.first), u64::from(route.last)), (0, size - 1), "{len}");
    }
    let one = routes_v6(&[unicast("2001:db8::1/128", 0, vec![hop(1)])], any_hop, first_interface);
    assert_eq!(one.routes[0].first, one.routes[0].last);
    let all = routes_v6(&[unicast("::/0", 0, vec![hop(1)])], any_hop, first_interface);
    assert_eq!((all.routes[0].first, all.routes[0].last), (0, u128::MAX));
    assert!(
        routes_v4(&[unicast("::/0", 0, vec![hop(1)])], any_hop, first_interface).routes.is_empty()
    );
}

/// The tree's answers, for any routes, are those of the longest match among the routes themselves.
fn compare(routes: &[KernelRoute], addresses: &[IpAddr]) -> std::result::Result<(), TestCaseError> {
    let mut fib = HostFib::default();
    let v4 = routes_v4(routes, any_hop, first_interface);
    let v4 = fib.add(&intervals(&v4.routes)).expect("room");
    let v6 = fib.add_v6(&routes_v6(routes, any_hop, first_interface).routes).expect("room");
    for address in addresses {
        let found = match address {
            IpAddr::V4(address) => find(&fib, fib.tree(v4).expect("a tree"), address.to_bits()),
            IpAddr::V6(address) => {
                let bits = address.to_bits();
                let half =
                    |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).expect("64 bits");
                let halves = [half(bits >> 64), half(bits)];
                find_v6(&fib, fib.tree(v6).expect("a tree"), halves)
            }
        };
        let found = found.expect("whole trees").as_next_hop();
        prop_assert_eq!(found, longest_match(routes, *address), "{} in {:?}", address, routes);
    }
    Ok(())
}

fn longest_match(routes: &[KernelRoute], address: IpAddr) -> Option<u32> {
    let bits = |address: IpAddr| match address {
        IpAddr::V4(address) => (u128::from(address.to_bits()), 32u8),
        IpAddr::V6(address) => (address.to_bits(), 128),
    };
    let matches = |route: &&KernelRoute| {
        let ((a, width), (b, other_width)) = (bits(address), bits(route.destination));
        let shift = u32::from(width - route.prefix_len.min(width));
        let is_same = a.checked_shr(shift).unwrap_or(0) == b.checked_shr(shift).unwrap_or(0);
        width == other_width && is_same && route.hops.iter().any(|hop| !hop.is_dead)
    };
    // Of equal ones, the first.
    let best =
        routes.iter().filter(matches).min_by_key(|it| (u8::MAX - it.prefix_len, it.metric))?;
    best.hops.iter().filter(|hop| !hop.is_dead).map(|hop| hop.ifindex).min()
}

fn any_route() -> impl Strategy<Value = KernelRoute> {
    let v4 = (0u32..64, 0u8..=32).prop_map(|(bits, len)| {
        let address = (bits << 26) | bits;
        let host = u32::MAX.checked_shr(len.into()).unwrap_or(0);
        (IpAddr::V4((address & !host).into()), len)
    });
    let v6 = (0u128..64, 0u8..=128).prop_map(|(bits, len)| {
        let address = (bits << 122) | (bits << 61) | bits;
        let host = u128::MAX.checked_shr(len.into()).unwrap_or(0);
        (IpAddr::V6((address & !host).into()), len)
    });
    let hops = proptest::collection::vec((1u32..9, any::<bool>()), 1..4);
    (prop_oneof![v4, v6], 0u32..3, hops).prop_map(|((destination, prefix_len), metric, hops)| {
        KernelRoute {
            hops: hops.into_iter().map(|(it, is_dead)| RouteHop { is_dead, ..hop(it) }).collect(),
            ..route(&format!("{destination}/{prefix_len}"), metric, RouteKind::Unicast, vec![])
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn a_tree_answers_as_its_routes_do(routes in proptest::collection::vec(any_route(), 0..40)) {
        let mut addresses: Vec<IpAddr> = vec![[0; 4].into(), [255; 4].into(), [0u16; 8].into()];
        for route in &routes {
            addresses.push(route.destination);
            addresses.push(match route.destination {
                IpAddr::V4(it) => IpAddr::V4(it.to_bits().wrapping_sub(1).into()),
                IpAddr::V6(it) => IpAddr::V6(it.to_bits().wrapping_sub(1).into()),
            });
        }
        compare(&routes, &addresses)?;
    }
}

#[test]
fn a_table_of_the_kernels_becomes_a_tree() -> Result<()> {
    if !root_or_skip("a_table_of_the_kernels_becomes_a_tree") {
        return Ok(());
    }
    let world = World::new()?;
    world.ip("route add 10.0.0.0/8 via 10.0.0.2 table 1000
         route add 10.1.0.0/16 table 1000 nexthop via 10.0.0.3 nexthop via 10.0.1.3
         route add blackhole 10.1.2.0/24 table 1000
         -6 route add default via fe80::9 dev w0 table 1000
         -6 route add 2001:db8::1/128 via fd00::2 table 1000")?;
    let dump = world.dump()?;
    let mut targets = BTreeMap::new();
    let mut index = |target: &RouteTarget| {
        let next = u32::try_from(targets.len()).ok()?;
        Some(*targets.entry(target.clone()).or_insert(next))
    };
    let mut fib = HostFib::default();
    let v4 = fib.add(&intervals(&routes_v4(&dump.v4, any_hop, &mut index).routes)).expect("room");
    let v6 = fib.add_v6(&routes_v6(&dump.v6, any_hop, &mut index).routes).expect("room");
    let (v, w) = (world.ifindex("v0")?, world.ifindex("w0")?);
    let ways = |value: Option<RouteValue>| -> Option<Vec<u32>> {
        let index = value?.as_next_hop()?;
        let (target, _) = targets.iter().find(|(_, found)| **found == index)?;
        match target {
            RouteTarget::Hops(hops) => Some(hops.iter().map(|hop| hop.ifindex).collect()),
            RouteTarget::Blackhole | RouteTarget::Unreachable | RouteTarget::Prohibit => {
                Some(Vec::new())
            }
        }
    };
    let to = |address: u32| ways(find(&fib, fib.tree(v4).expect("a tree"), address));
    assert_eq!(to(0x0A02_0000), Some(vec![v]));
    assert_eq!(to(0x0A01_0001), Some(vec![v, w]));
    assert_eq!(to(0x0A01_0203), Some(vec![]));
    assert_eq!(to(0x0B00_0000), None);
    let to = |halves| ways(find_v6(&fib, fib.tree(v6).expect("a tree"), halves));
    assert_eq!(to([0x2001_0DB8_0000_0000, 1]), Some(vec![v]));
    assert_eq!(to([0x2001_0DB8_0000_0000, 2]), Some(vec![w]));
    Ok(())
}
