//! Limits that a SKU sets, raised and lowered while sessions are up: routes of a private peering, and VNet links.

use std::thread;

use anyhow::{Context as _, Result, ensure};
use edge_api::{RouteFamily, RouteLookup, SessionState, SessionStatus};
use edge_tests::{
    daemon::{configure, reload},
    exchange::{
        CUSTOMER_ASN, Customer, Exchange, ExchangeDaemon as _, LAN, LAN_V6, LINK, LINK_V6, VNET,
        wait_for_way,
    },
    speaker::{BirdPeer, plans::PeerConfig, wait},
    stock::ip,
};
use edge_user::{
    config::sample::Sample,
    lab::{NetNs, TagStack, private_mounts, root_or_skip},
};

use super::bgp::{bird, end, has_stayed, sessions, wait_for_sessions};

/// IPv4 routes that a standard circuit's private peering may have.
const STANDARD_ROUTES: u16 = 4_000;
/// IPv4 routes that a premium circuit's private peering may have.
const PREMIUM_ROUTES: u16 = 10_000;
/// VNet links that a standard circuit may have.
const STANDARD_LINKS: u16 = 10;
/// The network, a host in it, and both ends of the link of the VNet that is one more than those.
const LAST_VNET: &str = "10.3.11.0/24";
const LAST_HOST: &str = "10.3.11.1";
const LAST_GATEWAY: (&str, &str) = ("10.2.11.6", "10.2.11.5");

/// The first customer's circuit, sold as `sku`, with this many VNet links. Without BFD: a busy machine is late with its
/// packets now and then.
fn sold_as(exchange: &Exchange, sku: &str, links: u16) -> Result<Sample> {
    let config = exchange.keyed_config()?;
    let config = config.change_circuits(|circuit| circuit.of_peering("private", "bfd", false));
    Ok(config.change_circuit(&exchange.customers[0].circuit(), |circuit| {
        (2..=links).fold(circuit.key("sku", sku), |circuit, number| {
            let vnet = format!("vnet{number}");
            circuit
                .of_vnet(&vnet, "port", "core0")
                .of_vnet(&vnet, "s_tag", 2_100 + number)
                .of_vnet(&vnet, "c_tag", 1)
                .of_vnet(&vnet, "own", format!("10.2.{number}.5/30"))
                .of_vnet(&vnet, "gateway", format!("10.2.{number}.6"))
                .of_vnet(&vnet, "prefixes", vec![format!("10.3.{number}.0/24")])
        })
    }))
}

/// Puts the gateway of the last VNet behind its link, and has the customer's router know the way there.
fn last_vnet(exchange: &mut Exchange) -> Result<NetNs> {
    let gateway = exchange.core_side.host(TagStack::qinq(2_100 + STANDARD_LINKS + 1, 1))?;
    ip(&gateway, &format!("address add {}/30 dev eth0", LAST_GATEWAY.0))?;
    ip(&gateway, &format!("address add {LAST_HOST}/32 dev lo"))?;
    let (there, back) = (LINK.1, LAST_GATEWAY.1);
    ip(&gateway, &format!("route add {} via {back} dev eth0 src {LAST_HOST}", LAN.0))?;
    let router = &exchange.customers[0].router;
    ip(router, &format!("route add {LAST_VNET} via {there} dev eth0 src {}", LAN.1))?;
    Ok(gateway)
}

/// The first three bytes of the prefix that is announced as this number; the first one is the customer's network.
fn prefix(number: u16) -> String {
    format!("10.{}.{}", 16 + number / 256, number % 256)
}

/// The customer's router, which announces this many IPv4 prefixes.
fn announcing(customer: &Customer, count: u16) -> PeerConfig {
    let mut routes = vec![LAN.0.to_owned(), LAN_V6.0.to_owned()];
    routes.extend((2..=count).map(|number| format!("{}.0/24", prefix(number))));
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    PeerConfig::new(CUSTOMER_ASN, &[LINK, LINK_V6], &routes).key(&customer.key())
}

fn of_first(sessions: &[SessionStatus]) -> Result<&SessionStatus> {
    let mut found =
        sessions.iter().filter(|it| it.circuit == "customer1" && it.family == RouteFamily::Ipv4);
    found.next().context("the first customer's session")
}

/// Waits until the first customer's session of IPv4 is up with this many routes and this limit, and returns all.
fn wait_for_routes(exchange: &Exchange, routes: u16, limit: u16) -> Result<Vec<SessionStatus>> {
    let (routes, limit) = (u32::from(routes), u32::from(limit));
    wait(|| {
        let all = sessions(exchange)?;
        let own = of_first(&all)?;
        let is_up = own.state == SessionState::Established && !own.over_limit;
        let is_whole = own.routes == routes && own.routes_refused == 0 && own.limit == limit;
        Ok((is_up && is_whole).then_some(all))
    })
    .with_context(|| format!("not {routes} routes of {limit}: {:?}", sessions(exchange)))
}

/// Every session has stayed but those of which `ended` is true.
fn stay(
    before: &[SessionStatus],
    after: &[SessionStatus],
    ended: impl Fn(&SessionStatus) -> bool,
) -> Result<()> {
    ensure!(before.len() == after.len(), "{before:?} {after:?}");
    for (before, after) in before.iter().zip(after).filter(|(before, _)| !ended(before)) {
        ensure!(has_stayed(before, after), "{before:?} {after:?}");
    }
    Ok(())
}

/// A reload of this configuration is refused with this message, and changes no session, no route and no limit.
fn is_refused(exchange: &Exchange, config: &Sample, message: &str) -> Result<()> {
    let before = sessions(exchange)?;
    configure(config)?;
    let refused = reload().err().context("a reload that is refused")?.to_string();
    ensure!(refused.contains(message), "{refused}");
    let after = sessions(exchange)?;
    stay(&before, &after, |_| false)?;
    let [before, after] = [of_first(&before)?, of_first(&after)?];
    ensure!((before.routes, before.limit) == (after.routes, after.limit), "{before:?} {after:?}");
    Ok(())
}

/// Waits until frames from the virtual network to the first customer's prefix of this number have a way.
fn wait_for_prefix(exchange: &Exchange, number: u16) -> Result<()> {
    let (circuit, host) = (exchange.customers[0].circuit(), format!("{}.1", prefix(number)));
    let question = ["lookup", &circuit, "private", &host, "--from", VNET.1, "--json"];
    wait(|| {
        let lookup: RouteLookup = serde_json::from_str(&exchange.edge(&question)?)?;
        let leads_there = lookup.next_hop.is_some_and(|hop| hop.to_string() == LINK.0);
        Ok((lookup.reason == "ok" && lookup.direction == "outbound" && leads_there).then_some(()))
    })
    .with_context(|| format!("{host}: {:?}", exchange.edge(&question)))
}

/// One route more than premium has ends the session that tells it, and no other. The session returns with the route's end.
fn one_route_too_many(exchange: &Exchange, peer: &BirdPeer) -> Result<()> {
    let [one, other] = &exchange.customers[..] else { anyhow::bail!("two customers") };
    let before = wait_for_routes(exchange, PREMIUM_ROUTES, PREMIUM_ROUTES)?;
    let is_own = |it: &SessionStatus| it.circuit == "customer1" && it.family == RouteFamily::Ipv4;
    thread::scope(|scope| {
        let pings = scope.spawn(|| other.pings(400, LAN.1, VNET.1));
        peer.change(&announcing(one, PREMIUM_ROUTES + 1))?;
        let over = wait(|| {
            let all = sessions(exchange)?;
            Ok(of_first(&all)?.over_limit.then_some(all))
        })?;
        stay(&before, &over, is_own)?;
        wait(|| Ok((one.pings(1, LAN.1, VNET.1)? == 0).then_some(())))?;
        let answered = pings.join().expect("no panic")?;
        ensure!(answered == 400, "{answered} of 400 pings of the other customer were answered");
        Ok(())
    })?;
    peer.change(&announcing(one, PREMIUM_ROUTES))?;
    let after = wait_for_routes(exchange, PREMIUM_ROUTES, PREMIUM_ROUTES)?;
    stay(&before, &after, is_own)?;
    wait_for_prefix(exchange, PREMIUM_ROUTES)?;
    wait_for_way(one, LAN.1, VNET.1)
}

#[test]
fn premium_is_raised_and_lowered_while_sessions_are_up() -> Result<()> {
    if !root_or_skip("premium_is_raised_and_lowered_while_sessions_are_up") {
        return Ok(());
    }
    private_mounts()?;
    let mut exchange = Exchange::new(2)?;
    let _gateway = last_vnet(&mut exchange)?;
    let [one, other] = &exchange.customers[..] else { anyhow::bail!("two customers") };
    let sold_as = |sku: &str, links: u16| sold_as(&exchange, sku, links);
    let daemon = exchange.start(&sold_as("standard", STANDARD_LINKS)?)?;
    let peer = BirdPeer::start(&one.router, &announcing(one, STANDARD_ROUTES))?;
    let _quiet = bird(other)?;
    wait_for_sessions(&exchange, 4)?;
    let before = wait_for_routes(&exchange, STANDARD_ROUTES, STANDARD_ROUTES)?;
    wait_for_way(one, LAN.1, VNET.1)?;
    wait_for_way(other, LAN.1, VNET.1)?;
    ensure!(one.pings(1, LAN.1, LAST_HOST)? == 0, "no link leads there");

    let links = "the circuit has 11 VNet links, and a standard circuit may have 10; remove some, or give it \
                 `sku = \"premium\"`, which at 1 Gbps may have 50";
    is_refused(&exchange, &sold_as("standard", STANDARD_LINKS + 1)?, links)?;
    configure(&sold_as("premium", STANDARD_LINKS + 1)?)?;
    reload()?;
    let raised = wait_for_routes(&exchange, STANDARD_ROUTES, PREMIUM_ROUTES)?;
    stay(&before, &raised, |_| false)?;
    wait_for_way(one, LAN.1, LAST_HOST)?;
    ensure!(one.pings(20, LAN.1, LAST_HOST)? == 20);
    peer.change(&announcing(one, PREMIUM_ROUTES))?;
    let full = wait_for_routes(&exchange, PREMIUM_ROUTES, PREMIUM_ROUTES)?;
    stay(&before, &full, |_| false)?;
    wait_for_prefix(&exchange, PREMIUM_ROUTES)?;

    one_route_too_many(&exchange, &peer)?;

    is_refused(&exchange, &sold_as("standard", STANDARD_LINKS + 1)?, links)?;
    let routes = "circuit \"customer1\" private primary has 10000 IPv4 routes, and could have 4000; have the \
         customers tell fewer routes first, or keep `sku` or `max_routes`";
    is_refused(&exchange, &sold_as("standard", STANDARD_LINKS)?, routes)?;
    wait_for_prefix(&exchange, PREMIUM_ROUTES)?;
    peer.change(&announcing(one, STANDARD_ROUTES))?;
    let fits = wait_for_routes(&exchange, STANDARD_ROUTES, PREMIUM_ROUTES)?;
    reload()?;
    let lowered = wait_for_routes(&exchange, STANDARD_ROUTES, STANDARD_ROUTES)?;
    stay(&fits, &lowered, |_| false)?;
    wait_for_prefix(&exchange, STANDARD_ROUTES)?;
    ensure!(one.pings(20, LAN.1, VNET.1)? == 20);
    wait(|| Ok((one.pings(1, LAN.1, LAST_HOST)? == 0).then_some(())))?;
    stay(&before, &lowered, |it| it.circuit == "customer1")?;
    ensure!(other.pings(20, LAN.1, VNET.1)? == 20);
    end(&exchange, daemon)
}
