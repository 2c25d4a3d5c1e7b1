//! Sessions: equal addresses, keys, versions.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, ensure};
use edge_tests::speaker::{
    BirdPeer, FrrPeer, SpeakerLab,
    plans::{
        OWN, PEER, PEER_V4, PEER_V6, PeerConfig, V4, V6, announcement, bfd, domain, edge, session,
        with_key,
    },
    wait,
};
use edge_user::routing::bird::{
    model::AddressFamily,
    state::{bfd::BfdState, bgp::BgpState, last_error::SessionError},
};

/// An FRR as a customer would set it up.
fn frr(key: &str) -> String {
    format!(
        "router bgp 65003\n bgp router-id 10.255.0.3\n no bgp ebgp-requires-policy\n \
         no bgp network import-check\n neighbor 192.168.15.18 remote-as 12076\n \
         neighbor 192.168.15.18 password {key}\n neighbor 192.168.15.18 bfd\n \
         neighbor fd00:15::2 remote-as 12076\n neighbor fd00:15::2 password {key}\n \
         address-family ipv4 unicast\n  network 10.30.0.0/16\n exit-address-family\n \
         address-family ipv6 unicast\n  neighbor fd00:15::2 activate\n  network fd00:30::/48\n \
         exit-address-family\nbfd\n peer 192.168.15.18\n  receive-interval 100\n  transmit-interval 100\n"
    )
}

#[test]
fn peers_with_equal_addresses_and_keys_of_their_own_are_up() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("peers_with_equal_addresses_and_keys_of_their_own_are_up")?
    else {
        return Ok(());
    };
    let keys = ["first key", "second;key#", "third"];
    let mut domains = Vec::new();
    let mut peers = Vec::new();
    let mut frrs = Vec::new();
    for (index, key) in (1..).zip(keys) {
        let ns = lab.cable(index, &OWN, &PEER)?;
        if index == 3 {
            frrs.push(FrrPeer::start(&ns, &frr(key))?);
        } else {
            let routes = [format!("10.{index}0.0.0/16"), format!("fd00:{index}0::/48")];
            let routes = routes.each_ref().map(String::as_str);
            let mut config = PeerConfig::new(65_000 + index, &[PEER_V4, PEER_V6], &routes).key(key);
            config.bfd_ms = Some(100);
            peers.push(BirdPeer::start(&ns, &config)?);
        }
        let mut customer = with_key(session(index, &[V4, V6]), key);
        customer.bfd = bfd(100);
        let mut domain = domain(1_000 + index, vec![customer]);
        domain.announcements = vec![announcement("10.1.0.0/16"), announcement("fd00:1::/48")];
        domains.push(domain);
    }
    lab.supervisor()?.apply(&edge(domains))?;
    for index in 1..=3 {
        for family in ["v4", "v6"] {
            let up = lab.up(&format!("c{index}{family}"))?;
            ensure!(up.peer_asn == Some(65_000 + index), "{up:?}");
        }
        // Each customer's routes are in his own table, by his own device, and the VNets' are not.
        let expected = format!(
            "10.{index}0.0.0/16 via 192.168.15.17 dev r{index} proto bird metric 32 onlink"
        );
        lab.kernel_has(AddressFamily::V4, 1_000 + index, |routes| routes == [expected.as_str()])?;
        let expected = format!(
            "fd00:{index}0::/48 via fd00:15::1 dev r{index} proto bird metric 32 onlink pref medium"
        );
        lab.kernel_has(AddressFamily::V6, 1_000 + index, |routes| routes == [expected.as_str()])?;
        wait(|| {
            let sessions = lab.control()?.bfd_sessions()?;
            let own: Vec<_> =
                sessions.iter().filter(|it| it.device == format!("r{index}")).collect();
            // FRR has BFD on IPv4 only.
            let wanted = if index == 3 { 1 } else { 2 };
            Ok((own.iter().filter(|it| it.state == BfdState::Up).count() == wanted).then_some(()))
        })
        .with_context(|| format!("BFD on r{index}"))?;
    }
    for peer in &peers {
        wait(|| Ok((peer.learned("ipv4")? == ["10.1.0.0/16"]).then_some(())))?;
        wait(|| Ok((peer.learned("ipv6")? == ["fd00:1::/48"]).then_some(())))?;
    }
    let told = wait(|| {
        let routes = frrs[0].ask("show bgp ipv4 unicast 10.1.0.0/16")?;
        Ok(routes.contains("12076:51004").then_some(routes))
    })?;
    ensure!(told.contains("192.168.15.18 from 192.168.15.18"), "{told}");
    wait(|| {
        Ok(frrs[0].ask("show bgp ipv6 unicast fd00:1::/48")?.contains("fd00:15::2").then_some(()))
    })?;
    wait(|| Ok(frrs[0].ask("show bfd peers brief")?.contains("up").then_some(())))?;
    Ok(())
}

#[test]
fn a_peer_with_another_key_stays_down_alone() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_peer_with_another_key_stays_down_alone")? else {
        return Ok(());
    };
    let mut peers = Vec::new();
    let mut domains = Vec::new();
    // The second peer has the first one's key, the third has none, and nobody knows of the fourth's.
    for (index, (own, theirs)) in (1..).zip([
        (Some("one"), Some("one")),
        (Some("two"), Some("one")),
        (Some("three"), None),
        (None, Some("four")),
    ]) {
        let ns = lab.cable(index, &OWN[..1], &PEER[..1])?;
        let mut config = PeerConfig::new(65_000 + index, &[PEER_V4], &["10.5.0.0/16"]);
        config.key = theirs.map(str::to_owned);
        peers.push(BirdPeer::start(&ns, &config)?);
        let plain = session(index, &[V4]);
        let session = match own {
            Some(key) => with_key(plain, key),
            None => plain,
        };
        domains.push(domain(1_000 + index, vec![session]));
    }
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&edge(domains.clone()))?;
    let before = lab.up("c1v4")?;
    // Several tries of each, every second.
    thread::sleep(Duration::from_secs(4));
    for name in ["c2v4", "c3v4", "c4v4"] {
        let down = lab.session(name, |_| true)?;
        ensure!(down.state != BgpState::Established && down.imported == 0, "{down:?}");
    }
    // With the right one, it is up, and the first has not noticed.
    domains[1].sessions[0] = with_key(session(2, &[V4]), "one");
    supervisor.apply(&edge(domains))?;
    lab.up("c2v4")?;
    ensure!(lab.up("c1v4")?.is_same_run(&before));
    Ok(())
}

#[test]
fn ttl_security_refuses_peers_without_it() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("ttl_security_refuses_peers_without_it")? else {
        return Ok(());
    };
    let mut peers = Vec::new();
    let mut domains = Vec::new();
    for (index, has_it) in [(1, true), (2, false)] {
        let ns = lab.cable(index, &OWN[..1], &PEER[..1])?;
        let mut config = PeerConfig::new(65_000 + index, &[PEER_V4], &[]);
        config.options.push_str(if has_it { "ttl security yes;" } else { "ttl security no;" });
        peers.push(BirdPeer::start(&ns, &config)?);
        let mut session = session(index, &[V4]);
        session.has_ttl_security = true;
        domains.push(domain(1_000 + index, vec![session]));
    }
    lab.supervisor()?.apply(&edge(domains))?;
    lab.up("c1v4")?;
    thread::sleep(Duration::from_secs(2));
    let down = lab.session("c2v4", |_| true)?;
    ensure!(down.state != BgpState::Established, "{down:?}");
    Ok(())
}

#[test]
fn a_peer_of_another_as_is_told_as_such() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_peer_of_another_as_is_told_as_such")? else {
        return Ok(());
    };
    let ns = lab.cable(1, &OWN[..1], &PEER[..1])?;
    let _peer = BirdPeer::start(&ns, &PeerConfig::new(65_099, &[PEER_V4], &[]))?;
    lab.supervisor()?.apply(&edge(vec![domain(1_001, vec![session(1, &[V4])])]))?;
    // Both ends see it, and one is first to say so.
    let is_told = |error: &SessionError| {
        let told = [SessionError::Received, SessionError::Sent];
        told.iter().any(|of| *error == of("Bad peer AS".to_owned()))
    };
    let down = lab.session("c1v4", |it| it.last_error.as_ref().is_some_and(is_told))?;
    ensure!(down.state != BgpState::Established, "{down:?}");
    Ok(())
}

#[test]
fn a_session_that_is_not_enabled_is_down_and_listens_nowhere() -> Result<()> {
    let Some(mut lab) =
        SpeakerLab::new("a_session_that_is_not_enabled_is_down_and_listens_nowhere")?
    else {
        return Ok(());
    };
    let mut peers = Vec::new();
    let mut domains = Vec::new();
    for index in 1..=2 {
        let ns = lab.cable(index, &OWN, &PEER)?;
        peers.push(BirdPeer::start(
            &ns,
            &PeerConfig::new(65_000 + index, &[PEER_V4, PEER_V6], &[]),
        )?);
        domains.push(domain(1_000 + index, vec![session(index, &[V4, V6])]));
    }
    domains[1].sessions[0].is_enabled = false;
    let plan = edge(domains);
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan)?;
    lab.up("c1v4")?;
    lab.up("c1v6")?;
    ensure!(lab.session("c2v4", |_| true)?.state == BgpState::Down);
    // The plan tells every port that is listened on, and no other.
    let listening = lab.edge.output("ss", &["-Hltn"])?;
    let mut found: Vec<String> = listening
        .lines()
        .filter_map(|line| line.split_whitespace().nth(3))
        .map(|place| place.replace(['[', ']'], ""))
        .collect();
    found.sort();
    let listeners = plan.listeners(supervisor.version()?);
    let mut told: Vec<String> =
        listeners.iter().map(|it| format!("{}%{}:{}", it.ends.own, it.device, it.port)).collect();
    told.sort();
    ensure!(found == told && found.len() == 2, "{found:?}, and not {told:?}");
    Ok(())
}

#[test]
fn a_newer_bird_takes_connections_of_peers_with_equal_addresses() -> Result<()> {
    let test = "a_newer_bird_takes_connections_of_peers_with_equal_addresses";
    let Some(mut lab) = SpeakerLab::with_newer(test)? else {
        return Ok(());
    };
    let mut peers = Vec::new();
    let mut domains = Vec::new();
    for index in 1..=3 {
        let ns = lab.cable(index, &OWN, &PEER)?;
        let key = format!("key {index}");
        let routes = [format!("10.{index}0.0.0/16")];
        let routes = routes.each_ref().map(String::as_str);
        let config = PeerConfig::new(65_000 + index, &[PEER_V4, PEER_V6], &routes).key(&key);
        peers.push(BirdPeer::start(&ns, &config)?);
        let mut session = with_key(session(index, &[V4, V6]), &key);
        // Only the peers connect.
        session.is_passive = true;
        domains.push(domain(1_000 + index, vec![session]));
    }
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&edge(domains.clone()))?;
    for index in 1..=3 {
        lab.up(&format!("c{index}v4"))?;
        lab.up(&format!("c{index}v6"))?;
        let expected = format!(
            "10.{index}0.0.0/16 via 192.168.15.17 dev r{index} proto bird metric 32 onlink"
        );
        lab.kernel_has(AddressFamily::V4, 1_000 + index, |routes| routes == [expected.as_str()])?;
    }
    // And where both connect.
    for domain in &mut domains {
        domain.sessions[0].is_passive = false;
    }
    supervisor.apply(&edge(domains))?;
    for index in 1..=3 {
        lab.up(&format!("c{index}v4"))?;
        lab.up(&format!("c{index}v6"))?;
    }
    Ok(())
}
