//! Neighbours and links, as words of the tables.

use anyhow::{Result, ensure};
use edge_common::abi::routing::{LINK_UP, Mac};

use super::{Found, TABLE, domain, in_a_world, plan, set, to, until_read, wait_for, way};
use crate::routing::engine::{plan::RouterDomain, tables::RouterTables as _};

#[test]
fn a_neighbours_address_is_followed() -> Result<()> {
    in_a_world("a_neighbours_address_is_followed", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0)]))?;
        let port = Mac::new(engine.port().mac);
        let word = |next_hop| Mac::from_bits(engine.tables().neighbour(next_hop));
        wait_for("both neighbours", || Ok(word(2) == port && word(4) == port))?;
        assert_eq!(engine.state().interfaces[&1].neighbour_v4, Some(port));
        // No one answers for IPv6 but an operator.
        assert_eq!(word(3), Mac::NONE);
        world.ip("neigh replace 2001:db8::1 lladdr 02:00:00:00:00:66 dev r1 nud permanent")?;
        let fixed = Mac::new([2, 0, 0, 0, 0, 0x66]);
        wait_for("a neighbour of IPv6", || Ok(word(3) == fixed))?;
        world.ip("neigh replace 192.168.15.17 lladdr 02:00:00:00:00:67 dev r1 nud permanent")?;
        let other = Mac::new([2, 0, 0, 0, 0, 0x67]);
        wait_for("another address", || Ok(word(2) == other))?;
        // Lost: it goes at once, and the kernel is asked again.
        world.run("ip link set pe arp off")?;
        world.ip("neigh del 192.168.15.17 dev r1")?;
        wait_for("its loss", || Ok(word(2) == Mac::NONE))?;
        wait_for("its loss in the state", || {
            Ok(engine.state().interfaces[&1].neighbour_v4.is_none())
        })?;
        world.run("ip link set pe arp on")?;
        wait_for("its return", || Ok(word(2) == port))?;
        Ok(())
    })
}

#[test]
fn a_link_is_down_at_once_and_its_routes_follow() -> Result<()> {
    in_a_world("a_link_is_down_at_once_and_its_routes_follow", |world| {
        let engine = world.engine(10)?;
        engine.set_carrier(&set([1]), false)?;
        engine.follow(plan([domain(0)]))?;
        assert_ne!(engine.tables().link(1), LINK_UP, "it was down before");
        engine.set_carrier(&set([1]), true)?;
        assert_eq!(engine.tables().link(1), LINK_UP);
        wait_for("a carrier", || Ok(world.ip("-o link show r1")?.contains("LOWER_UP")))?;
        world.ip("route add 10.1.0.0/16 via 192.168.15.17 dev r1 onlink table 1000")?;
        wait_for("a route", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        engine.set_carrier(&set([1]), false)?;
        // Before any thread has done anything.
        assert_ne!(engine.tables().link(1), LINK_UP);
        assert_eq!(engine.tables().link(2), LINK_UP);
        wait_for("a device without carrier", || {
            Ok(!world.ip("-o link show r1")?.contains("LOWER_UP"))
        })?;
        wait_for("the state", || Ok(!engine.state().interfaces[&1].is_up))?;
        engine.set_carrier(&set([1]), true)?;
        wait_for("the state", || Ok(engine.state().interfaces[&1].is_up))?;
        wait_for("the neighbour", || Ok(engine.state().interfaces[&1].neighbour_v4.is_some()))?;
        until_read(&engine, TABLE)?;
        assert_eq!(way(&engine, 2, "10.1.0.1"), to(2));
        Ok(())
    })
}

#[test]
fn a_disabled_interface_has_nothing() -> Result<()> {
    in_a_world("a_disabled_interface_has_nothing", |world| {
        let engine = world.engine(10)?;
        let with = |is_up| -> RouterDomain {
            let mut domain = domain(0);
            domain.interfaces[1].static_routes = vec!["10.9.0.0/16".parse().expect("a prefix")];
            domain.interfaces[1].is_up = is_up;
            domain
        };
        engine.follow(plan([with(true)]))?;
        wait_for("a static route", || Ok(way(&engine, 1, "10.9.0.1") == to(4)))?;
        wait_for("its neighbour", || Ok(engine.tables().neighbour(4) != 0))?;
        engine.follow(plan([with(false)]))?;
        assert_ne!(engine.tables().link(2), LINK_UP);
        assert_eq!(engine.tables().neighbour(4), 0);
        wait_for("no route", || Ok(way(&engine, 1, "10.9.0.1") == Found::NoRoute))?;
        assert_eq!(way(&engine, 2, "192.168.15.17"), Found::NoRoute);
        assert_eq!(way(&engine, 1, "10.255.0.5"), Found::NoRoute);
        engine.follow(plan([with(true)]))?;
        wait_for("the route again", || Ok(way(&engine, 1, "10.9.0.1") == to(4)))?;
        ensure!(engine.state().error.is_none());
        Ok(())
    })
}
