//! Planned work: a link is taken out of use, and back, and no packet is lost for it.

use std::net::TcpStream;

use anyhow::{Context as _, Result, ensure};
use edge_api::{ConditionKind, LinkUse, SessionStatus};
use edge_tests::{
    daemon::status,
    exchange::{Exchange, ExchangeDaemon as _},
    http::{self, METRICS},
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

fn scrape(exchange: &Exchange) -> Result<String> {
    let answer = exchange.edge.run(|| {
        let stream = TcpStream::connect(METRICS)?;
        http::exchange(stream, "GET /metrics", &[], "")
    })?;
    Ok(answer.body)
}

/// Status and metrics tell of the link that is out of use, if there is one.
fn is_told(exchange: &Exchange, drained: Option<&str>) -> Result<()> {
    let status = status()?;
    let told: Vec<_> =
        status.conditions.iter().filter(|it| it.kind == ConditionKind::LinkDrained).collect();
    let text = exchange.edge(&["status"])?;
    for link in ["primary", "secondary"] {
        let is_drained = drained == Some(link);
        let sentence = format!("! circuit customer1: its {link} link is drained");
        ensure!(text.contains(&sentence) == is_drained, "{text}");
        let drained = format!(
            "edge_drained{{circuit=\"customer1\",peering=\"private\",link=\"{link}\"}} {}.0\n",
            u8::from(is_drained)
        );
        // The links are looked at every second.
        let scrape = wait(|| {
            let scrape = scrape(exchange)?;
            Ok(scrape.contains(&drained).then_some(scrape))
        })?;
        let link = format!("link=\"{link}\"");
        let mut lines =
            scrape.lines().filter(|line| line.starts_with("edge_condition{kind=\"link-drained\""));
        ensure!(lines.any(|line| line.contains(&link)) == is_drained, "{scrape}");
    }
    ensure!(told.len() == usize::from(drained.is_some()), "{told:?}");
    for (out, told) in status.config.links_out_of_use.iter().zip(told) {
        ensure!(told.link.as_deref() == drained && told.since == out.since, "{told:?} {out:?}");
    }
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
    let config = lab.bgp_config(300).edge("metrics", METRICS.to_string());
    let daemon = exchange.start(&config)?;
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
    is_told(exchange, Some("primary"))?;
    let [out] = &out[..] else { anyhow::bail!("{out:?}") };
    ensure!(out.link == "primary" && out.link_use == LinkUse::Drained, "{out:?}");
    ensure!(out.message.as_deref() == Some("a new card"), "{out:?}");
    let error = exchange.edge(&["drain", "customer1", "secondary"]).unwrap_err();
    ensure!(format!("{error:#}").contains("no other link that is up"), "{error:#}");

    // A daemon that is killed leaves it so, and a reload too.
    daemon.kill()?;
    let daemon = exchange.start(&config)?;
    exchange.edge(&["reload"])?;
    is_told(exchange, Some("primary"))?;
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
    is_told(exchange, None)?;
    let now = up(exchange, "customer2", "primary")?;
    ensure!(others.iter().zip(&now).all(|(before, now)| has_stayed(before, now)), "{now:?}");
    bystanders.iter().try_for_each(Bystander::has_none)?;
    end(exchange, daemon)
}
