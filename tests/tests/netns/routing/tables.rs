//! Routes that others put into the kernel's tables: `daemon = "none"`, and `ip route` in the routing namespace.

use std::{
    fmt::Write as _,
    io::Write as _,
    net::IpAddr,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::{Client, RouteListing, RouteLookup, RoutesView};
use edge_tests::{
    exchange::{Exchange, ExchangeDaemon as _, GATEWAY, LAN, LINK, VNET, wait_for_way},
    speaker::wait,
};
use edge_user::{
    config::sample::Sample,
    lab::{private_mounts, root_or_skip},
};

use super::{
    gateways,
    two_links::{SECOND, TwoLinks, ip},
};

const CONTROL: &str = "/run/edge/control.sock";
const NETNS: &str = "edge-routing";
/// The first of the kernel's tables.
const FIRST_TABLE: u32 = 1_000;
/// Routes of a table whose change is timed.
const MANY: u32 = 4_000;
/// Time after which a table does not count as one that goes on changing.
const QUIET: Duration = Duration::from_millis(1_500);

/// The routing domain of the first customer, as `ip` sees it.
struct Domain<'e> {
    exchange: &'e Exchange,
    client: Client,
    table: u32,
}

impl<'e> Domain<'e> {
    fn of(exchange: &'e Exchange) -> Result<Self> {
        let mut domain = Self { exchange, client: Client::new(Path::new(CONTROL)), table: 0 };
        let number = domain.device(LINK.1)?.trim_start_matches('r').parse::<u32>()?;
        domain.table = FIRST_TABLE + number;
        Ok(domain)
    }

    /// The device of the first link with this address of the edge's: indices are given in the order of links.
    fn device(&self, own: &str) -> Result<String> {
        let said = self.ip(&format!("-o address show to {own}"))?;
        let names = said.lines().filter_map(|line| line.split_whitespace().nth(1));
        let first =
            names.min_by_key(|name| name.trim_start_matches('r').parse().unwrap_or(u32::MAX));
        first.map(str::to_owned).with_context(|| format!("no device has {own}: {said}"))
    }

    fn ip(&self, arguments: &str) -> Result<String> {
        ip(&self.exchange.edge, &format!("-n {NETNS} {arguments}"))
    }

    /// `ip route` with the domain's table.
    fn route(&self, arguments: &str) -> Result<()> {
        let (verb, rest) = arguments.split_once(' ').context("a verb and a route")?;
        self.ip(&format!("route {verb} table {} {rest}", self.table)).map(drop)
    }

    /// Many changes of routes at once.
    fn batch(&self, lines: &str) -> Result<()> {
        let mut command = self.exchange.edge.command("ip");
        command.args(["-n", NETNS, "-batch", "-"]).stdin(Stdio::piped());
        let mut child = command.spawn().context("starting ip")?;
        child.stdin.take().context("its input")?.write_all(lines.as_bytes())?;
        ensure!(child.wait()?.success(), "ip has failed");
        Ok(())
    }

    fn lookup(&self, address: &str) -> Result<RouteLookup> {
        Ok(self.client.lookup("customer1", "private", address.parse::<IpAddr>()?, None)?)
    }

    /// Waits until frames to the address have this fate.
    fn becomes(&self, address: &str, reason: &str, next_hops: &[&str]) -> Result<()> {
        wait(|| {
            let found = self.lookup(address)?;
            let mut hops: Vec<String> =
                found.next_hops.iter().map(|hop| hop.next_hop.to_string()).collect();
            hops.sort();
            Ok((found.reason == reason && hops == next_hops).then_some(()))
        })
        .with_context(|| format!("{address}: {:?}", self.lookup(address)))?;
        self.does_not_differ()
    }

    /// The forwarding table has followed the kernel's.
    fn does_not_differ(&self) -> Result<()> {
        wait(|| {
            let routes = self.client.routes("customer1", "private", RoutesView::Diff)?;
            let RouteListing::Diff { routes } = routes.listing else {
                anyhow::bail!("another view: {routes:?}")
            };
            Ok(routes.is_empty().then_some(()))
        })
        .with_context(|| {
            format!("{:?}", self.client.routes("customer1", "private", RoutesView::Diff))
        })
    }
}

/// A configuration whose tables others fill: with room for many routes on both sides.
fn config(exchange: &Exchange) -> Sample {
    // AS numbers make the room: what BGP could announce.
    gateways::config(exchange).routing("daemon", "none")
}

#[test]
fn routes_of_ip_route_are_followed() -> Result<()> {
    if !root_or_skip("routes_of_ip_route_are_followed") {
        return Ok(());
    }
    private_mounts()?;
    let lab = TwoLinks::new()?;
    let daemon = lab.exchange.start(&TwoLinks::with_second(config(&lab.exchange)))?;
    let domain = Domain::of(&lab.exchange)?;
    let (first, second) = (domain.device(LINK.1)?, domain.device(SECOND.1)?);
    let vnet = domain.device(GATEWAY.1)?;
    let customer = lab.customer();

    // Both sides have a way, by a route each.
    domain.route(&format!("add {} via {} dev {vnet}", VNET.0, GATEWAY.0))?;
    domain.route(&format!("add {} via {} dev {first}", LAN.0, LINK.0))?;
    domain.becomes(VNET.1, "ok", &[GATEWAY.0])?;
    domain.becomes(LAN.1, "ok", &[LINK.0])?;
    wait_for_way(customer, LAN.1, VNET.1)?;

    // Two ways, of which flows take either.
    domain.route(&format!(
        "replace {} nexthop via {} dev {first} nexthop via {} dev {second}",
        LAN.0, LINK.0, SECOND.0
    ))?;
    domain.becomes(LAN.1, "ok", &[LINK.0, SECOND.0])?;
    let before = lab.by_link()?;
    let probes = lab.probes()?;
    probes.wait_until_whole()?;
    edge_tests::probes::none_lost(probes)?;
    let after = lab.by_link()?;
    ensure!(
        before.iter().zip(after).all(|(before, after)| after.frames > before.frames),
        "{before:?} {after:?}"
    );

    // A host's route, one without a way, and the default.
    domain.route(&format!("add 10.9.0.1/32 via {} dev {second}", SECOND.0))?;
    domain.becomes(LAN.1, "ok", &[SECOND.0])?;
    domain.becomes("10.9.0.2", "ok", &[LINK.0, SECOND.0])?;
    ensure!(customer.pings(5, LAN.1, VNET.1)? == 5);
    domain.route("add blackhole 10.1.0.1/32")?;
    domain.becomes(VNET.1, "no-route", &[])?;
    ensure!(customer.pings(2, LAN.1, VNET.1)? == 0, "it leads nowhere");
    domain.route("del blackhole 10.1.0.1/32")?;
    domain.becomes(VNET.1, "ok", &[GATEWAY.0])?;
    ensure!(customer.pings(5, LAN.1, VNET.1)? == 5);
    domain.becomes("198.51.100.1", "no-route", &[])?;
    domain.route(&format!("add 0.0.0.0/0 via {} dev {first}", LINK.0))?;
    domain.becomes("198.51.100.1", "ok", &[LINK.0])?;
    ensure!(customer.pings(5, LAN.1, VNET.1)? == 5);

    // Without its route, nothing goes there; the other customer never had any.
    domain.route("del 0.0.0.0/0")?;
    domain.route(&format!("del {}", VNET.0))?;
    domain.becomes(VNET.1, "no-route", &[])?;
    ensure!(customer.pings(2, LAN.1, VNET.1)? == 0, "the route is gone");
    ensure!(lab.exchange.customers[1].pings(2, LAN.1, VNET.1)? == 0, "it has no route");
    daemon.stop()?;
    lab.exchange.detach()
}

#[test]
fn a_change_among_4000_routes_is_followed() -> Result<()> {
    if !root_or_skip("a_change_among_4000_routes_is_followed") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(1)?;
    let daemon = exchange.start(&config(&exchange))?;
    let domain = Domain::of(&exchange)?;
    let link = domain.device(LINK.1)?;
    let mut lines = String::new();
    let way = format!("via {} dev {link} table {}", LINK.0, domain.table);
    for number in 0..MANY - 1 {
        writeln!(lines, "route add 172.{}.{}.0/24 {way}", 16 + number / 256, number % 256)?;
    }
    let begun = Instant::now();
    domain.batch(&lines)?;
    println!("ip has added {} routes in {:?}", MANY - 1, begun.elapsed());
    let last = "172.31.158.1";
    domain.becomes(last, "ok", &[LINK.0])?;
    println!("they are in the forwarding table after {:?}", begun.elapsed());
    let mut times = Vec::new();
    for round in 0..6 {
        let (verb, reason) = if round % 2 == 0 { ("add", "ok") } else { ("del", "no-route") };
        // A table that was quiet for a second is read at once.
        thread::sleep(QUIET);
        let begun = Instant::now();
        domain.route(&format!("{verb} 172.31.200.0/24 via {} dev {link}", LINK.0))?;
        let changed = Instant::now();
        while domain.lookup("172.31.200.1")?.reason != reason {
            ensure!(begun.elapsed() < edge_tests::patience::PATIENCE, "it is not followed");
        }
        times.push((changed.elapsed(), begun.elapsed()));
    }
    times.sort();
    println!(
        "a change of one of {MANY} routes: followed {:?} after the end of ip, {:?} after its start, \
         in the middle of {} changes",
        times[times.len() / 2].0,
        times[times.len() / 2].1,
        times.len()
    );
    domain.batch(&lines.replace("route add", "route del"))?;
    domain.becomes(last, "no-route", &[])?;
    daemon.stop()?;
    exchange.detach()
}
