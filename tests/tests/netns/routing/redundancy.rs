//! Two links of a peering: both carry traffic, and each goes on alone when the other is lost.

use anyhow::{Context as _, Result, ensure};
use edge_api::SessionStatus;
use edge_tests::{
    exchange::{Exchange, ExchangeDaemon as _},
    probes::{Bystander, longest_ms},
    speaker::wait,
};
use edge_user::lab::{private_mounts, root_or_skip};

use super::{
    bgp::{end, sessions, wait_for_sessions},
    two_links::{TwoLinks, ip},
};

/// Sessions of both customers on both links. Those of IPv6, of which the peers know nothing, don't come up.
pub(super) const ALL: usize = 4;

/// Cuts something of the first link.
type Cut = fn(&mut TwoLinks) -> Result<()>;

/// Both links of the first customer carry probes to it.
pub(super) fn both_carry(lab: &TwoLinks) -> Result<()> {
    wait(|| {
        let before = lab.by_link()?;
        let probes = lab.probes()?;
        probes.wait_until_whole()?;
        probes.end()?;
        let after = lab.by_link()?;
        let grown = before.iter().zip(after).all(|(before, after)| after.frames > before.frames);
        Ok(grown.then_some(()))
    })
    .with_context(|| format!("{:?}", lab.by_link()))
}

/// Waits until both sessions of the first customer are up.
pub(super) fn wait_for_both(exchange: &Exchange) -> Result<()> {
    let is_up = |session: &&SessionStatus| session.circuit == "customer1" && session.is_up();
    wait(|| Ok((sessions(exchange)?.iter().filter(is_up).count() == 2).then_some(())))
        .with_context(|| format!("{:?}", sessions(exchange)))
}

/// The first link is lost and comes back. Prints for how long probes were lost.
fn survives(what: &str, bfd_ms: u32, cut: Cut, mend: Cut) -> Result<()> {
    private_mounts()?;
    let mut lab = TwoLinks::new()?;
    let daemon = lab.exchange.start(&lab.bgp_config(bfd_ms))?;
    let _peers = lab.peers(bfd_ms)?;
    let bystanders = lab.bystanders()?;
    wait_for_sessions(&lab.exchange, ALL)?;
    both_carry(&lab)?;

    let probes = lab.probes()?;
    probes.wait_until_whole()?;
    cut(&mut lab)?;
    probes.wait_until_whole()?;
    let lost = probes.end()?;
    println!("{what}, BFD {bfd_ms} ms: no answer for {} ms at the most", longest_ms(&lost));
    // The other link has all.
    let before = lab.by_link()?;
    let probes = lab.probes()?;
    probes.wait_until_whole()?;
    probes.end()?;
    let after = lab.by_link()?;
    ensure!(after[0].frames == before[0].frames, "{before:?} {after:?}");
    ensure!(after[1].frames > before[1].frames, "{before:?} {after:?}");

    let probes = lab.probes()?;
    mend(&mut lab)?;
    wait_for_both(&lab.exchange).with_context(|| daemon.said())?;
    probes.wait_until_whole()?;
    let lost = probes.end()?;
    println!("{what}, BFD {bfd_ms} ms: no answer for {} ms at the return", longest_ms(&lost));
    both_carry(&lab)?;
    bystanders.iter().try_for_each(Bystander::has_none)?;
    end(&lab.exchange, daemon)
}

/// Frames to the customer are lost, which neither end sees.
fn cut_silently(lab: &mut TwoLinks) -> Result<()> {
    let tags = lab.customer().tags();
    lab.exchange.customer_side.cut(tags)
}

fn mend_silently(lab: &mut TwoLinks) -> Result<()> {
    let tags = lab.customer().tags();
    lab.exchange.customer_side.mend(tags)
}

#[test]
fn a_silent_cut_is_found_by_bfd_of_50_ms() -> Result<()> {
    if !root_or_skip("a_silent_cut_is_found_by_bfd_of_50_ms") {
        return Ok(());
    }
    survives("silent cut", 50, cut_silently, mend_silently)
}

#[test]
fn a_silent_cut_is_found_by_bfd_of_300_ms() -> Result<()> {
    if !root_or_skip("a_silent_cut_is_found_by_bfd_of_300_ms") {
        return Ok(());
    }
    survives("silent cut", 300, cut_silently, mend_silently)
}

#[test]
fn a_link_whose_far_end_is_down_is_left() -> Result<()> {
    if !root_or_skip("a_link_whose_far_end_is_down_is_left") {
        return Ok(());
    }
    let cut = |lab: &mut TwoLinks| lab.exchange.customer_side.plug(false);
    let mend = |lab: &mut TwoLinks| lab.exchange.customer_side.plug(true);
    survives("far end down", 300, cut, mend)
}

#[test]
fn a_link_whose_port_is_down_is_left() -> Result<()> {
    if !root_or_skip("a_link_whose_port_is_down_is_left") {
        return Ok(());
    }
    survives(
        "port down",
        300,
        |lab| ip(&lab.exchange.edge, "link set customer0 down").map(drop),
        |lab| ip(&lab.exchange.edge, "link set customer0 up").map(drop),
    )
}
