//! Routes of the kernel's tables become forwarding tables.

use std::{fmt::Write as _, time::Instant};

use anyhow::{Context as _, Result, ensure};

use super::{
    Found, TABLE, apart, customer, domain, in_a_world, may_send, network, plan, to, until_read,
    wait_for, way,
};
use crate::routing::{
    bird::model::DomainSide,
    engine::{
        RouteFate, RouteWay,
        plan::{RouterDomain, SourceRule},
    },
    store::TableLimits,
};

/// A domain with two links of each side: 1 and 2 of the customer, 3 and 4 of networks.
fn wide() -> RouterDomain {
    let mut second = customer(2);
    second.v4 = second.v4.map(|mut ends| {
        (ends.own, ends.peer) = ([192, 168, 15, 22].into(), [192, 168, 15, 21].into());
        ends
    });
    second.v6 = None;
    let mut other = network(4);
    other.v4 = other.v4.map(|mut ends| {
        (ends.own, ends.peer) = ([10, 255, 0, 9].into(), [10, 255, 0, 10].into());
        ends
    });
    other.static_routes = vec!["172.16.0.0/16".parse().expect("a prefix")];
    RouterDomain { interfaces: vec![customer(1), second, network(3), other], ..domain(0) }
}

#[test]
fn routes_lead_from_one_side_to_the_other() -> Result<()> {
    in_a_world("routes_lead_from_one_side_to_the_other", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([wide()]))?;
        until_read(&engine, TABLE)?;
        world.batch(
            "route add 10.1.0.0/16 via 192.168.15.17 dev r1 onlink table 1000
             route add 10.2.0.0/16 table 1000 nexthop via 192.168.15.17 dev r1 onlink nexthop via 192.168.15.21 dev r2 onlink
             route add 10.2.3.0/24 via 192.168.15.21 dev r2 onlink table 1000
             route add 10.3.0.0/16 via 10.255.0.6 dev r3 onlink table 1000
             route add blackhole 10.3.9.0/24 table 1000
             route add 10.4.0.0/16 via 192.168.15.99 dev r1 onlink table 1000
             route add 2001:db8:1::/48 via 2001:db8::1 dev r1 onlink table 1000
             route add 2001:db8:2::/48 via fe80::1 dev r1 onlink table 1000\n",
        )?;
        wait_for("all routes", || {
            Ok(way(&engine, 3, "2001:db8:2::1") == Found::NoRoute
                && way(&engine, 3, "10.2.3.4") == to(4)
                && engine
                    .routes(TABLE)
                    .context("routes")?
                    .iter()
                    .any(|it| it.prefix.to_string() == "2001:db8:2::/48"))
        })?;
        let state = until_read(&engine, TABLE)?;
        // From the cloud's side, all is towards the customer.
        for index in [3, 4] {
            assert_eq!(way(&engine, index, "10.1.2.3"), to(2));
            assert_eq!(way(&engine, index, "10.2.2.3"), Found::NextHops(vec![2, 4]));
            assert_eq!(way(&engine, index, "10.2.3.4"), to(4));
            assert_eq!(way(&engine, index, "10.3.0.1"), Found::NoRoute, "no transit");
            assert_eq!(way(&engine, index, "172.16.0.1"), Found::NoRoute);
            assert_eq!(way(&engine, index, "10.4.0.1"), Found::NoRoute, "it has no such neighbour");
            assert_eq!(way(&engine, index, "192.168.15.17"), to(2));
            assert_eq!(way(&engine, index, "192.168.15.18"), Found::Own);
            assert_eq!(way(&engine, index, "10.255.0.5"), Found::Own);
        }
        for index in [1, 2] {
            assert_eq!(way(&engine, index, "10.1.2.3"), Found::NoRoute, "no transit");
            assert_eq!(way(&engine, index, "10.3.0.1"), to(6));
            assert_eq!(way(&engine, index, "10.3.9.1"), Found::Blackhole);
            assert_eq!(way(&engine, index, "172.16.0.1"), to(8));
            assert_eq!(way(&engine, index, "10.255.0.10"), to(8));
            assert_eq!(way(&engine, index, "192.168.15.22"), Found::Own);
            assert!(may_send(&engine, index, "10.1.2.3") && may_send(&engine, index, "10.2.3.4"));
            assert!(!may_send(&engine, index, "10.3.0.1") && !may_send(&engine, index, "10.9.0.1"));
        }
        // A network sends from its own routes alone.
        assert!(may_send(&engine, 3, "10.3.0.1") && !may_send(&engine, 3, "172.16.0.1"));
        assert!(may_send(&engine, 4, "172.16.0.1") && !may_send(&engine, 4, "10.3.0.1"));
        assert_eq!(way(&engine, 1, "2001:db8:1::1"), Found::NoRoute);
        assert!(may_send(&engine, 1, "2001:db8:1::1") && may_send(&engine, 1, "2001:db8:2::1"));
        assert_eq!((state.customer.v4, state.customer.v6), (5, 2), "{state:?}");
        assert_eq!((state.cloud.v4, state.foreign), (3, 1), "{state:?}");
        Ok(())
    })
}

#[test]
fn source_rules_are_kept() -> Result<()> {
    in_a_world("source_rules_are_kept", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([RouterDomain { sources: SourceRule::Link, ..wide() }]))?;
        world.batch(
            "route add 10.1.0.0/16 via 192.168.15.17 dev r1 onlink table 1000
             route add 10.2.0.0/16 via 192.168.15.21 dev r2 onlink table 1000\n",
        )?;
        wait_for("routes", || Ok(may_send(&engine, 2, "10.2.0.1")))?;
        assert!(may_send(&engine, 1, "10.1.0.1") && may_send(&engine, 1, "192.168.15.17"));
        assert!(!may_send(&engine, 1, "10.2.0.1") && !may_send(&engine, 2, "10.1.0.1"));
        let prefixes = vec!["10.1.2.0/24".parse()?, "2001:db8:7::/48".parse()?];
        engine
            .follow(plan([RouterDomain { sources: SourceRule::Prefixes(prefixes), ..wide() }]))?;
        wait_for("the other rule", || Ok(may_send(&engine, 2, "10.1.2.1")))?;
        for index in [1, 2] {
            assert!(may_send(&engine, index, "10.1.2.1"));
            assert!(!may_send(&engine, index, "10.1.3.1") && !may_send(&engine, index, "10.2.0.1"));
        }
        assert!(may_send(&engine, 1, "2001:db8:7::1") && !may_send(&engine, 1, "2001:db8:8::1"));
        assert_eq!(way(&engine, 3, "10.2.0.1"), to(4), "routes are as before");
        Ok(())
    })
}

#[test]
fn routes_beyond_a_limit_change_nothing() -> Result<()> {
    in_a_world("routes_beyond_a_limit_change_nothing", |world| {
        let mut limited = domain(0);
        limited.limits.customer = TableLimits { v4: 2, v6: 0 };
        let engine = world.engine(10)?;
        engine.follow(plan([limited]))?;
        let add = |number: u32| {
            world.ip(&format!(
                "route add 10.{number}.0.0/16 via 192.168.15.17 dev r1 onlink table 1000"
            ))
        };
        add(1)?;
        add(2)?;
        wait_for("two routes", || Ok(way(&engine, 2, "10.2.0.1") == to(2)))?;
        add(3)?;
        wait_for("the limit", || Ok(engine.state().domains[&TABLE].error.is_some()))?;
        let state = engine.state().domains[&TABLE].clone();
        let error = state.error.context("an error")?;
        ensure!(
            error.contains("has 3 IPv4 routes towards its customer, and its limit is 2"),
            "{error}"
        );
        assert!(state.dirty_since.is_some() && state.customer.v4 == 2);
        assert_eq!(way(&engine, 2, "10.2.0.1"), to(2));
        assert_eq!(way(&engine, 2, "10.3.0.1"), Found::NoRoute);
        world.ip("route del 10.1.0.0/16 table 1000")?;
        wait_for("two routes again", || Ok(way(&engine, 2, "10.3.0.1") == to(2)))?;
        let state = until_read(&engine, TABLE)?;
        assert_eq!(state.error, None);
        assert_eq!(way(&engine, 2, "10.1.0.1"), Found::NoRoute);
        Ok(())
    })
}

#[test]
fn two_hundred_domains_have_the_same_addresses() -> Result<()> {
    const DOMAINS: u32 = 200;
    in_a_world("two_hundred_domains_have_the_same_addresses", |world| {
        let engine = world.engine(2 * DOMAINS + 2)?;
        engine.follow(plan((0..DOMAINS).map(domain)))?;
        let mut commands = String::new();
        for number in 0..DOMAINS {
            let (table, link, network) = (TABLE + number, 2 * number + 1, 2 * number + 2);
            // One prefix that all have, and one that only every other one has.
            writeln!(
                commands,
                "route add 10.0.0.0/8 via 192.168.15.17 dev r{link} onlink table {table}"
            )?;
            if number % 2 == 0 {
                writeln!(
                    commands,
                    "route add 172.16.0.0/12 via 10.255.0.6 dev r{network} onlink table {table}"
                )?;
            }
        }
        world.batch(&commands)?;
        for number in 0..DOMAINS {
            let (link, network) = (2 * number + 1, 2 * number + 2);
            wait_for(
                "a domain's routes",
                || Ok(way(&engine, network, "10.1.2.3") == to(2 * link)),
            )?;
            let expected = if number % 2 == 0 { to(2 * network) } else { Found::NoRoute };
            wait_for("a domain's networks", || Ok(way(&engine, link, "172.16.0.1") == expected))?;
            assert_eq!(way(&engine, link, "10.1.2.3"), Found::NoRoute);
        }
        wait_for("all neighbours", || {
            let state = engine.state();
            Ok(state.interfaces.len() == 400
                && state.interfaces.values().all(|it| it.neighbour_v4.is_some()))
        })?;
        // One of them changes, and no other.
        let before = engine.state().domains;
        world.ip("route del 10.0.0.0/8 table 1007")?;
        wait_for("the change", || Ok(way(&engine, 16, "10.1.2.3") == Found::NoRoute))?;
        until_read(&engine, TABLE + 7)?;
        for (table, state) in engine.state().domains {
            let is_it = table == TABLE + 7;
            assert_eq!(state.generation == before[&table].generation, !is_it, "{table}");
        }
        Ok(())
    })
}

/// The figure is for a report; it is not judged.
#[test]
fn four_thousand_routes_follow_a_change() -> Result<()> {
    in_a_world("four_thousand_routes_follow_a_change", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0)]))?;
        world.batch(&apart(4_000, 20, TABLE, 1))?;
        wait_for("4,000 routes", || Ok(engine.state().domains[&TABLE].customer.v4 == 4_000))?;
        for number in 0..5 {
            until_read(&engine, TABLE)?;
            // Calm again.
            std::thread::sleep(std::time::Duration::from_millis(1_100));
            let address = format!("30.{number}.0.1");
            world.ip(&format!(
                "route add 30.{number}.0.0/16 via 192.168.15.17 dev r1 onlink table 1000"
            ))?;
            let began = Instant::now();
            while way(&engine, 2, &address) == Found::NoRoute {
                ensure!(began.elapsed() < super::PATIENCE, "the route never comes");
                std::thread::yield_now();
            }
            println!(
                "route added until it is seen, from the return of ip on: {:?}",
                began.elapsed()
            );
        }
        // They are listed a moment after they are forwarded by.
        wait_for("the last route's listing", || {
            Ok(engine.routes(TABLE).context("routes")?.len() == 4_010 + 4)
        })?;
        let routes = engine.routes(TABLE).context("routes")?;
        let listed = routes.iter().filter(|it| it.side == DomainSide::Customer).count();
        assert_eq!(
            listed,
            4_005 + 1 + 1 + 3,
            "routes, neighbours, and own addresses of both sides"
        );
        let hops = RouteFate::Way(RouteWay::NextHops(vec![2]));
        assert_eq!(routes.iter().filter(|it| it.fate == hops).count(), 4_005 + 1);
        assert_eq!(engine.kernel_routes(TABLE)?.v4.len(), 4_005);
        Ok(())
    })
}

#[test]
fn a_table_that_flaps_ends_as_the_kernels() -> Result<()> {
    in_a_world("a_table_that_flaps_ends_as_the_kernels", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0), domain(1)]))?;
        world.ip("route add 10.1.0.0/16 via 192.168.15.17 dev r3 onlink table 1001")?;
        let mut commands = String::new();
        for _ in 0..2_000 {
            commands.push_str(
                "route add 10.1.0.0/16 via 192.168.15.17 dev r1 onlink table 1000
                 route replace 10.2.0.0/16 via 192.168.15.17 dev r1 onlink table 1000
                 route del 10.1.0.0/16 table 1000
                 route del 10.2.0.0/16 table 1000\n",
            );
        }
        commands.push_str("route add 10.2.0.0/16 via 192.168.15.17 dev r1 onlink table 1000\n");
        world.batch(&commands)?;
        wait_for("the end", || Ok(way(&engine, 2, "10.2.0.1") == to(2)))?;
        until_read(&engine, TABLE)?;
        assert_eq!(way(&engine, 2, "10.2.0.1"), to(2));
        assert_eq!(way(&engine, 2, "10.1.0.1"), Found::NoRoute);
        assert_eq!(way(&engine, 4, "10.1.0.1"), to(6), "the other domain");
        // Far fewer than there were changes.
        assert!(engine.state().domains[&TABLE].generation < 1_000);
        Ok(())
    })
}
