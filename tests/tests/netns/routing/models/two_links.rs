//! A customer's own router on two links, by a cloud exchange and by two Ethernet lines.

use anyhow::{Context as _, Result, ensure};
use edge_api::{NearestCircuit, SessionStatus, Unmatched, UnmatchedFrames};
use edge_tests::{
    daemon::{configure, reload},
    exchange::{ExchangeDaemon as _, LINK, SECOND_LINK, VNET, pings},
    probes::Probes,
    speaker::{BirdPeer, FrrPeer, wait},
};
use edge_user::lab::{NetNs, Trunk, root_or_skip};

use super::{
    super::{
        bgp::{end, has_stayed, sessions, wait_for_sessions},
        two_links::{ip, sources},
    },
    ModelLab, tags,
};

const EXCHANGE: &str = include_str!("../../../../../contrib/examples/exchange.toml");
const EXCHANGE_ROUTER: &str = include_str!("../../../../../contrib/examples/exchange.bird.conf");
const ETHERNET: &str = include_str!("../../../../../contrib/examples/ethernet.toml");
const ETHERNET_ROUTER: &str = include_str!("../../../../../contrib/examples/ethernet.frr.conf");
/// The outer VLANs of the Ethernet lines.
const LINES: [u16; 2] = [101, 201];

/// Both links carry traffic both ways, and the secondary one all of it while the primary one is cut silently.
fn links_share_and_stand_in(lab: &mut ModelLab) -> Result<()> {
    let router = lab.router.clone();
    wait_for_sessions(&lab.exchange, 2)?;
    for session in wait_for_routes(lab)? {
        ensure!(session.routes == 1 && session.routes_told == 1, "{session:?}");
    }
    lab.carry(&router, [true, true])?;
    let cut = tags(lab.links[0]);
    lab.exchange.customer_side.cut(cut)?;
    lab.carry(&router, [false, true])?;
    lab.exchange.customer_side.mend(cut)?;
    wait_for_sessions(&lab.exchange, 2)?;
    lab.carry(&router, [true, true])
}

/// Waits until both ends have told their routes, a moment after the sessions are up.
fn wait_for_routes(lab: &ModelLab) -> Result<Vec<SessionStatus>> {
    let has_told = |session: &SessionStatus| session.routes > 0 && session.routes_told > 0;
    wait(|| Ok(Some(sessions(&lab.exchange)?).filter(|all| all.iter().all(has_told))))
        .with_context(|| format!("{:?}", sessions(&lab.exchange)))
}

#[test]
fn at_an_exchange_both_links_have_the_same_tags() -> Result<()> {
    if !root_or_skip("at_an_exchange_both_links_have_the_same_tags") {
        return Ok(());
    }
    let mut lab = ModelLab::new([(100, 10); 2])?;
    ModelLab::add_hosts(&lab.router)?;
    lab.know_the_customer()?;
    let daemon = lab.start(EXCHANGE)?;
    let _router = BirdPeer::start_text(&lab.router, EXCHANGE_ROUTER)?;
    links_share_and_stand_in(&mut lab)?;
    end(&lab.exchange, daemon)
}

/// Frames with the other line's VLAN are nobody's, and the edge tells on which port they would be whose.
fn a_stranger_is_nobody(
    lab: &ModelLab,
    stranger: &NetNs,
    [port, other]: [&str; 2],
    s_vid: u16,
) -> Result<()> {
    let from = if port == "metro0" { LINK } else { SECOND_LINK };
    ip(stranger, &format!("address add {}/30 dev eth0", from.0))?;
    ensure!(pings(stranger, 3, from.0, from.1)? == 0, "{port} answers VLAN {s_vid}");
    wait(|| {
        let text = lab.exchange.edge(&["unmatched", "--json"])?;
        let Unmatched { unmatched, .. } = serde_json::from_str(&text)?;
        let is_it = |it: &UnmatchedFrames| {
            let is_near = |near: &NearestCircuit| {
                (near.circuit.as_str(), near.s_tag) == ("fabrikam", Some(s_vid))
                    && near.port.as_deref() == Some(other)
            };
            (it.port.as_str(), it.s_vid) == (port, Some(s_vid))
                && it.nearest.as_ref().is_some_and(is_near)
        };
        Ok(unmatched.iter().any(is_it).then_some(()))
    })
    .with_context(|| format!("{:?}", lab.exchange.edge(&["unmatched"])))
}

/// Nothing has come off a cable with this outer VLAN.
fn has_none(trunk: &Trunk, s_vid: u16) -> Result<()> {
    let frames = trunk.received()?.sum(|key| key.s_vid == s_vid).frames;
    ensure!(frames == 0, "{frames} frames with VLAN {s_vid}");
    Ok(())
}

/// Another VLAN of the secondary line alone: the primary one notices nothing.
fn the_secondary_line_moves(lab: &mut ModelLab) -> Result<()> {
    const MOVED: u16 = 301;
    let before = wait_for_sessions(&lab.exchange, 2)?;
    let probes = Probes::start(&lab.router, &sources(), &lab.vnet, VNET.1)?;
    probes.wait_until_whole()?;
    let moved = ETHERNET.replace("secondary_s_tag = 201", &format!("secondary_s_tag = {MOVED}"));
    ensure!(moved != ETHERNET, "the example has another VLAN");
    configure(&moved)?;
    reload()?;
    // The line has its old VLAN still, which is nobody's now. Its flows go by the primary one.
    probes.wait_until_whole()?;
    let old = tags(lab.links[1]);
    lab.links[1].0 = MOVED;
    let new = tags(lab.links[1]);
    lab.second()?.retag(old, new)?;
    let after = wait_for_sessions(&lab.exchange, 2)?;
    probes.wait_until_whole()?;
    probes.end()?;
    let is_primary = |it: &&SessionStatus| it.link.as_deref() == Some("primary");
    let [before, after] = [&before, &after].map(|all| all.iter().find(is_primary));
    let (before, after) = before.zip(after).context("a session on the primary link")?;
    ensure!(has_stayed(before, after), "{before:?} {after:?}");
    lab.carry(&lab.router, [true, true])
}

#[test]
fn ethernet_lines_have_outer_vlans_of_their_own() -> Result<()> {
    if !root_or_skip("ethernet_lines_have_outer_vlans_of_their_own") {
        return Ok(());
    }
    let mut lab = ModelLab::new(LINES.map(|outer| (outer, 10)))?;
    ModelLab::add_hosts(&lab.router)?;
    lab.know_the_customer()?;
    let strangers = [
        lab.exchange.customer_side.host(tags((LINES[1], 10)))?,
        lab.second()?.host(tags((LINES[0], 10)))?,
    ];
    let daemon = lab.start(ETHERNET)?;
    let _router = FrrPeer::start(&lab.router, ETHERNET_ROUTER)?;
    links_share_and_stand_in(&mut lab)?;
    a_stranger_is_nobody(&lab, &strangers[0], ["metro0", "metro1"], LINES[1])?;
    a_stranger_is_nobody(&lab, &strangers[1], ["metro1", "metro0"], LINES[0])?;
    has_none(&lab.exchange.customer_side, LINES[1])?;
    has_none(lab.second()?, LINES[0])?;
    the_secondary_line_moves(&mut lab)?;
    end(&lab.exchange, daemon)
}
