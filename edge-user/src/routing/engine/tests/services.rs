//! The service network, which customers of several domains share.

use std::collections::BTreeMap;

use anyhow::Result;
use ipnet::IpNet;

use super::{
    Found, TABLE, customer, domain, in_a_world, may_send, network, plan, to, until_read, wait_for,
    way,
};
use crate::routing::{
    engine::{
        domain_tables::DomainTables,
        listed::list,
        plan::{EngineInterface, RouterDomain, ServiceCustomer, ServicePart, SourceRule},
    },
    feed::tables::TableDump,
};

/// The interface of the service network.
const SERVICES: u32 = 9;

fn nets(texts: &[&str]) -> Vec<IpNet> {
    texts.iter().map(|text| text.parse().expect("a prefix")).collect()
}

/// A customer with interface `number + 1`, who may send from its registered prefixes and reaches some of the services.
fn served(number: u32, registered: &[&str], reached: &[&str]) -> RouterDomain {
    let services = ServicePart::Reaches { interface: SERVICES, prefixes: nets(reached) };
    RouterDomain {
        name: format!("circuit{number}/microsoft"),
        interfaces: vec![customer(number + 1)],
        sources: SourceRule::Prefixes(nets(registered)),
        services,
        ..domain(number)
    }
}

/// The network's domain, with these customers.
fn services(customers: &[(u32, &[&str])]) -> RouterDomain {
    let customers = customers.iter().map(|(number, registered)| ServiceCustomer {
        table: TABLE + number,
        registered: nets(registered),
    });
    RouterDomain {
        name: "services".to_owned(),
        table: TABLE + 8,
        interfaces: vec![EngineInterface {
            static_routes: nets(&["20.33.0.0/16", "20.34.0.0/16"]),
            ..network(SERVICES)
        }],
        sources: SourceRule::Any,
        services: ServicePart::Shared(customers.collect()),
        ..domain(8)
    }
}

#[test]
fn a_customer_reaches_its_services_and_they_reach_each_customer() -> Result<()> {
    in_a_world("a_customer_reaches_its_services_and_they_reach_each_customer", |world| {
        let engine = world.engine(20)?;
        let (one, other) = (["203.0.113.0/25"], ["203.0.113.128/25"]);
        engine.follow(plan([
            served(0, &one, &["20.33.0.0/16"]),
            served(1, &other, &["20.33.0.0/16", "20.34.0.0/16"]),
            services(&[(0, &one), (1, &other)]),
        ]))?;
        until_read(&engine, TABLE + 8)?;
        assert_eq!(way(&engine, SERVICES, "203.0.113.1"), Found::NoRoute, "nothing is announced");
        world.batch(
            "route add 203.0.113.0/25 via 192.168.15.17 dev r1 onlink table 1000
             route add 203.0.113.192/26 via 192.168.15.17 dev r1 onlink table 1000
             route add 10.9.0.0/16 via 192.168.15.17 dev r1 onlink table 1000
             route add 203.0.113.128/26 via 192.168.15.17 dev r2 onlink table 1001\n",
        )?;
        wait_for("the routes of both customers", || {
            Ok(way(&engine, SERVICES, "203.0.113.1") == to(2)
                && way(&engine, SERVICES, "203.0.113.129") == to(4))
        })?;
        // Routes of a customer beyond its registered prefixes stay in its own domain.
        assert_eq!(way(&engine, SERVICES, "203.0.113.193"), Found::NoRoute);
        assert_eq!(way(&engine, SERVICES, "10.9.0.1"), Found::NoRoute);
        assert_eq!(way(&engine, SERVICES, "192.168.15.17"), Found::NoRoute, "a link's end");
        assert_eq!(way(&engine, SERVICES, "10.255.0.5"), Found::Own);
        for (index, reaches_both) in [(1, false), (2, true)] {
            assert_eq!(way(&engine, index, "20.33.0.1"), to(2 * SERVICES));
            let second = if reaches_both { to(2 * SERVICES) } else { Found::NoRoute };
            assert_eq!(way(&engine, index, "20.34.0.1"), second);
            // No way from customer to customer.
            assert_eq!(way(&engine, index, "203.0.113.1"), Found::NoRoute);
            assert_eq!(way(&engine, index, "203.0.113.129"), Found::NoRoute);
        }
        assert!(may_send(&engine, 1, "203.0.113.1") && !may_send(&engine, 1, "203.0.113.129"));
        assert!(may_send(&engine, SERVICES, "20.34.0.1"));
        assert!(!may_send(&engine, SERVICES, "20.35.0.1"));
        // A withdrawn route leaves the network's table, too; and another filter is another way.
        world.ip("route del 203.0.113.0/25 table 1000")?;
        wait_for("the withdrawal", || Ok(way(&engine, SERVICES, "203.0.113.1") == Found::NoRoute))?;
        engine.follow(plan([
            served(0, &one, &[]),
            served(1, &other, &["20.34.0.0/16"]),
            services(&[(0, &one), (1, &other)]),
        ]))?;
        wait_for("the other filters", || {
            Ok(way(&engine, 1, "20.33.0.1") == Found::NoRoute
                && way(&engine, 2, "20.33.0.1") == Found::NoRoute)
        })?;
        assert_eq!(way(&engine, 2, "20.34.0.1"), to(2 * SERVICES));
        assert_eq!(way(&engine, SERVICES, "203.0.113.129"), to(4));
        Ok(())
    })
}

#[test]
fn a_route_is_shared_within_the_registered_prefixes_alone() {
    let mut own = served(0, &[], &[]);
    let registered = ["203.0.113.0/24", "192.168.15.16/30"];
    own.interfaces[0].static_routes = nets(&[
        "203.0.113.0/25",
        "203.0.113.7/32",
        "203.0.112.0/23",
        "198.51.100.0/24",
        "192.168.15.16/30",
    ]);
    own.interfaces[0].v6 = None;
    let (devices, dump) = (BTreeMap::new(), TableDump::default());
    let tables = DomainTables::new(&own, &devices, &dump);
    let shared = services(&[(0, &registered)]);
    let ServicePart::Shared(customers) = &shared.services else { panic!("shared") };
    let mut services = DomainTables::new(&shared, &devices, &dump);
    services.share(&customers[0], &own, &tables);
    services.end_sharing();
    assert_eq!(services.customer.counts.v4, 3);
    let listed = list(&services);
    let towards_customer =
        listed.iter().filter(|route| !route.prefix.to_string().starts_with("20."));
    let mut prefixes: Vec<String> =
        towards_customer.map(|route| route.prefix.to_string()).collect();
    prefixes.sort();
    prefixes.dedup();
    // The own and the neighbour's address of the link to the network are there in any case.
    assert_eq!(
        prefixes,
        ["10.255.0.5/32", "10.255.0.6/32", "192.168.15.16/30", "203.0.113.0/25", "203.0.113.7/32"]
    );
}
