//! Limits of routes.

use anyhow::{Result, ensure};
use edge_tests::speaker::{
    BirdPeer, SpeakerLab,
    plans::{OWN, PEER, PEER_V4, PEER_V6, PeerConfig, V4, V6, domain, edge, session},
    wait,
};
use edge_user::routing::bird::{
    model::{
        AddressFamily, SpeakerPlan,
        policy::ImportPolicy,
        session::{BeyondLimit, SessionLimits},
    },
    state::{bgp::BgpState, last_error::SessionError},
};

fn prefixes(count: u32) -> Vec<String> {
    (0..count).map(|number| format!("10.{}.{}.0/24", number / 256, number % 256)).collect()
}

fn config(index: u32, routes: &[String]) -> PeerConfig {
    let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
    let mut config = PeerConfig::new(65_000 + index, &[PEER_V4, PEER_V6], &routes);
    // A peer that comes back does so by the edge's doing.
    config.options.push_str("passive yes;");
    config
}

/// Two customers with a limit of 20 routes each of both families.
fn plan(change: impl Fn(&mut SessionLimits)) -> SpeakerPlan {
    let domains = (1..=2).map(|index| {
        let mut session = session(index, &[V4, V6]);
        session.limits = SessionLimits { v4: 20, v6: 20, beyond: BeyondLimit::Restart };
        if index == 1 {
            change(&mut session.limits);
        }
        domain(1_000 + index, vec![session])
    });
    edge(domains.collect())
}

/// Both peers, the first with one route less than its limit.
fn start(lab: &mut SpeakerLab) -> Result<[BirdPeer; 2]> {
    let ns = lab.cable(1, &OWN, &PEER)?;
    let first = BirdPeer::start(&ns, &config(1, &prefixes(20)))?;
    let ns = lab.cable(2, &OWN, &PEER)?;
    Ok([first, BirdPeer::start(&ns, &config(2, &prefixes(20)))?])
}

#[test]
fn one_route_too_many_ends_one_session_until_it_is_gone() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("one_route_too_many_ends_one_session_until_it_is_gone")?
    else {
        return Ok(());
    };
    let [first, _second] = start(&mut lab)?;
    lab.supervisor()?.apply(&plan(|_| {}))?;
    let full = |session: &edge_user::routing::bird::state::bgp::BgpSessionState| {
        session.state == BgpState::Established && session.received() == 20
    };
    let others = [lab.session("c2v4", full)?, lab.up("c2v6")?, lab.up("c1v6")?];
    lab.session("c1v4", full)?;
    first.change(&config(1, &prefixes(21)))?;
    let down = lab.session("c1v4", |it| it.last_error == Some(SessionError::RouteLimit))?;
    ensure!(down.limit == Some(20), "{down:?}");
    // RFC 4486: Cease, subcode 1.
    wait(|| Ok(first.log()?.contains("Maximum number of prefixes reached").then_some(())))?;
    lab.kernel_has(AddressFamily::V4, 1_001, <[String]>::is_empty)?;
    // It is tried again, and again it is too much.
    lab.session("c1v4", |it| it.state == BgpState::Established)?;
    lab.session("c1v4", |it| it.state != BgpState::Established)?;
    first.change(&config(1, &prefixes(20)))?;
    let back = lab.session("c1v4", full)?;
    ensure!(!back.is_over_limit, "{back:?}");
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| routes.len() == 20)?;
    for other in others {
        let now = lab.up(&other.name.to_string())?;
        ensure!(now.is_same_run(&other), "{now:?}");
    }
    Ok(())
}

#[test]
fn refused_routes_count() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("refused_routes_count")? else {
        return Ok(());
    };
    let [first, _second] = start(&mut lab)?;
    let mut plan = plan(|_| {});
    plan.domains[0].sessions[0].import = ImportPolicy::registered(Vec::new());
    lab.supervisor()?.apply(&plan)?;
    lab.session("c1v4", |it| it.filtered == 20 && it.imported == 0)?;
    // An update of a route that is there is no other route.
    let mut again = config(1, &prefixes(20));
    again.export = "bgp_med = 7;".to_owned();
    first.change(&again)?;
    wait(|| {
        let refused = lab.control()?.refused(1_001, "c1v4".parse()?)?;
        Ok((refused.len() == 20 && refused.iter().all(|it| it.med == Some(7))).then_some(()))
    })?;
    lab.up("c1v4")?;
    first.change(&config(1, &prefixes(21)))?;
    lab.session("c1v4", |it| it.last_error == Some(SessionError::RouteLimit))?;
    Ok(())
}

#[test]
fn a_raised_limit_holds_at_once_and_ends_nothing() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_raised_limit_holds_at_once_and_ends_nothing")? else {
        return Ok(());
    };
    let [first, _second] = start(&mut lab)?;
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan(|_| {}))?;
    let before = lab.session("c1v4", |it| it.received() == 20)?;
    supervisor.apply(&plan(|limits| limits.v4 = 30))?;
    first.change(&config(1, &prefixes(30)))?;
    let after = lab.session("c1v4", |it| it.received() == 30)?;
    ensure!(after.is_same_run(&before) && after.limit == Some(30), "{after:?}");
    first.change(&config(1, &prefixes(31)))?;
    lab.session("c1v4", |it| it.last_error == Some(SessionError::RouteLimit))?;
    Ok(())
}

#[test]
fn limits_of_ipv6_are_their_own_and_a_session_may_stay_down() -> Result<()> {
    let test = "limits_of_ipv6_are_their_own_and_a_session_may_stay_down";
    let Some(mut lab) = SpeakerLab::new(test)? else {
        return Ok(());
    };
    let [first, _second] = start(&mut lab)?;
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan(|limits| limits.beyond = BeyondLimit::Disable))?;
    let v4 = lab.session("c1v4", |it| it.received() == 20)?;
    lab.up("c1v6")?;
    let mut routes = prefixes(20);
    routes.extend((0..21).map(|number| format!("fd00:{number:x}::/48")));
    first.change(&config(1, &routes))?;
    lab.session("c1v6", |it| {
        it.last_error == Some(SessionError::RouteLimit) && it.state == BgpState::Down
    })?;
    first.change(&config(1, &prefixes(20)))?;
    // The edge would have tried again by now.
    std::thread::sleep(std::time::Duration::from_secs(4));
    ensure!(lab.session("c1v6", |_| true)?.state == BgpState::Down);
    supervisor.apply(&plan(|limits| limits.beyond = BeyondLimit::Disable))?;
    lab.up("c1v6")?;
    ensure!(lab.up("c1v4")?.is_same_run(&v4));
    Ok(())
}
