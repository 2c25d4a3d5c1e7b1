//! The kernel's limits on neighbours, which are one for the whole machine.

use std::net::Ipv4Addr;

use anyhow::Result;

use super::World;
use crate::{
    lab::root_or_skip,
    routing::feed::{neighbours::Neighbours, news::NeighbourKey},
};

/// More than the kernel takes by default (`gc_thresh3`), and than it keeps for longer than five seconds (`gc_thresh2`).
const NEIGHBOURS: u32 = 1100;

#[test]
fn more_neighbours_are_kept_than_the_kernel_has_room_for() -> Result<()> {
    if !root_or_skip("more_neighbours_are_kept_than_the_kernel_has_room_for") {
        return Ok(());
    }
    let world = World::new()?;
    let mut neighbours = Neighbours::open(&world.namespace)?;
    let ifindex = world.ifindex("v0")?;
    let first = Ipv4Addr::new(10, 0, 64, 0).to_bits();
    for number in 0..NEIGHBOURS {
        let address = Ipv4Addr::from_bits(first + number).into();
        neighbours.keep(NeighbourKey { ifindex, address })?;
    }
    let there = world.ns.output("ip", &["neigh", "show", "dev", "v0"])?;
    let spared = |line: &&str| line.contains("managed") && line.contains("extern_learn");
    assert_eq!(there.lines().filter(spared).count(), NEIGHBOURS as usize);
    // Others find room.
    world.ip("neigh add 10.0.0.99 dev v0 lladdr 02:00:00:00:00:63 nud reachable")
}
