//! Planned work: a link is taken out of use, and back, and no packet is lost for it.

use anyhow::{Context as _, Result, ensure};
use edge_api::{LinkUse, SessionStatus};
use edge_tests::{
    daemon::status,
    exchange::{Exchange, ExchangeDaemon as _},
    probes::{Bystander, none_lost},
    speaker::wait,
};
use edge_user::lab::{private_mounts, root_or_skip};

use super::{
    bgp::{end, has_stayed, sessions, wait_for_sessions},
    redundancy::{ALL, both_carry},
    two_links::TwoLinks,
};

/// The sessions that are up of a circuit's link.
fn up(exchange: &Exchange, circuit: &str, link: &str) -> Result<Vec<SessionStatus>> {
    let mut all = sessions(exchange)?;
    all.retain(|it| it.circuit == circuit && it.link.as_deref() == Some(link) && it.is_up());
    Ok(all)
}

/// The second link alone carries probes, and none is lost.
fn second_carries_all(lab: &TwoLinks) -> Result<()> {
    let before = lab.by_link()?;
    let probes = lab.probes()?;
    probes.wait_until_whole()?;
    none_lost(probes)?;
    let after = lab.by_link()?;
    ensure!(after[0].frames == before[0].frames, "{before:?} {after:?}");
    ensure!(after[1].frames > before[1].frames, "{before:?} {after:?}");
    Ok(())
}

#[test]
fn a_link_is_drained_and_comes_back_without_a_lost_packet() -> Result<()> {
    if !root_or_skip("a_link_is_drained_and_comes_back_without_a_lost_packet") {
        return Ok(());
    }
    private_mounts()?;
    let lab = TwoLinks::new()?;
    let exchange = &lab.exchange;
    let daemon = exchange.start(&lab.bgp_config(300))?;
    let _peers = lab.peers(300)?;
    let bystanders = lab.bystanders()?;
    wait_for_sessions(exchange, ALL)?;
    both_carry(&lab)?;
    let others = up(exchange, "customer2", "primary")?;

    let error = exchange.edge(&["drain", "customer1"]).unwrap_err();
    ensure!(format!("{error:#}").contains("no other link that is up"), "{error:#}");
    let error = exchange.edge(&["drain", "customer9"]).unwrap_err();
    ensure!(format!("{error:#}").contains("no circuit \"customer9\""), "{error:#}");
    ensure!(status()?.config.links_out_of_use.is_empty());

    let probes = lab.probes()?;
    probes.wait_until_whole()?;
    let said = exchange.edge(&["drain", "customer1", "primary", "--message", "a new card"])?;
    ensure!(said.ends_with("customer1 primary: drained\n"), "{said}");
    wait(|| Ok(up(exchange, "customer1", "primary")?.is_empty().then_some(())))?;
    none_lost(probes)?;
    second_carries_all(&lab)?;
    let out = status()?.config.links_out_of_use;
    let [out] = &out[..] else { anyhow::bail!("{out:?}") };
    ensure!(out.link == "primary" && out.link_use == LinkUse::Drained, "{out:?}");
    ensure!(out.message.as_deref() == Some("a new card"), "{out:?}");
    let error = exchange.edge(&["drain", "customer1", "secondary"]).unwrap_err();
    ensure!(format!("{error:#}").contains("no other link that is up"), "{error:#}");

    // A daemon that is killed leaves it so, and a reload too.
    daemon.kill()?;
    let daemon = exchange.start(&lab.bgp_config(300))?;
    exchange.edge(&["reload"])?;
    wait(|| Ok((up(exchange, "customer1", "secondary")?.len() == 1).then_some(())))?;
    ensure!(up(exchange, "customer1", "primary")?.is_empty());
    second_carries_all(&lab)?;

    let probes = lab.probes()?;
    probes.wait_until_whole()?;
    exchange.edge(&["undrain", "customer1"])?;
    wait(|| Ok((up(exchange, "customer1", "primary")?.len() == 1).then_some(())))
        .with_context(|| daemon.said())?;
    none_lost(probes)?;
    both_carry(&lab)?;
    ensure!(status()?.config.links_out_of_use.is_empty());
    let now = up(exchange, "customer2", "primary")?;
    ensure!(others.iter().zip(&now).all(|(before, now)| has_stayed(before, now)), "{now:?}");
    bystanders.iter().try_for_each(Bystander::has_none)?;
    end(exchange, daemon)
}
