//! Neighbours on a link with a real other end.

use std::{net::IpAddr, time::Instant};

use anyhow::{Context as _, Result, ensure};

use super::HANG;
use crate::{
    lab::{NetNs, root_or_skip},
    routing::feed::{
        error::FeedError,
        listener::RouteListener,
        namespace::Namespace,
        neighbours::{NeighbourChange, Neighbours},
        news::NeighbourKey,
    },
};

const MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];
const OTHER_MAC: [u8; 6] = [2, 0, 0, 0, 0, 10];

/// A link: `near` on this end, `far` on the other one, which has 10.0.0.9 and `fd00::9`.
struct LinkWorld {
    near: NetNs,
    far: NetNs,
    listener: RouteListener,
    neighbours: Neighbours,
    ifindex: u32,
}

impl LinkWorld {
    fn new() -> Result<Self> {
        let (near, far) = (NetNs::new()?, NetNs::new()?);
        let ip = |ns: &NetNs, command: &str| {
            ns.output("ip", &command.split_whitespace().collect::<Vec<_>>()).map(drop)
        };
        ip(&near, "link add near type veth peer name far")?;
        // Failures show sooner. The kernel looks after managed neighbours every five seconds nonetheless:
        // it takes that time from the initial network namespace (`neigh_managed_work`).
        for family in ["ipv4", "ipv6"] {
            near.sysctl(&format!("net.{family}.neigh.near.retrans_time_ms"), "50")?;
            near.sysctl(&format!("net.{family}.neigh.near.base_reachable_time_ms"), "400")?;
            near.sysctl(&format!("net.{family}.neigh.near.delay_first_probe_time"), "0")?;
        }
        ip(&near, &format!("link set far netns {}", far.path().display()))?;
        ip(&far, "link set far address 02:00:00:00:00:09")?;
        ip(&far, "link set far up")?;
        ip(&near, "link set near up")?;
        ip(&near, "addr add 10.0.0.1/24 dev near")?;
        ip(&far, "addr add 10.0.0.9/24 dev far")?;
        ip(&near, "-6 addr add fe80::1/64 dev near nodad")?;
        ip(&near, "-6 addr add fd00::1/64 dev near nodad")?;
        ip(&far, "-6 addr add fd00::9/64 dev far nodad")?;
        let namespace = Namespace::at(&near.path())?;
        let ifindex = near.run(|| Ok(nix::net::if_::if_nametoindex("near")?))?;
        let listener = RouteListener::open(&namespace)?;
        let neighbours = Neighbours::open(&namespace)?;
        Ok(Self { near, far, listener, neighbours, ifindex })
    }

    fn key(&self, address: &str) -> NeighbourKey {
        NeighbourKey { ifindex: self.ifindex, address: address.parse().expect("an address") }
    }

    /// Hears of neighbours until the neighbour has this MAC address, and returns the changes.
    fn until(&mut self, key: NeighbourKey, mac: Option<[u8; 6]>) -> Result<Vec<NeighbourChange>> {
        let began = Instant::now();
        let mut changes = Vec::new();
        while self.neighbours.mac(key) != mac {
            self.listener.pump()?;
            let heard = self.listener.take();
            changes.extend(heard.neighbours.iter().filter_map(|news| self.neighbours.hear(news)));
            ensure!(began.elapsed() < HANG, "{key:?} never has {mac:?}: {:?}", self.table()?);
            if self.neighbours.mac(key) != mac {
                self.listener.wait(Some(HANG))?;
            }
        }
        Ok(changes)
    }

    fn table(&self) -> Result<String> {
        self.near.output("ip", &["-d", "neigh"])
    }

    fn ip(&self, command: &str) -> Result<()> {
        let words: Vec<_> = command.split_whitespace().collect();
        self.near.output("ip", &words).map(drop)
    }

    /// The kernel's line about a neighbour.
    fn line(&self, address: &str) -> Result<Option<String>> {
        let table = self.table()?;
        Ok(table.lines().find(|line| line.starts_with(&format!("{address} "))).map(str::to_owned))
    }
}

#[test]
fn a_neighbour_is_resolved_and_followed_without_traffic() -> Result<()> {
    if !root_or_skip("a_neighbour_is_resolved_and_followed_without_traffic") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    for address in ["10.0.0.9", "fd00::9"] {
        let key = world.key(address);
        world.neighbours.keep(key)?;
        assert_eq!(world.neighbours.mac(key), None);
        let changes = world.until(key, Some(MAC))?;
        assert_eq!(changes, [NeighbourChange { key, mac: Some(MAC) }], "{address}");
        let line = world.line(address)?.context("an entry")?;
        assert!(line.contains("managed"), "{line}");
    }
    // The other end has another address now, and nobody says so but the kernel, which asks from time to time.
    world.far.output("ip", &["link", "set", "far", "address", "02:00:00:00:00:0a"])?;
    for address in ["10.0.0.9", "fd00::9"] {
        world.until(world.key(address), Some(OTHER_MAC))?;
    }
    // It answers no more.
    world.far.output("ip", &["addr", "flush", "dev", "far"])?;
    for address in ["10.0.0.9", "fd00::9"] {
        world.until(world.key(address), None)?;
    }
    world.far.output("ip", &["addr", "add", "10.0.0.9/24", "dev", "far"])?;
    world.until(world.key("10.0.0.9"), Some(OTHER_MAC))?;
    Ok(())
}

#[test]
fn an_entry_that_is_there_keeps_its_address_when_it_is_kept() -> Result<()> {
    if !root_or_skip("an_entry_that_is_there_keeps_its_address_when_it_is_kept") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    world.ip("neigh add 10.0.0.9 dev near lladdr 02:00:00:00:00:09 nud stale")?;
    let key = world.key("10.0.0.9");
    world.neighbours.keep(key)?;
    let line = world.line("10.0.0.9")?.context("an entry")?;
    assert!(line.contains("lladdr 02:00:00:00:00:09") && line.contains("managed"), "{line}");
    world.neighbours.read_again()?;
    assert_eq!(world.neighbours.mac(key), Some(MAC));
    world.neighbours.keep(key)?;
    assert_eq!(world.neighbours.mac(key), Some(MAC), "to keep it twice changes nothing");
    Ok(())
}

#[test]
fn an_operators_entry_is_followed_and_left_alone() -> Result<()> {
    if !root_or_skip("an_operators_entry_is_followed_and_left_alone") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    world.ip("neigh add 10.0.0.77 dev near lladdr 02:00:00:00:00:0a nud permanent")?;
    let key = world.key("10.0.0.77");
    world.neighbours.keep(key)?;
    assert_eq!(world.neighbours.mac(key), Some(OTHER_MAC));
    assert_eq!(world.neighbours.read_again()?, []);
    let line = world.line("10.0.0.77")?.context("an entry")?;
    assert!(line.contains("PERMANENT") && !line.contains("managed"), "{line}");
    world.neighbours.release(key)?;
    assert!(world.line("10.0.0.77")?.is_some_and(|line| line.contains("PERMANENT")));
    Ok(())
}

#[test]
fn a_neighbour_that_the_kernel_knows_already_is_known_at_once() -> Result<()> {
    if !root_or_skip("a_neighbour_that_the_kernel_knows_already_is_known_at_once") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    let keys = ["10.0.0.9", "fd00::9"].map(|address| world.key(address));
    for key in keys {
        world.neighbours.keep(key)?;
        world.until(key, Some(MAC))?;
    }
    // Another one, that begins when nothing is left to tell.
    let mut next = Neighbours::open(&Namespace::at(&world.near.path())?)?;
    for key in keys {
        next.keep(key)?;
        assert_eq!(next.mac(key), Some(MAC), "{key:?}");
    }
    Ok(())
}

#[test]
fn neighbours_that_a_former_edge_kept_are_asked_for_no_more() -> Result<()> {
    if !root_or_skip("neighbours_that_a_former_edge_kept_are_asked_for_no_more") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    let kept = world.key("10.0.0.9");
    for key in [kept, world.key("10.0.0.77"), world.key("fd00::77")] {
        world.neighbours.keep(key)?;
    }
    world.ip("neigh add 10.0.0.78 dev near managed extern_learn")?;
    let mut next = Neighbours::open(&Namespace::at(&world.near.path())?)?;
    next.keep(kept)?;
    next.forget_others(&[world.ifindex + 1].into())?;
    ensure!(world.line("10.0.0.77")?.is_some_and(|line| line.contains("managed")), "not its own");
    next.forget_others(&[world.ifindex].into())?;
    for address in ["10.0.0.77", "10.0.0.78", "fd00::77"] {
        let line = world.line(address)?;
        ensure!(line.as_ref().is_none_or(|line| !line.contains("managed")), "{line:?}");
    }
    ensure!(world.line("10.0.0.9")?.is_some_and(|line| line.contains("managed")));
    Ok(())
}

#[test]
fn a_released_neighbour_is_forgotten() -> Result<()> {
    if !root_or_skip("a_released_neighbour_is_forgotten") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    let key = world.key("10.0.0.9");
    world.neighbours.keep(key)?;
    world.until(key, Some(MAC))?;
    world.neighbours.release(key)?;
    assert_eq!(world.neighbours.mac(key), None);
    assert!(world.line("10.0.0.9")?.is_none_or(|line| !line.contains("managed")));
    world.neighbours.release(key)?;
    // News of it are nobody's concern now.
    world.listener.pump()?;
    let heard = world.listener.take();
    assert!(heard.neighbours.iter().all(|news| world.neighbours.hear(news).is_none()));
    assert_eq!(world.neighbours.iter().count(), 0);
    Ok(())
}

#[test]
fn a_link_that_goes_down_takes_neighbours_along_until_they_are_mended() -> Result<()> {
    if !root_or_skip("a_link_that_goes_down_takes_neighbours_along_until_they_are_mended") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    let keys = ["10.0.0.9", "fd00::9"].map(|address| world.key(address));
    for key in keys {
        world.neighbours.keep(key)?;
        world.until(key, Some(MAC))?;
    }
    world.near.sysctl("net.ipv6.conf.near.keep_addr_on_down", "1")?;
    world.ip("link set near down")?;
    for key in keys {
        world.until(key, None)?;
    }
    world.ip("link set near up")?;
    let mended = world.neighbours.mend();
    assert!(mended.failed.is_empty(), "{mended:?}");
    for key in keys {
        world.until(key, Some(MAC))?;
    }
    let mended = world.neighbours.mend();
    assert!(mended.failed.is_empty() && mended.changes.is_empty(), "nothing is left: {mended:?}");
    Ok(())
}

#[test]
fn a_neighbour_on_no_interface_is_an_error_and_mended_later() -> Result<()> {
    if !root_or_skip("a_neighbour_on_no_interface_is_an_error_and_mended_later") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    let key = NeighbourKey { ifindex: 9999, ..world.key("10.0.0.9") };
    let error = world.neighbours.keep(key).unwrap_err();
    assert!(matches!(error, FeedError::NoInterface(_)), "{error:?}");
    let text = format!("{error:#}");
    assert!(text.contains("10.0.0.9") && text.contains("9999"), "{text}");
    assert_eq!(world.neighbours.mend().failed.len(), 1, "still");
    world.neighbours.release(key)?;
    assert!(world.neighbours.mend().failed.is_empty());
    Ok(())
}

#[test]
fn lost_messages_are_made_up_for() -> Result<()> {
    if !root_or_skip("lost_messages_are_made_up_for") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    let (there, gone) = (world.key("10.0.0.9"), world.key("10.0.0.8"));
    world.ip("neigh add 10.0.0.8 dev near lladdr 02:00:00:00:00:0a nud permanent")?;
    world.neighbours.keep(there)?;
    world.neighbours.keep(gone)?;
    world.until(there, Some(MAC))?;
    world.neighbours.read_again()?;
    assert_eq!(world.neighbours.mac(gone), Some(OTHER_MAC));
    world.ip("neigh del 10.0.0.8 dev near")?;
    // Nobody listens here.
    let changes = world.neighbours.read_again()?;
    assert_eq!(changes, [NeighbourChange { key: gone, mac: None }]);
    let all: Vec<_> = world.neighbours.iter().map(|(key, mac)| (key.address, mac)).collect();
    let address = |last| IpAddr::from([10, 0, 0, last]);
    assert_eq!(all, [(address(8), None), (address(9), Some(MAC))]);
    Ok(())
}

/// A neighbour of IPv6 is asked from a link-local address.
#[test]
fn without_a_link_local_address_ipv6_stays_unresolved() -> Result<()> {
    if !root_or_skip("without_a_link_local_address_ipv6_stays_unresolved") {
        return Ok(());
    }
    let mut world = LinkWorld::new()?;
    world.ip("-6 addr flush dev near scope link")?;
    let (v6, v4) = (world.key("fd00::9"), world.key("10.0.0.9"));
    world.neighbours.keep(v6)?;
    world.neighbours.keep(v4)?;
    world.until(v4, Some(MAC))?;
    assert_eq!(world.neighbours.mac(v6), None);
    world.ip("-6 addr add fe80::1/64 dev near nodad")?;
    world.until(v6, Some(MAC))?;
    Ok(())
}
