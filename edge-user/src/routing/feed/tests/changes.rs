//! Changes that mark tables, those of which the kernel sends no message about a route above all.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

use super::{Flapper, HANG, TABLE, World, destinations, stable_v4, until_marked};
use crate::{
    lab::{NetNs, root_or_skip},
    routing::feed::{listener::RouteListener, tables::Tables},
};

/// Routes that the kernel takes away in some milliseconds.
const ROUTES: u32 = 150_000;
/// The main table (rtnetlink(7)).
const MAIN: u32 = 254;

/// Runs a change that marks the table, and returns the destinations that it has then.
fn after(
    world: &World,
    (tables, listener): (&mut Tables, &mut RouteListener),
    commands: &str,
) -> Result<Vec<String>> {
    tables.dump(TABLE, listener)?;
    assert!(listener.take().tables.is_empty(), "it was read just now");
    world.ip(commands)?;
    until_marked(listener).context(commands.to_owned())?;
    Ok(destinations(&tables.dump(TABLE, listener)?.v4))
}

#[test]
fn each_change_of_a_route_marks_its_table() -> Result<()> {
    if !root_or_skip("each_change_of_a_route_marks_its_table") {
        return Ok(());
    }
    let world = World::new()?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    assert!(listener.take().tables.contains(&TABLE), "it was never read");
    for (commands, expected) in [
        ("route add 10.1.0.0/16 dev v0 table 1000", vec!["10.1.0.0/16"]),
        ("route replace 10.1.0.0/16 dev w0 table 1000", vec!["10.1.0.0/16"]),
        ("-6 route add 2001:db8::/48 dev w0 table 1000", vec!["10.1.0.0/16"]),
        ("-6 route del 2001:db8::/48 dev w0 table 1000", vec!["10.1.0.0/16"]),
        ("route del 10.1.0.0/16 table 1000", vec![]),
    ] {
        let found = after(&world, (&mut tables, &mut listener), commands)?;
        assert_eq!(found, expected, "{commands}");
    }
    world.ip("route add 10.1.0.0/16 dev v0 table 1001")?;
    listener.pump()?;
    assert!(listener.take().tables.is_empty(), "another table's route");
    listener.forget(TABLE);
    world.ip("route add 10.1.0.0/16 dev v0 table 1000")?;
    listener.pump()?;
    assert!(listener.take().tables.is_empty(), "nobody follows it any more");
    Ok(())
}

#[test]
fn routes_that_go_without_a_message_are_missed() -> Result<()> {
    if !root_or_skip("routes_that_go_without_a_message_are_missed") {
        return Ok(());
    }
    for (name, before, change, left) in [
        ("a link goes down", "", "link set v0 down", vec!["10.2.0.0/16"]),
        ("an interface goes", "", "link del v0", vec!["10.2.0.0/16"]),
        ("the last address goes", "", "addr del 10.0.0.1/24 dev v0", vec!["10.2.0.0/16"]),
        (
            "a next-hop object goes",
            "nexthop add id 1 via 10.0.1.2 dev w0\nroute add 10.3.0.0/16 nhid 1 table 1000",
            "nexthop del id 1",
            vec!["10.1.0.0/16", "10.2.0.0/16"],
        ),
        (
            "a member of a group goes",
            "nexthop add id 1 via 10.0.1.2 dev w0\nnexthop add id 2 group 1\n\
             route add 10.3.0.0/16 nhid 2 table 1000",
            "nexthop del id 1",
            vec!["10.1.0.0/16", "10.2.0.0/16"],
        ),
    ] {
        let world = World::new()?;
        world.ip("route add 10.1.0.0/16 via 10.0.0.2 table 1000
             route add 10.2.0.0/16 via 10.0.1.2 table 1000")?;
        world.ip(before)?;
        let (mut tables, mut listener) = (world.tables()?, world.listener()?);
        let found = after(&world, (&mut tables, &mut listener), change)?;
        assert_eq!(found, left, "{name}");
    }
    Ok(())
}

/// The kernel looks for such routes in the main table, and in that of the interface's VRF.
#[test]
fn a_route_that_goes_with_its_source_address_is_missed() -> Result<()> {
    if !root_or_skip("a_route_that_goes_with_its_source_address_is_missed") {
        return Ok(());
    }
    let world = World::new()?;
    world.ip("addr add 192.0.2.1/32 dev lo
         route add 10.3.0.0/16 via 10.0.1.2 src 192.0.2.1
         route add 10.3.0.0/16 via 10.0.1.2 src 192.0.2.1 table 1000")?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    listener.follow(MAIN);
    let mut is_there = |table: u32| -> Result<bool> {
        let dump = tables.dump(table, &mut listener)?;
        Ok(destinations(&dump.v4).contains(&"10.3.0.0/16".to_owned()))
    };
    assert!(is_there(MAIN)? && is_there(TABLE)?);
    world.ip("addr del 192.0.2.1/32 dev lo")?;
    assert!(!is_there(MAIN)? && is_there(TABLE)?);
    assert!(!listener.take().tables.contains(&MAIN), "it was read since");
    world.ip("addr add 192.0.2.1/32 dev lo\nroute add 10.3.0.0/16 via 10.0.1.2 src 192.0.2.1")?;
    tables.dump(MAIN, &mut listener)?;
    listener.take();
    world.ip("addr del 192.0.2.1/32 dev lo")?;
    listener.pump()?;
    assert!(listener.take().tables.contains(&MAIN));
    Ok(())
}

/// No message of the kernel's is about a route here, so all marks come from other things.
#[test]
fn the_kernel_sends_no_message_about_routes_that_go_with_a_link() -> Result<()> {
    if !root_or_skip("the_kernel_sends_no_message_about_routes_that_go_with_a_link") {
        return Ok(());
    }
    let world = World::new()?;
    world.ip("route add 10.1.0.0/16 via 10.0.0.2 table 1000")?;
    // Never read, so tied to no interface.
    let mut listener = world.listener()?;
    listener.pump()?;
    listener.take();
    world.ip("link set v0 down")?;
    listener.pump()?;
    let heard = listener.take();
    assert!(heard.links.contains(&world.ifindex("v0")?), "{heard:?}");
    assert!(!heard.tables.contains(&TABLE), "{heard:?}");
    Ok(())
}

#[test]
fn a_hop_that_dies_or_loses_its_carrier_is_seen() -> Result<()> {
    if !root_or_skip("a_hop_that_dies_or_loses_its_carrier_is_seen") {
        return Ok(());
    }
    let world = World::new()?;
    world.ip("route add 10.1.0.0/16 table 1000 nexthop via 10.0.0.2 nexthop via 10.0.1.2")?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    let mut flags = |commands: &str| -> Result<Vec<(bool, bool)>> {
        after(&world, (&mut tables, &mut listener), commands)?;
        let dump = tables.dump(TABLE, &mut listener)?;
        Ok(dump.v4[0].hops.iter().map(|hop| (hop.is_dead, hop.is_link_down)).collect())
    };
    assert_eq!(flags("link set v1 down")?, [(false, true), (false, false)]);
    assert_eq!(flags("link set v1 up")?, [(false, false), (false, false)]);
    // The kernel says of a link that is down whether it has a carrier, too.
    let dead: Vec<bool> = flags("link set w0 down")?.iter().map(|hop| hop.0).collect();
    assert_eq!(dead, [false, true]);
    assert_eq!(flags("link set w0 up")?, [(false, false), (false, false)]);
    Ok(())
}

/// The kernel tells of a link that goes down before it takes the routes away, which takes a while for so many. Each
/// time, the table is read as soon as the message is there.
#[test]
fn a_table_is_not_read_before_the_routes_are_gone() -> Result<()> {
    if !root_or_skip("a_table_is_not_read_before_the_routes_are_gone") {
        return Ok(());
    }
    let world = World::new()?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    let mut flapper = Flapper::open(&world, TABLE)?;
    // Else messages about its IPv6 addresses follow, which mark the table once more.
    world.ns.sysctl("net.ipv6.conf.v0.disable_ipv6", "1")?;
    for round in 0..2 {
        for number in 0..ROUTES {
            flapper.add(stable_v4(number), 24)?;
        }
        assert_eq!(tables.dump(TABLE, &mut listener)?.v4.len(), ROUTES as usize);
        listener.take();
        std::thread::scope(|scope| {
            let down = scope.spawn(|| world.ip("link set v0 down"));
            let began = Instant::now();
            // Without a wait, which would take longer than the kernel does.
            while listener.take().tables.is_empty() {
                listener.pump()?;
                ensure!(began.elapsed() < HANG, "no message came");
            }
            let mut left = tables.dump(TABLE, &mut listener)?.v4.len();
            down.join().expect("ip ends")?;
            // The first mark may have been for the link coming up before.
            listener.pump()?;
            while !listener.take().tables.is_empty() {
                left = tables.dump(TABLE, &mut listener)?.v4.len();
                listener.pump()?;
            }
            assert_eq!(left, 0, "round {round}");
            anyhow::Ok(())
        })?;
        world.ip("link set v0 up")?;
    }
    Ok(())
}

#[test]
fn an_interface_that_moves_away_takes_its_routes_along() -> Result<()> {
    if !root_or_skip("an_interface_that_moves_away_takes_its_routes_along") {
        return Ok(());
    }
    let (world, elsewhere) = (World::new()?, NetNs::new()?);
    world.ip("route add 10.1.0.0/16 via 10.0.0.2 table 1000")?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    let command = format!("link set v0 netns {}", elsewhere.path().display());
    assert_eq!(after(&world, (&mut tables, &mut listener), &command)?, [""; 0]);
    Ok(())
}

#[test]
fn interfaces_that_no_route_uses_mark_no_table() -> Result<()> {
    if !root_or_skip("interfaces_that_no_route_uses_mark_no_table") {
        return Ok(());
    }
    let world = World::new()?;
    world.ip("route add 10.1.0.0/16 via 10.0.0.2 table 1000
         nexthop add id 5 via 10.0.1.2 dev w0")?;
    let (mut tables, mut listener) = (world.tables()?, world.listener()?);
    tables.dump(TABLE, &mut listener)?;
    world.ip("nexthop del id 5
         addr add 10.0.1.7/24 dev w0
         link set w0 down
         link del w0")?;
    listener.pump()?;
    let heard = listener.take();
    assert!(heard.tables.is_empty() && heard.links.len() >= 2, "{heard:?}");
    Ok(())
}

#[test]
fn lost_messages_mark_all_tables() -> Result<()> {
    if !root_or_skip("lost_messages_mark_all_tables") {
        return Ok(());
    }
    let world = World::new()?;
    let mut listener = RouteListener::with_buffer(&world.namespace, 4096)?;
    let mut tables = world.tables()?;
    for table in [TABLE, TABLE + 1] {
        listener.follow(table);
        tables.dump(table, &mut listener)?;
    }
    listener.take();
    world.fill(7, 1000)?;
    assert!(listener.pump()?);
    let heard = listener.take();
    assert_eq!(Vec::from_iter(heard.tables), [TABLE, TABLE + 1]);
    assert!(heard.has_losses && listener.losses() > 0);
    // It goes on hearing.
    assert_eq!(tables.dump(TABLE, &mut listener)?.v4.len(), 0);
    world.ip("route add 10.1.0.0/16 dev v0 table 1000")?;
    until_marked(&mut listener)?;
    assert!(!listener.take().has_losses);
    Ok(())
}

#[test]
fn a_storm_fits_into_the_receive_buffer() -> Result<()> {
    if !root_or_skip("a_storm_fits_into_the_receive_buffer") {
        return Ok(());
    }
    let world = World::new()?;
    let mut listener = world.listener()?;
    world.fill(TABLE, 15_000)?;
    world.ip("route flush table 1000\n-6 route flush table 1000")?;
    listener.pump()?;
    assert_eq!(listener.losses(), 0);
    assert!(listener.take().tables.contains(&TABLE));
    Ok(())
}

#[test]
fn waiting_ends_with_a_message_or_with_the_limit() -> Result<()> {
    if !root_or_skip("waiting_ends_with_a_message_or_with_the_limit") {
        return Ok(());
    }
    let world = World::new()?;
    let mut listener = world.listener()?;
    // Of the interfaces, messages may come at any time.
    listener.pump()?;
    let quiet = (0..50).any(|_| {
        let is_quiet = matches!(listener.wait(Some(Duration::from_millis(100))), Ok(false));
        listener.pump().is_ok() && is_quiet
    });
    assert!(quiet);
    world.ip("route add 10.1.0.0/16 dev v0 table 1000")?;
    assert!(listener.wait(None)?);
    Ok(())
}
