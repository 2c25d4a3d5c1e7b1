//! A provider's PE between the edge and a customer: the PE is the peer, and the customer's AS is behind its own.
//!
//! ```text
//!  customer AS 65010 ─── PE AS 64500 ══ edge AS 12076 ─┬─ virtual network AS 65515
//!                                                      └─ services AS 65516
//! ```

use anyhow::{Context as _, Result, ensure};
use edge_api::{RouteListing, RouteStanding, Routes};
use edge_tests::{
    exchange::{Exchange, ExchangeDaemon as _, GATEWAY, LAN, VNET, pings},
    speaker::{BirdPeer, plans::PeerConfig, wait},
};
use edge_user::lab::{NetNs, root_or_skip};

use super::{
    super::{
        bgp::{end, wait_for_sessions},
        two_links::ip,
    },
    ModelLab, tags,
};

const VPN: &str = include_str!("../../../../../contrib/examples/ipvpn.toml");
const PE: &str = include_str!("../../../../../contrib/examples/ipvpn.bird.conf");
/// A customer's router at a site of the VPN.
const CUSTOMER: &str = "router id 10.9.0.1;\nprotocol device {}\n\
    protocol static { ipv4; route 10.9.0.0/16 blackhole; route 203.0.113.0/24 blackhole; }\n\
    protocol kernel { ipv4 { import none; export where source = RTS_BGP; }; }\n\
    protocol bgp provider { local 10.255.9.2 as 65010; neighbor 10.255.9.1 as 64500; direct;\n\
    connect retry time 1; error wait time 1, 2; ipv4 { import all; export where source = RTS_STATIC; }; }\n";
/// The customer's registered prefix, and a host in it.
const REGISTERED: (&str, &str) = ("203.0.113.0/24", "203.0.113.1");
/// The prefix of services, and a host in it.
const SERVICES: (&str, &str) = ("20.33.0.0/16", "20.33.0.1");

/// The routes of a peering that the PE has told: link, path, and the edge's use.
fn received(exchange: &Exchange, peering: &str) -> Result<Vec<(String, String, RouteStanding)>> {
    let routes = exchange.edge(&["routes", "northwind", peering, "--received", "--json"])?;
    let Routes { listing, .. } = serde_json::from_str(&routes)?;
    let RouteListing::Received { routes } = listing else { anyhow::bail!("{listing:?}") };
    let of = |it: edge_api::ReceivedRoute| {
        let path = it.route.as_path.unwrap_or_default();
        (it.route.link.unwrap_or_default(), path, it.standing)
    };
    Ok(routes.into_iter().filter(|it| it.route.vnet.is_none()).map(of).collect())
}

/// Waits until the paths of both links are these.
fn paths_are(exchange: &Exchange, peering: &str, [primary, secondary]: [&str; 2]) -> Result<()> {
    let of = |link: &str, path: &str, standing| (link.to_owned(), path.to_owned(), standing);
    let wanted = [
        of("primary", primary, RouteStanding::Used),
        of("secondary", secondary, RouteStanding::Spare),
    ];
    wait(|| Ok((received(exchange, peering)? == wanted).then_some(())))
        .with_context(|| format!("{:?} instead of {wanted:?}", received(exchange, peering)))
}

/// Waits until a router has a route with this path.
fn learns(peer: &BirdPeer, prefix: &str, path: &str) -> Result<()> {
    let line = format!("BGP.as_path: {path}");
    wait(|| Ok(peer.route(prefix)?.contains(&line).then_some(())))
        .with_context(|| format!("{prefix}: no {line} in {:?}", peer.route(prefix)))
}

/// The customer's router, on a cable to the PE.
fn customer_of(pe: &NetNs) -> Result<NetNs> {
    let customer = NetNs::new()?;
    let far = customer.path();
    ip(pe, &format!("link add name vpn type veth peer name eth0 netns {}", far.display()))?;
    ip(pe, "address add 10.255.9.1/30 dev vpn")?;
    ip(pe, "link set vpn up")?;
    ip(&customer, "address add 10.255.9.2/30 dev eth0")?;
    ip(&customer, "link set eth0 up")?;
    ModelLab::add_hosts(&customer)?;
    ip(&customer, &format!("address add {}/32 dev lo", REGISTERED.1))?;
    Ok(customer)
}

#[test]
fn in_an_ipvpn_the_providers_pe_is_the_peer() -> Result<()> {
    if !root_or_skip("in_an_ipvpn_the_providers_pe_is_the_peer") {
        return Ok(());
    }
    let mut lab = ModelLab::new([(102, 10); 2])?;
    // The Microsoft peering, on both links too.
    lab.exchange.customer_side.lead_to(&lab.router, "eth2", tags((102, 20)))?;
    let second = lab.exchange.second_side.as_mut().context("a second cable")?;
    second.lead_to(&lab.router, "eth3", tags((102, 20)))?;
    ip(&lab.router, "address add 198.51.100.17/30 dev eth2")?;
    ip(&lab.router, "address add 198.51.100.21/30 dev eth3")?;
    let services = lab.exchange.core_side.host(tags((3000, 1)))?;
    ip(&services, "address add 10.255.0.2/30 dev eth0")?;
    ip(&services, &format!("address add {}/32 dev lo", SERVICES.1))?;
    let customer = customer_of(&lab.router)?;

    let daemon = lab.start(VPN)?;
    let gateway = PeerConfig::new(65_515, &[GATEWAY], &[VNET.0]).forwards();
    let gateway = BirdPeer::start(&lab.vnet, &gateway)?;
    let of_services = PeerConfig::new(65_516, &[("10.255.0.2", "10.255.0.1")], &[]).forwards();
    let of_services = BirdPeer::start(&services, &of_services)?;
    let _pe = BirdPeer::start_text(&lab.router, PE)?;
    let own = BirdPeer::start_text(&customer, CUSTOMER)?;
    wait_for_sessions(&lab.exchange, 6)?;

    // A private peering keeps the customer's AS. The others keep public numbers alone.
    paths_are(&lab.exchange, "private", ["64500 65010", "64500 64500 65010"])?;
    paths_are(&lab.exchange, "microsoft", ["64500", "64500 64500"])?;
    learns(&gateway, LAN.0, "12076 64500 65010")?;
    learns(&of_services, REGISTERED.0, "12076 64500")?;
    learns(&own, VNET.0, "64500 12076")?;
    learns(&own, SERVICES.0, "64500 12076")?;
    ensure!(gateway.route(REGISTERED.0)?.is_empty(), "a registered prefix in the virtual network");

    wait(|| Ok((pings(&customer, 1, REGISTERED.1, SERVICES.1)? == 1).then_some(())))?;
    ensure!(pings(&customer, 20, REGISTERED.1, SERVICES.1)? == 20);
    lab.carry(&customer, [true, false])?;
    lab.exchange.customer_side.cut(tags(lab.links[0]))?;
    lab.carry(&customer, [false, true])?;
    lab.exchange.customer_side.mend(tags(lab.links[0]))?;
    wait_for_sessions(&lab.exchange, 6)?;
    lab.carry(&customer, [true, false])?;
    end(&lab.exchange, daemon)
}
