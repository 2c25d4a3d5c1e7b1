//! Faults of peers: a wrong key, and more routes than allowed. Each ends when its cause does, and concerns nobody else.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use edge_api::{RouteFamily, SessionState, SessionStatus};
use edge_tests::{
    daemon::{configure, reload},
    exchange::{
        CUSTOMER_ASN, Exchange, ExchangeDaemon as _, LAN, LAN_V6, LINK, LINK_V6, VNET, wait_for_way,
    },
    speaker::{BirdPeer, plans::PeerConfig, wait},
};
use edge_user::{
    config::sample::Sample,
    lab::{private_mounts, root_or_skip},
};

use super::bgp::{bird, end, has_stayed, sessions, wait_for_sessions};

/// The configuration of everybody with keys, without BFD: a busy machine is late with its packets now and then.
fn config(exchange: &Exchange) -> Result<Sample> {
    let config = exchange.keyed_config()?;
    Ok(config.change_circuits(|circuit| circuit.of_peering("private", "bfd", false)))
}

fn of<'s>(
    sessions: &'s [SessionStatus],
    circuit: &str,
    family: RouteFamily,
) -> Result<&'s SessionStatus> {
    let mut found = sessions.iter().filter(|it| it.circuit == circuit && it.family == family);
    found.next().context("a session")
}

#[test]
fn a_wrong_key_keeps_its_own_session_down_until_a_reload_has_the_right_one() -> Result<()> {
    if !root_or_skip("a_wrong_key_keeps_its_own_session_down_until_a_reload_has_the_right_one") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(2)?;
    let [one, other] = &exchange.customers[..] else { anyhow::bail!("two customers") };
    let config = config(&exchange)?;
    let path = other.write_key()?;
    fs::write(&path, "another-key")?;
    let daemon = exchange.start(&config)?;
    let _peers = [bird(one)?, bird(other)?];
    let before = wait_for_sessions(&exchange, 2)?;
    wait_for_way(one, LAN.1, VNET.1)?;
    // Segments with another key are dropped without an answer (RFC 2385, 2.0), so that BIRD tells of no error before its
    // connection has timed out.
    let now = sessions(&exchange)?;
    let own = of(&now, "customer2", RouteFamily::Ipv4)?;
    ensure!(own.state != SessionState::Established && own.routes == 0, "{own:?}");
    println!("with a wrong key, the state is {:?}, the last error {:?}", own.state, own.last_error);
    let answered = one.pings(20, LAN.1, VNET.1)?;
    ensure!(answered == 20, "{answered} of 20: {:?}\n{}", sessions(&exchange), daemon.said());
    ensure!(other.pings(2, LAN.1, VNET.1)? == 0, "it has no route");

    fs::write(&path, other.key())?;
    configure(&config)?;
    reload()?;
    let after = wait_for_sessions(&exchange, 4)?;
    wait_for_way(other, LAN.1, VNET.1)?;
    for family in [RouteFamily::Ipv4, RouteFamily::Ipv6] {
        let [before, after] = [of(&before, "customer1", family)?, of(&after, "customer1", family)?];
        ensure!(has_stayed(before, after), "{before:?} {after:?}");
    }
    end(&exchange, daemon)
}

#[test]
fn a_session_over_its_limit_returns_when_routes_are_withdrawn() -> Result<()> {
    const LIMIT: usize = 10;
    if !root_or_skip("a_session_over_its_limit_returns_when_routes_are_withdrawn") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(2)?;
    let [one, other] = &exchange.customers[..] else { anyhow::bail!("two customers") };
    let config = config(&exchange)?.change_circuit(&other.circuit(), |circuit| {
        circuit.of_peering("private", "max_routes", LIMIT)
    });
    let daemon = exchange.start(&config)?;
    let _quiet = bird(one)?;
    let telling = |count: usize| {
        let mut routes = vec![LAN.0.to_owned(), LAN_V6.0.to_owned()];
        routes.extend((1..count).map(|number| format!("10.20.{number}.0/24")));
        let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
        PeerConfig::new(CUSTOMER_ASN, &[LINK, LINK_V6], &routes).key(&other.key())
    };
    let peer = BirdPeer::start(&other.router, &telling(LIMIT))?;
    let before = wait_for_sessions(&exchange, 4)?;
    wait_for_way(other, LAN.1, VNET.1)?;

    // A lower limit that ends a session is refused, and one that routes fit into, or a higher one, resets nobody.
    let limited = |most: usize| {
        config.clone().change_circuit(&other.circuit(), |circuit| {
            circuit.of_peering("private", "max_routes", most)
        })
    };
    configure(&limited(LIMIT - 1))?;
    let refused = reload().unwrap_err().to_string();
    let named = "circuit \"customer2\" private primary has 10 IPv4 routes, and could have 9";
    ensure!(refused.contains(named), "{refused}");
    let before_limits = sessions(&exchange)?;
    for most in [LIMIT + 1, 10_000, LIMIT] {
        configure(&limited(most))?;
        reload()?;
        let own = wait(|| {
            let now = sessions(&exchange)?;
            let own = of(&now, "customer2", RouteFamily::Ipv4)?;
            Ok((usize::try_from(own.limit)? == most).then(|| own.clone()))
        })?;
        ensure!(has_stayed(of(&before_limits, "customer2", RouteFamily::Ipv4)?, &own), "{own:?}");
    }

    peer.change(&telling(LIMIT + 1))?;
    let over = wait(|| {
        let now = sessions(&exchange)?;
        let own = of(&now, "customer2", RouteFamily::Ipv4)?;
        Ok((own.state != SessionState::Established).then(|| own.clone()))
    })?;
    ensure!(over.over_limit, "{over:?}");
    ensure!(over.last_error.is_some(), "{over:?}");
    wait(|| Ok((other.pings(1, LAN.1, VNET.1)? == 0).then_some(())))?;
    // Cease, for the maximum number of prefixes (RFC 4486, 4).
    wait(|| Ok(peer.log()?.contains("Maximum number of prefixes reached").then_some(())))
        .with_context(|| peer.log().unwrap_or_default())?;

    peer.change(&telling(LIMIT))?;
    let after = wait_for_sessions(&exchange, 4)?;
    let own = of(&after, "customer2", RouteFamily::Ipv4)?;
    ensure!(!own.over_limit, "{own:?}");
    wait_for_way(other, LAN.1, VNET.1)?;
    for family in [RouteFamily::Ipv4, RouteFamily::Ipv6] {
        let [before, after] = [of(&before, "customer1", family)?, of(&after, "customer1", family)?];
        ensure!(has_stayed(before, after), "{before:?} {after:?}");
    }
    end(&exchange, daemon)
}
