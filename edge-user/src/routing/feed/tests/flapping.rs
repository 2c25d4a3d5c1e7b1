//! Dumps of tables whose routes come and go meanwhile.

use std::{
    collections::HashSet,
    net::IpAddr,
    sync::atomic::{AtomicU32, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};

use super::{Flapper, HANG, TABLE, World, meanwhile, stable_v4, stable_v6};
use crate::{
    lab::root_or_skip,
    routing::feed::{error::FeedError, routes::KernelRoute, tables::TableDump},
};

const STABLE: u32 = 3000;

fn missing(routes: &[KernelRoute], stable: impl Fn(u32) -> IpAddr, count: u32) -> usize {
    let found: HashSet<IpAddr> = routes.iter().map(|route| route.destination).collect();
    (0..count).filter(|number| !found.contains(&stable(*number))).count()
}

/// Adds and removes prefixes between those that stay.
fn flap(flapper: &mut Flapper, number: &mut u32, is_v4: bool) -> Result<()> {
    *number = (*number + 7919) % STABLE;
    let (destination, prefix_len) =
        if is_v4 { (stable_v4(*number), 25) } else { (stable_v6(*number), 70) };
    flapper.add(destination, prefix_len)?;
    flapper.remove(destination, prefix_len)
}

#[test]
fn a_dump_of_ipv4_is_whole_while_others_flap() -> Result<()> {
    if !root_or_skip("a_dump_of_ipv4_is_whole_while_others_flap") {
        return Ok(());
    }
    let world = World::new()?;
    world.fill(TABLE, STABLE)?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    let mut flapper = Flapper::open(&world, TABLE)?;
    let mut moving = 0;
    meanwhile(
        // Not many, so that few of the cuts between two datagrams are beside one of them.
        || flap(&mut flapper, &mut 1000, true),
        || {
            for _ in 0..20 {
                match tables.dump(TABLE, &mut listener) {
                    Ok(dump) => {
                        assert_eq!(missing(&dump.v4, stable_v4, STABLE), 0);
                        assert_eq!(missing(&dump.v6, stable_v6, STABLE), 0);
                        moving += u32::from(dump.is_moving);
                        assert_eq!(listener.take().tables.contains(&TABLE), dump.is_moving);
                    }
                    Err(error) => assert!(matches!(error, FeedError::Unsettled(_)), "{error:#}"),
                }
            }
            Ok(())
        },
    )?;
    println!("{} tries for 20 dumps, {moving} of them moving", tables.tries());
    assert!(moving > 0, "a table that never stands still is read nonetheless");
    let dump = tables.dump(TABLE, &mut listener)?;
    assert!(!dump.is_moving, "now it does stand still");
    assert_eq!((dump.v4.len(), dump.v6.len()), (3000, 3000));
    Ok(())
}

#[test]
fn a_dump_of_ipv6_is_whole_or_refused_while_others_flap() -> Result<()> {
    if !root_or_skip("a_dump_of_ipv6_is_whole_or_refused_while_others_flap") {
        return Ok(());
    }
    let world = World::new()?;
    world.fill(TABLE, STABLE)?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    let (mut flapper, mut number) = (Flapper::open(&world, TABLE)?, 0);
    let mut refused = 0;
    meanwhile(
        || flap(&mut flapper, &mut number, false),
        || {
            for _ in 0..5 {
                match tables.dump(TABLE, &mut listener) {
                    Ok(dump) => assert_eq!(missing(&dump.v6, stable_v6, STABLE), 0),
                    Err(FeedError::Unsettled(told)) => {
                        let text = told.to_string();
                        assert!(text.contains("table 1000"), "{text}");
                        assert!(listener.take().tables.contains(&TABLE), "it stays marked");
                        refused += 1;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            Ok(())
        },
    )?;
    println!("{} tries for 5 dumps, {refused} of them refused", tables.tries());
    let dump = tables.dump(TABLE, &mut listener)?;
    assert_eq!((dump.v4.len(), dump.v6.len(), dump.is_moving), (3000, 3000, false));
    Ok(())
}

/// As routes of BGP flap: a change every few milliseconds leaves room for a dump.
#[test]
fn a_dump_succeeds_between_changes() -> Result<()> {
    if !root_or_skip("a_dump_succeeds_between_changes") {
        return Ok(());
    }
    let world = World::new()?;
    world.fill(TABLE, 500)?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    let (mut flapper, mut number) = (Flapper::open(&world, TABLE)?, 0);
    let flaps = AtomicU32::new(0);
    let began = Instant::now();
    meanwhile(
        || {
            thread::sleep(Duration::from_millis(100));
            flaps.fetch_add(1, Ordering::Relaxed);
            flap(&mut flapper, &mut number, false)
        },
        || {
            let mut read = 0;
            while read < 10 || flaps.load(Ordering::Relaxed) < 5 {
                if let Ok(dump) = tables.dump(TABLE, &mut listener) {
                    assert_eq!(missing(&dump.v6, stable_v6, 500), 0);
                    read += 1;
                }
                ensure!(began.elapsed() < HANG, "{read} dumps succeed");
            }
            Ok(())
        },
    )
}

#[test]
fn a_table_of_one_datagram_is_never_refused() -> Result<()> {
    if !root_or_skip("a_table_of_one_datagram_is_never_refused") {
        return Ok(());
    }
    let world = World::new()?;
    world.fill(TABLE, 100)?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    // The kernel fills larger datagrams from the second question on.
    tables.dump(TABLE, &mut listener)?;
    let mut v4 = (Flapper::open(&world, TABLE)?, 0);
    let mut v6 = (Flapper::open(&world, TABLE)?, 0);
    let both = || {
        for (flapper, number, is_v4) in
            [(&mut v4.0, &mut v4.1, true), (&mut v6.0, &mut v6.1, false)]
        {
            *number = (*number + 31) % 100;
            let (destination, prefix_len) =
                if is_v4 { (stable_v4(*number), 25) } else { (stable_v6(*number), 70) };
            flapper.add(destination, prefix_len)?;
            flapper.remove(destination, prefix_len)?;
        }
        Ok(())
    };
    meanwhile(both, || {
        for _ in 0..100 {
            let dump: TableDump = tables.dump(TABLE, &mut listener)?;
            assert_eq!(missing(&dump.v4, stable_v4, 100), 0);
            assert_eq!(missing(&dump.v6, stable_v6, 100), 0);
        }
        Ok(())
    })
}

#[test]
fn changes_to_another_table_repeat_no_dump() -> Result<()> {
    if !root_or_skip("changes_to_another_table_repeat_no_dump") {
        return Ok(());
    }
    let world = World::new()?;
    world.fill(TABLE, STABLE)?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    let (mut flapper, mut number) = (Flapper::open(&world, TABLE + 1)?, 0);
    let dumps = 30;
    meanwhile(
        || flap(&mut flapper, &mut number, false),
        || {
            for _ in 0..dumps {
                let dump = tables.dump(TABLE, &mut listener)?;
                assert_eq!((dump.v4.len(), dump.v6.len(), dump.is_moving), (3000, 3000, false));
            }
            Ok(())
        },
    )?;
    // Some messages are about interfaces that have just come up.
    assert!(tables.tries() < 2 * dumps, "{} tries", tables.tries());
    assert!(!listener.take().tables.contains(&(TABLE + 1)), "nobody follows that one");
    Ok(())
}
