//! Customers that speak BGP: BIRD and FRR as they come with Debian, with the same addresses, keys of their own and BFD.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use edge_api::{LivenessState, RouteFamily, SessionState, SessionStatus, Sessions};
use edge_tests::{
    daemon::{Daemon, configure, reload},
    exchange::{
        BFD_MS, CUSTOMER_ASN, Customer, Exchange, ExchangeDaemon as _, LAN, LAN_V6, LINK, LINK_V6,
        VNET, speaker, wait_for_way,
    },
    speaker::{BirdPeer, FrrPeer, plans::PeerConfig, wait},
};
use edge_user::lab::{private_mounts, root_or_skip};
use jiff::Timestamp;
use nix::sys::signal::{Signal, kill};

/// The sessions, as `edge sessions --json` has them.
pub(super) fn sessions(exchange: &Exchange) -> Result<Vec<SessionStatus>> {
    let document: Sessions = serde_json::from_str(&exchange.edge(&["sessions", "--json"])?)?;
    Ok(document.sessions)
}

/// Waits until that many sessions are up, and returns all.
pub(super) fn wait_for_sessions(exchange: &Exchange, up: usize) -> Result<Vec<SessionStatus>> {
    let is_up = |session: &&SessionStatus| session.state == SessionState::Established;
    wait(|| {
        let sessions = sessions(exchange)?;
        Ok((sessions.iter().filter(is_up).count() == up).then_some(sessions))
    })
    .with_context(|| format!("not {up} sessions: {:?}", sessions(exchange)))
}

/// Whether a session has stayed in its state. The speaker computes the begin anew for each answer.
pub(super) fn has_stayed(before: &SessionStatus, after: &SessionStatus) -> bool {
    let begin = |session: &SessionStatus| session.since.map(Timestamp::as_millisecond);
    let same_begin = begin(before).zip(begin(after));
    before.state == after.state && same_begin.is_some_and(|(a, b)| a.abs_diff(b) < 500)
}

/// A customer's BIRD, with its key and BFD.
pub(super) fn bird(customer: &Customer) -> Result<BirdPeer> {
    BirdPeer::start(&customer.router, &customer.peer_config())
}

/// Ends with what an edge leaves behind.
pub(super) fn end(exchange: &Exchange, daemon: Daemon) -> Result<()> {
    daemon.stop()?;
    exchange.detach()?;
    ensure!(speaker().is_err(), "BIRD runs on");
    Ok(())
}

#[test]
fn bird_and_frr_exchange_routes_and_traffic_with_their_own_networks() -> Result<()> {
    if !root_or_skip("bird_and_frr_exchange_routes_and_traffic_with_their_own_networks") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(2)?;
    let [one, other] = &exchange.customers[..] else { anyhow::bail!("two customers") };
    let daemon = exchange.start(&exchange.keyed_config()?)?;
    let bird = bird(one)?;
    let frr = FrrPeer::of(&other.router, &other.peer_config())?;
    wait_for_sessions(&exchange, 4)?;
    // Both ends tell their routes, and packets of BFD pass, a moment later.
    let is_whole = |session: &SessionStatus| {
        let bfd = session.bfd.as_ref().map(|bfd| bfd.state);
        session.routes == 1 && session.routes_told == 1 && bfd == Some(LivenessState::Up)
    };
    wait(|| Ok(sessions(&exchange)?.iter().all(is_whole).then_some(())))
        .with_context(|| format!("{:?}", sessions(&exchange)))?;
    ensure!(bird.learned("ipv4")? == [VNET.0], "{:?}", bird.learned("ipv4")?);
    let learned = frr.ask("show ip bgp")?;
    ensure!(learned.contains(VNET.0), "{learned}");
    for customer in [one, other] {
        wait_for_way(customer, LAN.1, VNET.1)?;
        ensure!(customer.pings(20, LAN.1, VNET.1)? == 20);
    }
    // A source that the customer has not announced.
    one.router.output("ip", &["address", "add", "10.8.0.1/32", "dev", "lo"])?;
    ensure!(one.pings(2, "10.8.0.1", VNET.1)? == 0, "it is not the customer's");
    end(&exchange, daemon)
}

#[test]
fn neither_the_end_of_bird_nor_of_the_daemon_costs_a_frame() -> Result<()> {
    if !root_or_skip("neither_the_end_of_bird_nor_of_the_daemon_costs_a_frame") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(1)?;
    // Without BFD, which would end with BIRD.
    let customer = &exchange.customers[0];
    let path = customer.write_key()?;
    let config = exchange
        .bgp_config()
        .routing("bfd", false)
        .change_circuit(&customer.circuit(), |circuit| {
            circuit.of_peering("private", "key_file", path.as_str())
        });
    let daemon = exchange.start(&config)?;
    let ends = [LINK, LINK_V6];
    let peer = PeerConfig::new(CUSTOMER_ASN, &ends, &[LAN.0, LAN_V6.0]).key(&customer.key());
    let _peer = BirdPeer::start(&customer.router, &peer)?;
    wait_for_sessions(&exchange, 2)?;
    wait_for_way(customer, LAN.1, VNET.1)?;

    let mut daemon = Some(daemon);
    for round in 0..2 {
        let traffic = thread::scope(|scope| {
            let pings = scope.spawn(|| customer.pings(400, LAN.1, VNET.1));
            thread::sleep(Duration::from_millis(500));
            let before = speaker()?;
            if round == 0 {
                kill(before, Signal::SIGKILL)?;
                wait(|| Ok(speaker().ok().filter(|pid| *pid != before)))?;
            } else {
                daemon.take().context("it runs")?.kill()?;
                daemon = Some(exchange.start(&config)?);
                ensure!(speaker()? == before, "BIRD outlives the daemon");
            }
            pings.join().expect("no panic")
        })?;
        ensure!(traffic == 400, "{traffic} of 400 pings were answered in round {round}");
        wait_for_sessions(&exchange, 2)?;
    }
    end(&exchange, daemon.context("it runs")?)
}

#[test]
fn a_change_of_one_customer_disturbs_no_other() -> Result<()> {
    if !root_or_skip("a_change_of_one_customer_disturbs_no_other") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(2)?;
    let [one, other] = &exchange.customers[..] else { anyhow::bail!("two customers") };
    let both = exchange.keyed_config()?;
    let daemon = exchange.start(&both)?;
    let _peers = [bird(one)?, bird(other)?];
    let before = wait_for_sessions(&exchange, 4)?;
    wait_for_way(one, LAN.1, VNET.1)?;

    let slower = both.clone().change_circuit(&other.circuit(), |circuit| {
        circuit.key("bandwidth", "2 Gbps").of_peering("private", "max_routes", 10)
    });
    let without =
        both.clone().change_circuit(&other.circuit(), |circuit| circuit.key("enabled", false));
    let answered = thread::scope(|scope| {
        let pings = scope.spawn(|| one.pings(400, LAN.1, VNET.1));
        for config in [slower, without, both] {
            thread::sleep(Duration::from_millis(500));
            configure(&config)?;
            reload()?;
        }
        pings.join().expect("no panic")
    })?;
    ensure!(answered == 400, "{answered} of 400 pings were answered");
    let after = wait_for_sessions(&exchange, 4)?;
    for (before, after) in before.iter().zip(&after).filter(|(it, _)| it.circuit == "customer1") {
        ensure!(has_stayed(before, after), "{before:?} {after:?}");
    }
    end(&exchange, daemon)
}

#[test]
fn a_flood_of_routes_ends_its_own_session_alone() -> Result<()> {
    if !root_or_skip("a_flood_of_routes_ends_its_own_session_alone") {
        return Ok(());
    }
    private_mounts()?;
    let exchange = Exchange::new(2)?;
    let [one, other] = &exchange.customers[..] else { anyhow::bail!("two customers") };
    let daemon = exchange.start(&exchange.keyed_config()?)?;
    let _quiet = bird(one)?;
    let flood = |count: u32| {
        let mut routes = vec![LAN_V6.0.to_owned()];
        routes.extend((0..count).map(|n| format!("10.{}.{}.0/24", 16 + n / 256, n % 256)));
        let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
        let config = PeerConfig::new(CUSTOMER_ASN, &[LINK, LINK_V6], &routes);
        config.key(&other.key()).bfd_ms(BFD_MS)
    };
    let peer = BirdPeer::start(&other.router, &flood(4_000))?;
    let before = wait_for_sessions(&exchange, 4)?;
    wait_for_way(one, LAN.1, VNET.1)?;
    peer.change(&flood(4_001))?;
    let after = wait_for_sessions(&exchange, 3)?;
    let of = |sessions: &[SessionStatus], circuit: &str, family: RouteFamily| {
        let mut found = sessions.iter().filter(|it| it.circuit == circuit && it.family == family);
        found.next().cloned().context("a session")
    };
    let over = of(&after, "customer2", RouteFamily::Ipv4)?;
    ensure!(over.over_limit || over.last_error.is_some(), "{over:?}");
    for family in [RouteFamily::Ipv4, RouteFamily::Ipv6] {
        let [before, after] = [of(&before, "customer1", family)?, of(&after, "customer1", family)?];
        ensure!(has_stayed(&before, &after), "{before:?} {after:?}");
    }
    ensure!(one.pings(20, LAN.1, VNET.1)? == 20);
    end(&exchange, daemon)
}
