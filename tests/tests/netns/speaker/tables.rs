//! Tables of the kernel: those of domains that are gone are emptied.

use std::time::Instant;

use anyhow::{Result, ensure};
use edge_tests::speaker::{
    BirdPeer, SpeakerLab,
    plans::{OWN, PEER, PEER_V4, PEER_V6, PeerConfig, V4, V6, domain, edge, session},
    wait,
};
use edge_user::routing::bird::{
    model::{AddressFamily, SpeakerPlan},
    supervise::BirdSupervisor,
};

fn start(lab: &mut SpeakerLab) -> Result<(Vec<BirdPeer>, SpeakerPlan)> {
    let mut peers = Vec::new();
    let mut domains = Vec::new();
    for index in 1..=2 {
        let ns = lab.cable(index, &OWN, &PEER)?;
        let routes: Vec<String> = (0..50).map(|number| format!("10.5.{number}.0/24")).collect();
        let mut routes: Vec<&str> = routes.iter().map(String::as_str).collect();
        routes.push("fd00:5::/48");
        let config = PeerConfig::new(65_000 + index, &[PEER_V4, PEER_V6], &routes);
        peers.push(BirdPeer::start(&ns, &config)?);
        domains.push(domain(1_000 + index, vec![session(index, &[V4, V6])]));
    }
    Ok((peers, edge(domains)))
}

/// Lets the supervisor work until a table is as wanted.
fn until(
    lab: &SpeakerLab,
    supervisor: &mut BirdSupervisor,
    family: AddressFamily,
    table: u32,
    count: usize,
) -> Result<()> {
    wait(|| {
        let events = supervisor.keep(Instant::now());
        ensure!(events.is_empty(), "{events:?}");
        Ok((lab.kernel_routes(family, table)?.len() == count).then_some(()))
    })
}

#[test]
fn routes_of_a_domain_that_goes_leave_the_kernel_and_no_others() -> Result<()> {
    let test = "routes_of_a_domain_that_goes_leave_the_kernel_and_no_others";
    let Some(mut lab) = SpeakerLab::new(test)? else {
        return Ok(());
    };
    let (_peers, plan) = start(&mut lab)?;
    // Routes of others: in a table of a domain, in one without, and BIRD's own outside of ours.
    for words in [
        "10.77.0.0/16 dev r2 table 1002",
        "10.78.0.0/16 dev r2 table 1050 proto static",
        "10.79.0.0/16 dev r2 table 2000 proto bird",
        "10.80.0.0/16 dev r2 table 1051 proto bird",
    ] {
        let words: Vec<&str> = ["route", "add"].into_iter().chain(words.split(' ')).collect();
        lab.edge.output("ip", &words)?;
    }
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan)?;
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| routes.len() == 50)?;
    lab.kernel_has(AddressFamily::V4, 1_002, |routes| routes.len() == 51)?;
    for table in [1_001, 1_002] {
        lab.kernel_has(AddressFamily::V6, table, |routes| routes.len() == 1)?;
    }
    // One that an earlier plan may have left.
    until(&lab, &mut supervisor, AddressFamily::V4, 1_051, 0)?;
    // The second domain has its IPv6 session no more.
    let mut plan = plan;
    plan.domains[1].sessions[0].v6 = None;
    supervisor.apply(&plan)?;
    until(&lab, &mut supervisor, AddressFamily::V6, 1_002, 0)?;
    ensure!(lab.kernel_routes(AddressFamily::V4, 1_002)?.len() == 51);
    // It goes altogether.
    plan.domains.pop();
    supervisor.apply(&plan)?;
    until(&lab, &mut supervisor, AddressFamily::V4, 1_002, 1)?;
    for (table, count) in [(1_001, 50), (1_050, 1), (2_000, 1)] {
        let routes = lab.kernel_routes(AddressFamily::V4, table)?;
        ensure!(routes.len() == count, "table {table}: {routes:?}");
    }
    ensure!(lab.kernel_routes(AddressFamily::V6, 1_001)?.len() == 1);
    Ok(())
}

#[test]
fn a_domain_that_goes_while_bird_is_dead_is_emptied_too() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_domain_that_goes_while_bird_is_dead_is_emptied_too")?
    else {
        return Ok(());
    };
    let (_peers, mut plan) = start(&mut lab)?;
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan)?;
    lab.kernel_has(AddressFamily::V4, 1_002, |routes| routes.len() == 50)?;
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| routes.len() == 50)?;
    let mut process =
        edge_user::routing::bird::process::BirdProcess::adopt(&lab.files(), &lab.netns()?)?;
    process.as_mut().map(edge_user::routing::bird::process::BirdProcess::kill).transpose()?;
    drop(supervisor);
    plan.domains.pop();
    let mut next = lab.supervisor()?;
    ensure!(next.pid().is_none());
    next.apply(&plan)?;
    until(&lab, &mut next, AddressFamily::V4, 1_002, 0)?;
    until(&lab, &mut next, AddressFamily::V6, 1_002, 0)?;
    ensure!(lab.kernel_routes(AddressFamily::V4, 1_001)?.len() == 50);
    lab.up("c1v4")?;
    Ok(())
}
