//! The whole loop.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{Flapper, HANG, TABLE, World, meanwhile, stable_v4};
use crate::{
    lab::root_or_skip,
    routing::feed::{
        feeder::RouteFeed,
        schedule::{Pacing, RebuildEnd},
    },
};

/// Tables with the number of their routes.
#[derive(Default)]
struct Follower {
    routes: BTreeMap<u32, usize>,
    rebuilds: BTreeMap<u32, u32>,
}

impl Follower {
    fn step(&mut self, feed: &mut RouteFeed) -> Result<()> {
        feed.step(Duration::from_millis(10), None, |table, dump| {
            self.routes.insert(table, dump.v4.len());
            *self.rebuilds.entry(table).or_default() += 1;
            RebuildEnd::Rebuilt
        })?;
        Ok(())
    }

    fn until(&mut self, feed: &mut RouteFeed, is_done: impl Fn(&Self) -> bool) -> Result<()> {
        let began = Instant::now();
        while !is_done(self) {
            self.step(feed)?;
            ensure!(began.elapsed() < HANG, "it never comes to {:?}", self.routes);
        }
        Ok(())
    }
}

#[test]
fn tables_follow_the_kernels() -> Result<()> {
    if !root_or_skip("tables_follow_the_kernels") {
        return Ok(());
    }
    let world = World::new()?;
    let mut feed = RouteFeed::open(&world.namespace, Pacing::default())?;
    let mut follower = Follower::default();
    for table in 0..20 {
        feed.follow(TABLE + table);
    }
    follower.until(&mut feed, |it| it.routes.len() == 20)?;
    assert!(follower.routes.values().all(|routes| *routes == 0));
    for table in 0..20 {
        let mut flapper = Flapper::open(&world, TABLE + table)?;
        (0..=table).try_for_each(|number| flapper.add(stable_v4(number), 24))?;
    }
    let expected = |it: &Follower| (1..=20).eq(it.routes.values().copied());
    follower.until(&mut feed, expected)?;
    feed.forget(TABLE);
    world.ip("link set v0 down")?;
    follower.until(&mut feed, |it| it.routes.values().skip(1).all(|routes| *routes == 0))?;
    assert_eq!(follower.routes[&TABLE], 1, "it was forgotten");
    Ok(())
}

#[test]
fn a_flapping_table_is_rebuilt_seldom_and_is_right_in_the_end() -> Result<()> {
    if !root_or_skip("a_flapping_table_is_rebuilt_seldom_and_is_right_in_the_end") {
        return Ok(());
    }
    let world = World::new()?;
    let mut feed = RouteFeed::open(&world.namespace, Pacing::default())?;
    let mut follower = Follower::default();
    feed.follow(TABLE);
    feed.follow(TABLE + 1);
    let mut flapper = Flapper::open(&world, TABLE)?;
    let (mut other, mut others) = (Flapper::open(&world, TABLE + 1)?, 0);
    let began = Instant::now();
    let mut changes = 0;
    meanwhile(
        || {
            changes += 1;
            flapper.add(stable_v4(1), 24)?;
            flapper.remove(stable_v4(1), 24)
        },
        || {
            // Three changes elsewhere, each served while the other table flaps.
            for number in 0..3 {
                other.add(stable_v4(number), 24)?;
                others += 1;
                follower.until(&mut feed, |it| it.routes.get(&(TABLE + 1)) == Some(&others))?;
            }
            while began.elapsed() < Duration::from_secs(2) {
                follower.step(&mut feed)?;
            }
            Ok(())
        },
    )?;
    let passed = began.elapsed();
    let rebuilds = follower.rebuilds[&TABLE];
    println!("{changes} changes in {passed:?}, {rebuilds} rebuilds");
    // Of its times, 0, 100, 300, 700, 1500, 2500 … ms, the machine can only make them later.
    assert!(u128::from(rebuilds) <= 5 + passed.as_millis() / 1000, "{rebuilds} in {passed:?}");
    (5..7).try_for_each(|number| flapper.add(stable_v4(number), 24))?;
    follower.until(&mut feed, |it| it.routes[&TABLE] == 2)
}
