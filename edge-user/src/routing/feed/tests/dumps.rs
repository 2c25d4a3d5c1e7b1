//! Dumps of tables that stand still.

use anyhow::{Context as _, Result};

use super::{TABLE, World, destinations, stable_v4, stable_v6};
use crate::{
    lab::root_or_skip,
    routing::feed::{
        namespace::Namespace,
        routes::{KernelRoute, RouteHop, RouteKind},
        tables::TableDump,
    },
};

fn route<'a>(routes: &'a [KernelRoute], destination: &str) -> Result<&'a KernelRoute> {
    routes
        .iter()
        .find(|route| route.destination.to_string() == destination)
        .with_context(|| format!("no route to {destination} among {routes:?}"))
}

fn hop(ifindex: u32, gateway: &str, weight: u32) -> RouteHop {
    RouteHop {
        ifindex,
        gateway: gateway.parse().ok(),
        weight,
        is_dead: false,
        is_link_down: false,
        is_onlink: false,
    }
}

#[test]
fn routes_are_read_with_all_that_they_say() -> Result<()> {
    if !root_or_skip("routes_are_read_with_all_that_they_say") {
        return Ok(());
    }
    let world = World::new()?;
    world.ip(
        "route add 10.1.0.0/16 via 10.0.0.2 table 1000 proto bird metric 20
         route add 10.2.0.0/16 table 1000 nexthop via 10.0.0.3 weight 3 nexthop via 10.0.1.3 weight 256
         route add 10.3.0.0/16 via inet6 fd00::9 dev v0 table 1000
         route add 10.4.0.0/16 via 172.16.0.9 dev w0 onlink table 1000 src 10.0.1.1
         route add blackhole 10.5.0.0/16 table 1000
         route add unreachable 10.6.0.0/16 table 1000
         route add prohibit 10.7.0.0/16 table 1000
         route add throw 10.8.0.0/16 table 1000
         route add default dev v0 table 1000
         route add 10.9.0.0/16 dev v0 table 1000 tos 0x10
         route add 10.99.0.0/16 dev v0 table 1001
         route add 10.98.0.0/16 dev v0 table 100
         -6 route add 2001:db8:1::/48 via fd00::2 table 1000 metric 30
         -6 route add 2001:db8:2::/48 table 1000 nexthop via fd00::3 dev v0 weight 2 nexthop via fd01::3 dev w0
         -6 route add blackhole 2001:db8:3::/48 table 1000
         -6 route add default via fe80::9 dev w0 table 1000
         -6 route add 2001:db8:4::/48 from 2001:db8:5::/48 dev v0 table 1000
         -6 route add 2001:db8:99::/48 dev v0 table 1001",
    )?;
    let TableDump { v4, v6, is_moving } = world.dump()?;
    assert!(!is_moving);
    let (v, w) = (world.ifindex("v0")?, world.ifindex("w0")?);
    let first = route(&v4, "10.1.0.0")?;
    let expected = KernelRoute {
        destination: [10, 1, 0, 0].into(),
        prefix_len: 16,
        metric: 20,
        protocol: 12,
        kind: RouteKind::Unicast,
        hops: vec![hop(v, "10.0.0.2", 1)],
        next_hop_object: None,
        preferred_source: None,
    };
    assert_eq!(*first, expected);
    let both = [hop(v, "10.0.0.3", 3), hop(w, "10.0.1.3", 256)];
    assert_eq!(route(&v4, "10.2.0.0")?.hops, both);
    assert_eq!(route(&v4, "10.3.0.0")?.hops, [hop(v, "fd00::9", 1)]);
    let onlink = route(&v4, "10.4.0.0")?;
    assert_eq!(onlink.hops, [RouteHop { is_onlink: true, ..hop(w, "172.16.0.9", 1) }]);
    assert_eq!(onlink.preferred_source, Some([10, 0, 1, 1].into()));
    for (destination, kind) in [
        ("10.5.0.0", RouteKind::Blackhole),
        ("10.6.0.0", RouteKind::Unreachable),
        ("10.7.0.0", RouteKind::Prohibit),
        ("10.8.0.0", RouteKind::Other(9)),
    ] {
        let route = route(&v4, destination)?;
        assert_eq!((route.kind, route.hops.len()), (kind, 0), "{destination}");
    }
    assert_eq!(route(&v4, "0.0.0.0")?.hops, [hop(v, "", 1)]);
    assert_eq!(v4.len(), 9, "{:?}", destinations(&v4));
    assert_eq!(route(&v6, "2001:db8:1::")?.hops, [hop(v, "fd00::2", 1)]);
    assert_eq!(route(&v6, "2001:db8:1::")?.metric, 30);
    let both = [hop(v, "fd00::3", 2), hop(w, "fd01::3", 1)];
    assert_eq!(route(&v6, "2001:db8:2::")?.hops, both);
    assert_eq!(route(&v6, "2001:db8:3::")?.kind, RouteKind::Blackhole);
    assert_eq!(route(&v6, "::")?.hops, [hop(w, "fe80::9", 1)]);
    assert_eq!(v6.len(), 4, "{:?}", destinations(&v6));
    Ok(())
}

#[test]
fn a_table_that_nobody_has_filled_is_empty() -> Result<()> {
    if !root_or_skip("a_table_that_nobody_has_filled_is_empty") {
        return Ok(());
    }
    let world = World::new()?;
    assert_eq!(world.dump()?, TableDump::default());
    world.ip("route add 10.1.0.0/16 dev v0 table 1000")?;
    let dump = world.dump()?;
    assert_eq!(
        (dump.v4.len(), dump.v6.len()),
        (1, 0),
        "one family may have a table, and not the other"
    );
    Ok(())
}

#[test]
fn a_large_table_is_read_whole() -> Result<()> {
    if !root_or_skip("a_large_table_is_read_whole") {
        return Ok(());
    }
    let world = World::new()?;
    world.fill(TABLE, 4000)?;
    world.fill(TABLE + 1, 10)?;
    let dump = world.dump()?;
    let v4: Vec<_> = dump.v4.iter().map(|route| route.destination).collect();
    let v6: Vec<_> = dump.v6.iter().map(|route| route.destination).collect();
    assert_eq!(v4, (0..4000).map(stable_v4).collect::<Vec<_>>());
    assert_eq!(v6, (0..4000).map(stable_v6).collect::<Vec<_>>());
    Ok(())
}

#[test]
fn other_programs_routes_can_be_left_out() -> Result<()> {
    if !root_or_skip("other_programs_routes_can_be_left_out") {
        return Ok(());
    }
    let world = World::new()?;
    world.ip("route add 10.1.0.0/16 dev v0 table 1000 proto bird
         route add 10.2.0.0/16 dev v0 table 1000 proto static
         route add 10.3.0.0/16 dev v0 table 1000 proto zebra
         -6 route add 2001:db8::/48 dev v0 table 1000 proto zebra")?;
    let mut dump = world.dump()?;
    dump.keep_protocols(&[12, 4]);
    assert_eq!(destinations(&dump.v4), ["10.1.0.0/16", "10.2.0.0/16"]);
    assert_eq!(destinations(&dump.v6), [""; 0]);
    Ok(())
}

/// By `net.ipv4.nexthop_compat_mode`, the kernel tells the hops of an object with each route, or not.
#[test]
fn next_hop_objects_are_resolved_with_the_kernels_help_and_without() -> Result<()> {
    if !root_or_skip("next_hop_objects_are_resolved_with_the_kernels_help_and_without") {
        return Ok(());
    }
    let world = World::new()?;
    world.ip("nexthop add id 1 via 10.0.0.2 dev v0
         nexthop add id 2 via 10.0.1.2 dev w0
         nexthop add id 3 group 1,5/2,6
         nexthop add id 4 blackhole
         nexthop add id 5 via fd00::2 dev v0
         nexthop add id 6 via fd01::2 dev w0
         nexthop add id 7 group 5,2/6
         route add 10.1.0.0/16 nhid 1 table 1000
         route add 10.2.0.0/16 nhid 3 table 1000
         route add 10.3.0.0/16 nhid 4 table 1000
         route add 10.4.0.0/16 nhid 5 table 1000
         -6 route add 2001:db8:1::/48 nhid 5 table 1000
         -6 route add 2001:db8:2::/48 nhid 7 table 1000")?;
    let (v, w) = (world.ifindex("v0")?, world.ifindex("w0")?);
    for mode in ["1", "0"] {
        world.ns.sysctl("net.ipv4.nexthop_compat_mode", mode)?;
        let dump = world.dump()?;
        assert_eq!(route(&dump.v4, "10.1.0.0")?.hops, [hop(v, "10.0.0.2", 1)], "{mode}");
        let both = [hop(v, "10.0.0.2", 5), hop(w, "10.0.1.2", 6)];
        assert_eq!(route(&dump.v4, "10.2.0.0")?.hops, both, "{mode}");
        assert_eq!(route(&dump.v4, "10.2.0.0")?.next_hop_object, Some(3));
        assert_eq!(route(&dump.v4, "10.3.0.0")?.kind, RouteKind::Blackhole, "{mode}");
        assert_eq!(route(&dump.v4, "10.4.0.0")?.hops, [hop(v, "fd00::2", 1)], "{mode}");
        assert_eq!(route(&dump.v6, "2001:db8:1::")?.hops, [hop(v, "fd00::2", 1)], "{mode}");
        let both = [hop(v, "fd00::2", 2), hop(w, "fd01::2", 1)];
        let found: Vec<_> =
            route(&dump.v6, "2001:db8:2::")?.hops.iter().map(|hop| hop.ifindex).collect();
        assert_eq!(found.len(), both.len(), "{mode}");
    }
    Ok(())
}

#[test]
fn sockets_stay_in_their_namespace_and_the_thread_in_its_own() -> Result<()> {
    if !root_or_skip("sockets_stay_in_their_namespace_and_the_thread_in_its_own") {
        return Ok(());
    }
    let own = || std::fs::read_link("/proc/thread-self/ns/net");
    let before = own()?;
    let (one, two) = (World::new()?, World::new()?);
    one.ip("route add 10.1.0.0/16 dev v0 table 1000")?;
    two.ip("route add 10.2.0.0/16 dev v0 table 1000")?;
    assert_eq!(destinations(&one.dump()?.v4), ["10.1.0.0/16"]);
    assert_eq!(destinations(&two.dump()?.v4), ["10.2.0.0/16"]);
    let inside = one.namespace.run(|| Ok(own()?))?;
    assert!(inside != before && own()? == before);
    let current = one.namespace.run(Namespace::current)?;
    assert_eq!(current.run(|| Ok(own()?))?, inside);
    Ok(())
}
