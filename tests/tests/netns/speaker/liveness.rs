//! The end of a peer: by BFD, by its device, by its silence.

use anyhow::{Result, ensure};
use edge_tests::speaker::{
    BirdPeer, SpeakerLab, is_same,
    plans::{OWN, PEER, PEER_V4, PEER_V6, PeerConfig, V4, V6, bfd, domain, edge, session},
    wait,
};
use edge_user::routing::bird::{
    model::{AddressFamily, session::BgpSession},
    state::{bfd::BfdState, bgp::BgpState, last_error::SessionError},
};
use nix::sys::signal::Signal;

/// Two customers with BFD, the first changed.
fn start(lab: &mut SpeakerLab, change: impl Fn(&mut BgpSession)) -> Result<Vec<BirdPeer>> {
    let mut peers = Vec::new();
    let mut domains = Vec::new();
    let mut with_bfd = 0;
    for index in 1..=2 {
        let ns = lab.cable(index, &OWN, &PEER)?;
        let mut config =
            PeerConfig::new(65_000 + index, &[PEER_V4, PEER_V6], &["10.5.0.0/16", "fd00:5::/48"]);
        config.bfd_ms = Some(100);
        peers.push(BirdPeer::start(&ns, &config)?);
        let mut session = session(index, &[V4, V6]);
        session.bfd = bfd(100);
        if index == 1 {
            change(&mut session);
        }
        with_bfd += if session.bfd.is_some() { 2 } else { 0 };
        domains.push(domain(1_000 + index, vec![session]));
    }
    lab.supervisor()?.apply(&edge(domains))?;
    for index in 1..=2 {
        for family in ["v4", "v6"] {
            lab.session(&format!("c{index}{family}"), |it| it.imported == 1)?;
        }
    }
    wait(|| {
        let sessions = lab.control()?.bfd_sessions()?;
        let up = sessions.iter().filter(|it| it.state == BfdState::Up).count();
        Ok((up == with_bfd).then_some(()))
    })?;
    for (family, table) in
        [(AddressFamily::V4, 1_001), (AddressFamily::V6, 1_001), (AddressFamily::V4, 1_002)]
    {
        lab.kernel_has(family, table, |routes| routes.len() == 1)?;
    }
    Ok(peers)
}

#[test]
fn a_silent_peer_is_found_by_bfd_and_its_routes_go() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_silent_peer_is_found_by_bfd_and_its_routes_go")? else {
        return Ok(());
    };
    let peers = start(&mut lab, |_| {})?;
    let other = lab.up("c2v4")?;
    peers[0].signal(Signal::SIGSTOP)?;
    // The hold time is minutes away.
    for name in ["c1v4", "c1v6"] {
        lab.session(name, |it| it.last_error == Some(SessionError::BfdDown))?;
    }
    lab.kernel_has(AddressFamily::V4, 1_001, <[String]>::is_empty)?;
    lab.kernel_has(AddressFamily::V6, 1_001, <[String]>::is_empty)?;
    let states = lab.control()?.bfd_sessions()?;
    ensure!(
        states.iter().filter(|it| it.device == "r2").all(|it| it.state == BfdState::Up),
        "{states:?}"
    );
    ensure!(is_same(&lab.up("c2v4")?, &other));
    peers[0].signal(Signal::SIGCONT)?;
    lab.up("c1v4")?;
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| routes.len() == 1)?;
    Ok(())
}

#[test]
fn graceful_bfd_keeps_the_routes_of_a_peer_that_restarts() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("graceful_bfd_keeps_the_routes_of_a_peer_that_restarts")?
    else {
        return Ok(());
    };
    let peers = start(&mut lab, |session| {
        if let Some(bfd) = &mut session.bfd {
            bfd.is_graceful = true;
        }
    })?;
    peers[0].signal(Signal::SIGSTOP)?;
    lab.session("c1v4", |it| it.state != BgpState::Established && it.is_peer_restarting)?;
    ensure!(lab.control()?.accepted(1_001, "c1v4".parse()?)?.len() == 1);
    ensure!(lab.kernel_routes(AddressFamily::V4, 1_001)?.len() == 1);
    peers[0].signal(Signal::SIGCONT)?;
    lab.session("c1v4", |it| it.state == BgpState::Established && !it.is_peer_restarting)?;
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| routes.len() == 1)?;
    Ok(())
}

#[test]
fn a_device_that_goes_down_ends_its_sessions_and_no_others() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_device_that_goes_down_ends_its_sessions_and_no_others")?
    else {
        return Ok(());
    };
    let _peers = start(&mut lab, |session| session.bfd = None)?;
    let other = lab.up("c2v4")?;
    lab.edge.output("ip", &["link", "set", "r1", "down"])?;
    for name in ["c1v4", "c1v6"] {
        lab.session(name, |it| it.last_error == Some(SessionError::NeighborLost))?;
    }
    lab.kernel_has(AddressFamily::V4, 1_001, <[String]>::is_empty)?;
    lab.kernel_has(AddressFamily::V6, 1_001, <[String]>::is_empty)?;
    lab.edge.output("ip", &["link", "set", "r1", "up"])?;
    lab.up("c1v4")?;
    lab.up("c1v6")?;
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| routes.len() == 1)?;
    lab.kernel_has(AddressFamily::V6, 1_001, |routes| routes.len() == 1)?;
    ensure!(lab.up("c2v4")?.is_same_run(&other));
    Ok(())
}

#[test]
fn a_peer_that_restarts_keeps_its_routes() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_peer_that_restarts_keeps_its_routes")? else {
        return Ok(());
    };
    let peers = start(&mut lab, |session| session.bfd = None)?;
    // Its system closes the connections, and nothing is said.
    peers[0].signal(Signal::SIGKILL)?;
    lab.session("c1v4", |it| it.state != BgpState::Established && it.is_peer_restarting)?;
    ensure!(lab.kernel_routes(AddressFamily::V4, 1_001)?.len() == 1);
    Ok(())
}
