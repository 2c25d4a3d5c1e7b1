//! The kernel's limits on neighbours, which are one for the whole machine.

use std::{
    fs,
    io::{self, Write as _},
    net::Ipv4Addr,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::World;
use crate::{
    lab::root_or_skip,
    routing::feed::{
        error::FeedError, neighbour_limits::NeighbourLimits, neighbours::Neighbours,
        news::NeighbourKey,
    },
};

const NEIGHBOURS: u32 = 1100;

/// Limits that are as before when this goes, but for those that somebody else has changed meanwhile.
struct Restored(Vec<(PathBuf, String, Option<String>)>);

impl Restored {
    fn new() -> Result<Self> {
        let mut before = Vec::new();
        for family in ["ipv4", "ipv6"] {
            for number in 1..=3 {
                let path = format!("/proc/sys/net/{family}/neigh/default/gc_thresh{number}");
                let value = fs::read_to_string(&path)?;
                before.push((path.into(), value, None));
            }
        }
        Ok(Self(before))
    }

    fn note_ours(&mut self) {
        for (path, _, ours) in &mut self.0 {
            *ours = fs::read_to_string(path).ok();
        }
    }
}

impl Drop for Restored {
    fn drop(&mut self) {
        for (path, before, ours) in &self.0 {
            let is_ours = ours.is_some() && fs::read_to_string(path).ok() == *ours;
            if is_ours && ours.as_ref() != Some(before) {
                let _no_matter = fs::write(path, before);
            }
        }
    }
}

fn keep_all(world: &World, neighbours: &mut Neighbours) -> Result<Vec<FeedError>> {
    let ifindex = world.ifindex("v0")?;
    let first = Ipv4Addr::new(10, 0, 64, 0).to_bits();
    let addresses = (0..NEIGHBOURS).map(|number| Ipv4Addr::from_bits(first + number));
    let kept = addresses.map(|it| neighbours.keep(NeighbourKey { ifindex, address: it.into() }));
    Ok(kept.filter_map(std::result::Result::err).collect())
}

/// The machine's other neighbours would be refused, too, if this filled the table: so it never does.
#[test]
fn more_than_a_thousand_neighbours_need_higher_limits() -> Result<()> {
    if !root_or_skip("more_than_a_thousand_neighbours_need_higher_limits") {
        return Ok(());
    }
    if !Path::new("/proc/sys/net/ipv4/neigh/default").exists() {
        writeln!(
            io::stderr(),
            "SKIPPED: needs the initial network namespace: more_than_a_thousand…"
        )?;
        return Ok(());
    }
    let mut restored = Restored::new()?;
    let world = World::new()?;
    let mut neighbours = Neighbours::open(&world.namespace)?;
    let limits = NeighbourLimits::of_this_machine();
    let elsewhere = world.namespace.run(|| limits.raise(NEIGHBOURS)).unwrap_err();
    assert!(matches!(elsewhere, FeedError::NoNamespace(_)), "{elsewhere:?}");
    let raised = limits.raise(NEIGHBOURS)?;
    restored.note_ours();
    println!("{raised:?}");
    assert!(raised.iter().all(|limit| limit.from < limit.to));
    assert!(limits.raise(NEIGHBOURS)?.is_empty());
    let failed = keep_all(&world, &mut neighbours)?;
    assert!(failed.is_empty(), "{failed:?}");
    let there = world.ns.output("ip", &["neigh", "show", "dev", "v0"])?;
    let managed = there.lines().filter(|line| line.contains("managed")).count();
    assert_eq!(managed, NEIGHBOURS as usize);
    // The neighbours go with it at once, before the limits are lower again.
    world.ip("link del v0")
}
