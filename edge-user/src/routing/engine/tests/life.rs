//! Engines that come, go, and take over.

use anyhow::{Context as _, Result, ensure};
use edge_common::abi::routing::LINK_UP;

use super::{
    Found, HostRouterTables, RouterEngine, TABLE, customer, domain, in_a_world, may_send, network,
    plan, set, to, until_read, wait_for, way,
};
use crate::routing::engine::{
    error::EngineError,
    places::InterfaceRoots,
    plan::{RouterDomain, RouterPlan},
    tables::RouterTables as _,
};

/// The tables as an engine that ends leaves them.
fn end(engine: RouterEngine<HostRouterTables>) -> HostRouterTables {
    let tables = engine.tables().clone();
    drop(engine);
    tables
}

/// The plan as a new engine gets it: its interfaces are in the tables.
fn taken_over(mut plan: RouterPlan) -> RouterPlan {
    for domain in &mut plan.domains {
        domain.interfaces.iter_mut().for_each(|it| it.is_taken_over = true);
    }
    plan
}

#[test]
fn a_new_engine_changes_nothing() -> Result<()> {
    in_a_world("a_new_engine_changes_nothing", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0), domain(1)]))?;
        world.batch(
            "route add 10.1.0.0/16 via 192.168.15.17 dev r1 onlink table 1000
             route add 10.7.0.0/16 via 10.255.0.6 dev r4 onlink table 1001\n",
        )?;
        wait_for("routes", || {
            Ok(way(&engine, 2, "10.1.0.1") == to(2) && way(&engine, 3, "10.7.0.1") == to(8))
        })?;
        wait_for("neighbours", || {
            Ok([2, 4, 6, 8].iter().all(|hop| engine.tables().neighbour(*hop) != 0))
        })?;
        let ifindex = engine.port().ifindex;
        let before = end(engine);
        let engine = world.engine_with(before.clone())?;
        assert_eq!(engine.tables().arrays.roots, before.arrays.roots, "before the first plan");
        engine.follow(taken_over(plan([domain(0), domain(1)])))?;
        assert_eq!(engine.port().ifindex, ifindex);
        for table in [TABLE, TABLE + 1] {
            let state = until_read(&engine, table)?;
            assert_eq!((state.generation, state.swapped), (0, None), "{state:?}");
        }
        assert_eq!(engine.tables().arrays.roots, before.arrays.roots);
        let words = |hop| engine.tables().neighbour(hop);
        assert!([2, 4, 6, 8].into_iter().all(|hop| words(hop) == before.neighbour(hop)));
        // It follows on.
        world.ip("route del 10.1.0.0/16 table 1000")?;
        wait_for("the change", || Ok(way(&engine, 2, "10.1.0.1") == Found::NoRoute))?;
        Ok(())
    })
}

#[test]
fn changes_between_two_engines_are_found() -> Result<()> {
    in_a_world("changes_between_two_engines_are_found", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0)]))?;
        world.ip("route add 10.1.0.0/16 via 192.168.15.17 dev r1 onlink table 1000")?;
        wait_for("a route", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        let tables = end(engine);
        world.ip("route del 10.1.0.0/16 table 1000")?;
        let engine = world.engine_with(tables)?;
        assert_eq!(way(&engine, 2, "10.1.0.1"), to(2), "as it was found");
        engine.follow(taken_over(plan([domain(0)])))?;
        until_read(&engine, TABLE)?;
        assert_eq!(way(&engine, 2, "10.1.0.1"), Found::NoRoute);
        Ok(())
    })
}

/// Another circuit gets the indices of one that is gone: not one frame of it may take the routes of before.
#[test]
fn another_owner_of_an_index_finds_nothing() -> Result<()> {
    in_a_world("another_owner_of_an_index_finds_nothing", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0)]))?;
        world.ip("route add 10.1.0.0/16 via 192.168.15.17 dev r1 onlink table 1000")?;
        wait_for("a route", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        wait_for("neighbours", || Ok(engine.tables().neighbour(2) != 0))?;
        let other = || RouterDomain { table: TABLE + 5, ..domain(0) };
        engine.follow(plan([other()]))?;
        assert_eq!(way(&engine, 2, "10.1.0.1"), Found::NoRoute, "while this engine runs");
        assert!(!may_send(&engine, 1, "10.1.0.1"));
        until_read(&engine, TABLE + 5)?;
        assert_eq!(way(&engine, 2, "10.1.0.1"), Found::NoRoute);
        assert!(!engine.state().domains.contains_key(&TABLE) && engine.routes(TABLE).is_none());
        // And by a new engine that is told so.
        engine.follow(plan([domain(0)]))?;
        wait_for("the route again", || Ok(way(&engine, 2, "10.1.0.1") == to(2)))?;
        let engine = world.engine_with(end(engine))?;
        engine.follow(plan([other()]))?;
        assert_eq!(way(&engine, 2, "10.1.0.1"), Found::NoRoute);
        Ok(())
    })
}

#[test]
fn a_domain_that_goes_leaves_nothing() -> Result<()> {
    in_a_world("a_domain_that_goes_leaves_nothing", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0), domain(1)]))?;
        until_read(&engine, TABLE)?;
        wait_for("neighbours", || {
            Ok([2, 4].iter().all(|hop| engine.tables().neighbour(*hop) != 0))
        })?;
        engine.set_carrier(&set([1]), false)?;
        engine.follow(plan([domain(1)]))?;
        let tables = engine.tables().clone();
        for index in [1, 2] {
            let roots = InterfaceRoots::of(index).all();
            assert!(roots.into_iter().all(|root| tables.arrays.roots[root as usize] == 0));
            assert_eq!([tables.neighbour(2 * index), tables.neighbour(2 * index + 1)], [0, 0]);
            assert_eq!(tables.link(index), LINK_UP, "as in tables that are new");
        }
        ensure!(world.ip("link show r1").is_err() && world.ip("link show r3").is_ok());
        assert_eq!(engine.state().interfaces.keys().copied().collect::<Vec<_>>(), [3, 4]);
        Ok(())
    })
}

#[test]
fn a_plan_that_can_not_be_changes_nothing() -> Result<()> {
    in_a_world("a_plan_that_can_not_be_changes_nothing", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0)]))?;
        until_read(&engine, TABLE)?;
        let before = (engine.tables().arrays.roots.clone(), world.ip("-o link")?);
        let refusal = |plan: RouterPlan| -> Result<String> {
            let error = engine.follow(plan).err().context("a refusal")?;
            ensure!(matches!(error, EngineError::Plan(_) | EngineError::Devices(_)), "{error:?}");
            Ok(error.to_string())
        };
        let mut wide = domain(1);
        wide.interfaces[0].index = 10;
        let error = refusal(plan([domain(0), wide]))?;
        ensure!(
            error.contains("the interface 10, and the tables have room for those below 10"),
            "{error}"
        );
        let twice = RouterDomain { table: TABLE, ..domain(1) };
        let error = refusal(plan([domain(0), twice]))?;
        ensure!(error.contains("can't have the kernel's table 1000"), "{error}");
        let main = RouterDomain { table: 254, ..domain(1) };
        refusal(plan([main]))?;
        let mut same = domain(1);
        same.interfaces = vec![customer(1), network(4)];
        refusal(plan([domain(0), same]))?;
        let mut none = domain(1);
        none.interfaces[0].index = 0;
        refusal(plan([none]))?;
        let mut other_family = domain(1);
        other_family.interfaces[1].static_routes = vec!["2001:db8::/32".parse()?];
        let error = refusal(plan([other_family]))?;
        ensure!(error.contains("2001:db8::/32 can't lead there"), "{error}");
        assert_eq!(before, (engine.tables().arrays.roots.clone(), world.ip("-o link")?));
        Ok(())
    })
}

#[test]
fn an_end_of_all_leaves_nothing() -> Result<()> {
    in_a_world("an_end_of_all_leaves_nothing", |world| {
        let engine = world.engine(10)?;
        engine.follow(plan([domain(0)]))?;
        until_read(&engine, TABLE)?;
        let neighbours = std::sync::Arc::clone(&engine.tables().neighbours);
        wait_for("neighbours", || Ok(engine.tables().neighbour(2) != 0))?;
        let done = engine.tear_down()?;
        assert!(done.has_removed && done.left.is_empty(), "{done:?}");
        assert!(neighbours.iter().all(|word| word.load(std::sync::atomic::Ordering::Relaxed) == 0));
        ensure!(world.run("ip link show pe").is_err());
        ensure!(!std::path::Path::new("/run/netns/routing").exists());
        Ok(())
    })
}
