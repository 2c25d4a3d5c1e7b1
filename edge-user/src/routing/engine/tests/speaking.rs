//! The engine with BIRD.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, ensure};

use super::{Found, TABLE, World, domain, in_a_world, plan, to, wait_for, way};
use crate::routing::{
    bird::{
        model::{
            AddressFamily, DomainSide, SpeakerPlan,
            domain::{BgpDomain, BgpStatic, StaticHop},
            session::BgpSession,
        },
        names::SessionName,
        tests::sample,
    },
    engine::{
        error::EngineError,
        plan::{RouterPlan, SpeakerSettings},
    },
};

const DIRECTORY: &str = "/run/edge/bird";
const NAME: SessionName =
    SessionName { index: 1, side: DomainSide::Customer, family: AddressFamily::V4 };

/// A domain with a session that nobody answers, and a static route to a network.
fn speaking(peer_asn: u32) -> Result<RouterPlan> {
    let session = BgpSession { peer_asn, ..sample::session(1) };
    let route = BgpStatic {
        prefix: "10.3.0.0/16".parse()?,
        side: DomainSide::Cloud,
        hops: vec![StaticHop { gateway: "10.255.0.6".parse()?, device: "r2".to_owned() }],
        communities: Vec::new(),
    };
    let bgp = BgpDomain {
        statics: vec![route],
        sessions: vec![session],
        ..sample::domain("circuit0/private", TABLE)
    };
    let speaker = SpeakerPlan { domains: vec![bgp], ..sample::edge() };
    let settings = SpeakerSettings {
        command: None,
        directory: DIRECTORY.into(),
        account: None,
        plan: speaker,
    };
    Ok(RouterPlan { speaker: Some(settings), ..plan([domain(0)]) })
}

/// BIRD's process by the state.
fn pid(world: &World<'_>) -> Result<String> {
    Ok(world.run("ip netns pids routing")?.trim().to_owned())
}

#[test]
fn bird_fills_the_tables() -> Result<()> {
    in_a_world("bird_fills_the_tables", |world| {
        let engine = world.engine(10)?;
        let prepared = engine.prepare(speaking(65001)?)?;
        ensure!(pid(world)?.is_empty(), "a look starts nothing");
        assert_eq!(prepared.listeners().len(), 1);
        assert_eq!(prepared.listeners()[0].index, 1);
        engine.commit(prepared)?;
        wait_for("BIRD's route", || Ok(way(&engine, 1, "10.3.0.1") == to(4)))?;
        // Only routes of BIRD's, or static ones, count.
        world.ip("route add 10.5.0.0/16 via 10.255.0.6 dev r2 onlink proto 99 table 1000")?;
        world.ip("route add 10.6.0.0/16 via 10.255.0.6 dev r2 onlink proto static table 1000")?;
        wait_for("a static route", || Ok(way(&engine, 1, "10.6.0.1") == to(4)))?;
        assert_eq!(way(&engine, 1, "10.5.0.1"), Found::NoRoute);
        assert_eq!(engine.kernel_routes(TABLE)?.v4.len(), 2);
        wait_for("the session", || {
            Ok(engine.speaker().is_some_and(|view| view.sessions.contains_key(&NAME)))
        })?;
        let view = engine.speaker().context("a view")?;
        assert!(view.speaker.is_ok());
        let session = view.sessions[&NAME].clone();
        assert_eq!((session.bgp.peer_asn, session.bfd), (Some(65001), None));
        let received = engine.received(NAME)?;
        assert!(received.accepted.is_empty() && received.refused.is_empty());
        assert!(engine.advertised(NAME)?.is_empty(), "the session is down");
        // A plan that BIRD can't have changes nothing.
        let before =
            (pid(world)?, fs::read_to_string(Path::new(DIRECTORY).join("current/bird.conf"))?);
        let mut twice = speaking(65001)?;
        if let Some(settings) = &mut twice.speaker {
            let again = settings.plan.domains[0].sessions[0].clone();
            settings.plan.domains[0].sessions.push(again);
        }
        let refused = engine.follow(twice);
        ensure!(matches!(refused, Err(EngineError::Bird(_))), "{refused:?}");
        let mut elsewhere = speaking(65001)?;
        if let Some(settings) = &mut elsewhere.speaker {
            settings.directory = "/run/edge/other".into();
        }
        ensure!(matches!(engine.follow(elsewhere), Err(EngineError::Plan(_))));
        let after =
            (pid(world)?, fs::read_to_string(Path::new(DIRECTORY).join("current/bird.conf"))?);
        assert_eq!(before, after);
        // An engine that ends leaves BIRD to the next one.
        let tables = engine.tables().clone();
        drop(engine);
        assert_eq!(pid(world)?, before.0);
        let engine = world.engine_with(tables)?;
        let mut next = speaking(65002)?;
        next.domains[0].interfaces.iter_mut().for_each(|it| it.is_taken_over = true);
        engine.follow(next)?;
        assert_eq!(pid(world)?, before.0);
        assert_eq!(way(&engine, 1, "10.3.0.1"), to(4));
        wait_for("the session's other AS", || {
            let view = engine.speaker();
            let session = view.and_then(|view| view.sessions.get(&NAME).cloned());
            Ok(session.is_some_and(|session| session.bgp.peer_asn == Some(65002)))
        })?;
        // Another program fills the tables from now on.
        engine.follow(plan([domain(0)]))?;
        assert!(pid(world)?.is_empty() && engine.speaker().is_none());
        wait_for("no route of BIRD's", || Ok(way(&engine, 1, "10.3.0.1") == Found::NoRoute))?;
        wait_for("the route of another program", || Ok(way(&engine, 1, "10.5.0.1") == to(4)))?;
        ensure!(engine.received(NAME).is_err());
        let done = engine.tear_down()?;
        assert!(done.left.is_empty(), "{done:?}");
        Ok(())
    })
}

#[test]
fn bird_follows_into_a_new_namespace() -> Result<()> {
    in_a_world("bird_follows_into_a_new_namespace", |world| {
        let engine = world.engine(10)?;
        engine.follow(speaking(65001)?)?;
        wait_for("BIRD's route", || Ok(way(&engine, 1, "10.3.0.1") == to(4)))?;
        let before = pid(world)?;
        world.replace()?;
        wait_for("another BIRD", || {
            let now = pid(world)?;
            Ok(!now.is_empty() && now != before)
        })?;
        wait_for("its route", || Ok(engine.kernel_routes(TABLE)?.v4.len() == 1))?;
        assert_eq!(way(&engine, 1, "10.3.0.1"), to(4));
        wait_for("its state", || {
            let state = engine.state().domains.remove(&TABLE).context("the domain")?;
            Ok(!state.is_held && state.dirty_since.is_none())
        })?;
        assert_eq!(way(&engine, 1, "10.3.0.1"), to(4));
        engine.tear_down()?;
        assert!(pid(world)?.is_empty());
        Ok(())
    })
}
