//! Tables that are full, and others instead.

use anyhow::Result;

use super::{
    Found, HostRouterTables, TABLE, apart, domain, in_a_world, plan, to, until_read, wait_for, way,
};
use crate::routing::{engine::events::EngineEvent, store::FibSizes};

/// Room for two domains with a few routes each.
fn small() -> HostRouterTables {
    HostRouterTables::new(FibSizes { lines: 90, trees: 60, roots: 40, groups: 10 }, 10)
}

#[test]
fn a_domain_without_room_keeps_its_tables_whole() -> Result<()> {
    in_a_world("a_domain_without_room_keeps_its_tables_whole", |world| {
        let engine = world.engine_with(small())?;
        engine.follow(plan([domain(0), domain(1)]))?;
        world.ip("route add 10.1.0.0/16 via 192.168.15.17 dev r1 onlink table 1000")?;
        wait_for("a route", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        until_read(&engine, TABLE + 1)?;
        world.batch(&apart(1_000, 20, TABLE, 1))?;
        wait_for("an error", || {
            let state = &engine.state().domains[&TABLE];
            Ok(state.error.as_ref().is_some_and(|error| error.contains("memory is full")))
        })?;
        // Some of the routes may have had room before the others came.
        assert_eq!(way(&engine, 2, "10.1.0.1"), to(2));
        assert_eq!(way(&engine, 2, "20.7.206.1"), Found::NoRoute);
        assert!(engine.state().domains[&TABLE].dirty_since.is_some());
        assert!(world.has_heard(|event| {
            matches!(event, EngineEvent::Domain { name, error: Some(_) } if name == "circuit0/private")
        }));
        // The other domain goes on, as long as it needs no more.
        assert_eq!(engine.state().domains[&(TABLE + 1)].error, None);
        // Larger tables, into which the caller copies the present ones.
        let guard = engine.tables();
        let mut larger = super::tables(10);
        let (old, new) = (&guard.arrays, &mut larger.arrays);
        new.fib.lines[..old.fib.lines.len()].copy_from_slice(&old.fib.lines);
        new.fib.trees[..old.fib.trees.len()].copy_from_slice(&old.fib.trees);
        new.roots[..old.roots.len()].copy_from_slice(&old.roots);
        new.groups[..old.groups.len()].copy_from_slice(&old.groups);
        guard.replace(larger)?;
        assert_eq!(way(&engine, 2, "10.1.0.1"), to(2), "at once");
        wait_for("all routes", || Ok(way(&engine, 2, "20.7.206.1") == to(2)))?;
        let state = until_read(&engine, TABLE)?;
        assert_eq!((state.error, state.customer.v4), (None, 1_001));
        assert!(world.has_heard(|event| {
            matches!(event, EngineEvent::Domain { name, error: None } if name == "circuit0/private")
        }));
        wait_for("words of neighbours", || {
            Ok(engine.state().interfaces.values().all(|it| it.neighbour_v4.is_some()))
        })?;
        wait_for("the larger room", || {
            Ok(engine.state().usage.is_some_and(|usage| usage.free_lines > 15_000))
        })?;
        Ok(())
    })
}

#[test]
fn room_that_becomes_free_is_used() -> Result<()> {
    in_a_world("room_that_becomes_free_is_used", |world| {
        let engine = world.engine_with(small())?;
        engine.follow(plan([domain(0), domain(1)]))?;
        world.batch(&apart(150, 20, TABLE, 1))?;
        wait_for("the first", || Ok(way(&engine, 2, "20.1.42.1") == to(2)))?;
        until_read(&engine, TABLE)?;
        world.batch(&apart(150, 30, TABLE + 1, 3))?;
        wait_for("no room", || Ok(engine.state().domains[&(TABLE + 1)].error.is_some()))?;
        world.ip("route flush table 1000")?;
        wait_for("the second", || Ok(way(&engine, 4, "30.1.42.1") == to(6)))?;
        assert_eq!(until_read(&engine, TABLE + 1)?.error, None);
        // A flush may take longer than a look at the table, which is read again then.
        wait_for("the flush", || Ok(way(&engine, 2, "20.1.42.1") == Found::NoRoute))
    })
}
