//! Other programs that remove what the engine has made.

use std::time::Duration;

use anyhow::{Context as _, Result};

use super::{
    EngineSettings, Found, TABLE, domain, in_a_world, plan, settings, tables, to, until_read,
    wait_for, way,
};
use crate::routing::{
    devices::NamespaceChange,
    engine::{events::EngineEvent, tables::RouterTables as _},
};

const ROUTE: &str = "route replace 10.1.0.0/16 via 192.168.15.17 dev r1 onlink table 1000";

#[test]
fn forwarding_outlives_the_namespace() -> Result<()> {
    in_a_world("forwarding_outlives_the_namespace", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0), domain(1)]))?;
        world.ip(ROUTE)?;
        wait_for("a route", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        wait_for("its neighbour", || Ok(engine.tables().neighbour(2) != 0))?;
        until_read(&engine, TABLE + 1)?;
        let before = engine.port();
        let roots = engine.tables().arrays.roots.clone();
        // Another one gets the name: the engine finds none of its devices there.
        world.replace()?;
        let replaced = EngineEvent::Healed(NamespaceChange::Replaced);
        wait_for("a new namespace", || Ok(world.has_heard(|event| *event == replaced)))?;
        wait_for("its devices", || Ok(world.ip("link show r1").is_ok()))?;
        wait_for("a look at the empty table", || Ok(engine.state().domains[&TABLE].is_held))?;
        assert_eq!(engine.tables().arrays.roots, roots, "no route is in the kernel any more");
        assert_ne!(engine.tables().neighbour(2), 0);
        let after = engine.port();
        assert_ne!(after.ifindex, before.ifindex);
        assert_eq!(engine.state().port_changes, 1);
        assert!(world.has_heard(|event| *event == EngineEvent::Port(after.clone())));
        world.answer()?;
        // Routes come back, others than before.
        world.ip("route add 10.2.0.0/16 via 192.168.15.17 dev r1 onlink table 1000")?;
        wait_for("the new routes", || Ok(way(&engine, 2, "10.2.0.1") == to(2)))?;
        assert_eq!(way(&engine, 2, "10.1.0.1"), Found::NoRoute);
        let state = until_read(&engine, TABLE)?;
        assert!(!state.is_held && engine.state().error.is_none());
        Ok(())
    })
}

#[test]
fn an_empty_table_is_believed_in_the_end() -> Result<()> {
    in_a_world("an_empty_table_is_believed_in_the_end", |world| {
        let short = EngineSettings {
            hold: Duration::from_secs(2),
            neighbour_hold: Duration::from_secs(1),
            ..settings()
        };
        let engine = world.start(short, tables(10))?;
        world.answer()?;
        engine.follow(plan([domain(0)]))?;
        world.ip(ROUTE)?;
        wait_for("a route", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        wait_for("its neighbour", || Ok(engine.tables().neighbour(2) != 0))?;
        // Both ends go, and all devices.
        world.run("ip link del pe")?;
        wait_for("the port", || Ok(engine.state().port_changes == 1))?;
        wait_for("the end of the hold", || Ok(way(&engine, 2, "10.1.0.1") == Found::NoRoute))?;
        let state = until_read(&engine, TABLE)?;
        assert!(!state.is_held);
        wait_for("no neighbour, as nobody answers", || Ok(engine.tables().neighbour(2) == 0))?;
        let event = EngineEvent::Healed(NamespaceChange::PairMadeAnew);
        assert!(world.has_heard(|it| *it == event));
        Ok(())
    })
}

#[test]
fn a_name_comes_back() -> Result<()> {
    in_a_world("a_name_comes_back", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0)]))?;
        world.ip(ROUTE)?;
        wait_for("a route", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        let generation = until_read(&engine, TABLE)?.generation;
        world.run("ip netns del routing")?;
        let named = EngineEvent::Healed(NamespaceChange::NamedAgain);
        wait_for("its name", || Ok(world.has_heard(|event| *event == named)))?;
        assert_eq!(until_read(&engine, TABLE)?.generation, generation);
        assert_eq!(engine.kernel_routes(TABLE)?.v4.len(), 1, "it is the same one");
        Ok(())
    })
}

#[test]
fn a_device_is_made_anew() -> Result<()> {
    in_a_world("a_device_is_made_anew", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0)]))?;
        world.ip(ROUTE)?;
        wait_for("a route", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        wait_for("its neighbour", || Ok(engine.tables().neighbour(2) != 0))?;
        let before = engine.state().interfaces[&1].ifindex.context("a device")?;
        world.ip("link del r1")?;
        wait_for("no route", || Ok(way(&engine, 2, "10.1.0.1") == Found::NoRoute))?;
        wait_for("another device", || {
            Ok(engine.state().interfaces[&1].ifindex.is_some_and(|now| now != before))
        })?;
        world.ip(ROUTE)?;
        wait_for("the route by it", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        wait_for("its neighbour", || Ok(engine.tables().neighbour(2) != 0))?;
        assert_eq!(engine.state().port_changes, 0);
        Ok(())
    })
}
