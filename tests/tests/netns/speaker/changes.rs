//! Changes of the configuration: all of it, or nothing.

use std::{fs, os::unix::fs::PermissionsExt as _, thread, time::Duration};

use anyhow::{Result, ensure};
use edge_tests::speaker::{
    BirdPeer, Cable, SpeakerLab, is_same,
    plans::{OWN, PEER, PEER_V4, PeerConfig, V4, bfd, domain, edge, session, with_key},
    wait,
};
use edge_user::routing::bird::{
    error::BirdError,
    model::{AddressFamily, SpeakerPlan, session::BgpSession},
    state::bgp::{BgpSessionState, BgpState},
    supervise::BirdSupervisor,
};

/// Peers of one BIRD, each with a network of its own.
const MANY: u32 = 60;

fn ends(index: u32) -> [String; 2] {
    [format!("10.200.{index}.2"), format!("10.200.{index}.1")]
}

fn of_many(index: u32) -> BgpSession {
    let [own, peer] = ends(index);
    let mut session = session(index, &[(&own, &peer)]);
    session.peer_asn = 65_001;
    session
}

/// Sessions with [`MANY`] peers, all up.
fn start_many(
    lab: &SpeakerLab,
    supervisor: &mut BirdSupervisor,
) -> Result<(BirdPeer, SpeakerPlan)> {
    let ns = edge_user::lab::NetNs::new()?;
    let mut config = PeerConfig::new(65_001, &[], &["10.5.0.0/16"]);
    let names: Vec<_> = (1..=MANY)
        .map(|index| (index, format!("eth{index}"), ends(index).map(|it| format!("{it}/30"))))
        .collect();
    let addresses: Vec<_> =
        names.iter().map(|(_, _, ends)| ends.each_ref().map(|it| [it.as_str()])).collect();
    let cables = names.iter().zip(&addresses);
    let cables: Vec<Cable<'_>> = cables
        .map(|((index, far, _), [own, peer])| (*index, far.as_str(), &own[..], &peer[..]))
        .collect();
    lab.cables_to(&ns, &cables)?;
    for index in 1..=MANY {
        let [own, peer] = ends(index);
        config.ends.push((peer, own));
    }
    let peer = BirdPeer::start(&ns, &config)?;
    let plan = edge((1..=MANY).map(|index| domain(1_000 + index, vec![of_many(index)])).collect());
    supervisor.apply(&plan)?;
    all_up(lab, MANY)?;
    Ok((peer, plan))
}

/// All sessions, once so many are up with their route.
fn all_up(lab: &SpeakerLab, count: u32) -> Result<Vec<BgpSessionState>> {
    wait(|| {
        let sessions = lab.control()?.sessions()?;
        let is_up = |it: &&BgpSessionState| it.state == BgpState::Established && it.imported == 1;
        let up = u32::try_from(sessions.iter().filter(is_up).count())?;
        Ok((up == count).then_some(sessions))
    })
}

#[test]
fn a_change_of_one_session_leaves_the_others_up() -> Result<()> {
    let Some(lab) = SpeakerLab::new("a_change_of_one_session_leaves_the_others_up")? else {
        return Ok(());
    };
    let mut supervisor = lab.supervisor()?;
    let (_peer, plan) = start_many(&lab, &mut supervisor)?;
    let before = all_up(&lab, MANY)?;
    let pid = supervisor.pid();
    let mut changed = plan.clone();
    // One session gets another hold time, one other BFD, one goes, and one comes instead of none.
    changed.domains[4].sessions[0].timers.hold_s = 90;
    changed.domains[5].sessions[0].bfd = bfd(300);
    changed.domains.pop();
    changed.domains.reverse();
    supervisor.apply(&changed)?;
    let left = all_up(&lab, MANY - 1)?;
    let of = |all: &[BgpSessionState], index| {
        all.iter().find(|session| session.name.index == index).cloned()
    };
    let noticed = |all: &[BgpSessionState], index| {
        let both = of(&before, index).zip(of(all, index));
        both.is_none_or(|(before, after)| !is_same(&before, &after))
    };
    ensure!(of(&left, MANY).is_none());
    for index in (1..MANY).filter(|index| ![5, 6].contains(index)) {
        ensure!(!noticed(&left, index), "{index}: {:?}", of(&left, index));
    }
    supervisor.apply(&plan)?;
    let back = all_up(&lab, MANY)?;
    for index in (1..MANY).filter(|index| ![5, 6].contains(index)) {
        ensure!(!noticed(&back, index), "{index}: {:?}", of(&back, index));
    }
    ensure!(supervisor.pid() == pid, "BIRD is the same process");
    Ok(())
}

#[test]
fn a_plan_with_a_fault_changes_nothing() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_plan_with_a_fault_changes_nothing")? else {
        return Ok(());
    };
    let ns = lab.cable(1, &OWN[..1], &PEER[..1])?;
    let _peer = BirdPeer::start(&ns, &PeerConfig::new(65_001, &[PEER_V4], &["10.5.0.0/16"]))?;
    let mut supervisor = lab.supervisor()?;
    let plan = edge(vec![domain(1_001, vec![session(1, &[V4])])]);
    supervisor.apply(&plan)?;
    let before = lab.session("c1v4", |it| it.imported == 1)?;
    let text = fs::read_to_string(lab.files().current())?;
    // A configuration that BIRD took now would have another time.
    thread::sleep(Duration::from_secs(1));
    let speaker = lab.control()?.speaker()?;
    let mut bad = plan.clone();
    bad.domains[0].sessions[0].peer_asn = 0;
    let refused = supervisor.apply(&bad);
    ensure!(matches!(refused, Err(BirdError::Plan(_))), "{refused:?}");
    ensure!(is_same(&lab.session("c1v4", |_| true)?, &before));
    ensure!(fs::read_to_string(lab.files().current())? == text);
    ensure!(lab.control()?.speaker()?.is_same_configuration(&speaker));
    ensure!(!lab.files().candidate().exists());
    Ok(())
}

#[test]
fn a_configuration_that_bird_refuses_changes_nothing() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_configuration_that_bird_refuses_changes_nothing")?
    else {
        return Ok(());
    };
    let ns = lab.cable(1, &OWN[..1], &PEER[..1])?;
    let _peer =
        BirdPeer::start(&ns, &PeerConfig::new(65_001, &[PEER_V4], &["10.5.0.0/16"]).key("s3cret"))?;
    // A BIRD that refuses to read a certain name, as it would a fault in the text.
    let place = tempfile::tempdir()?;
    let program = place.path().join("bird");
    let mut setup = lab.setup()?;
    let real = setup.program.path.display().to_string();
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" = -p ] && grep -q unwanted \"$3\"; then\n  echo \"bird: $3:1:1 syntax error\" >&2\n  \
         exit 1\nfi\nexec {real} \"$@\"\n"
    );
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    setup.program.path = program;
    let mut supervisor = BirdSupervisor::new(setup)?;
    let plan = edge(vec![domain(1_001, vec![with_key(session(1, &[V4]), "s3cret")])]);
    supervisor.apply(&plan)?;
    let before = lab.session("c1v4", |it| it.imported == 1)?;
    let text = fs::read_to_string(lab.files().current())?;
    let mut bad = plan.clone();
    bad.domains[0].sessions[0].name = "unwanted".to_owned();
    bad.domains[0].sessions[0].is_enabled = false;
    let refused = supervisor.apply(&bad).unwrap_err();
    ensure!(matches!(refused, BirdError::Refused(_)), "{refused:?}");
    let said = format!("{refused:#} {refused:?}");
    ensure!(said.contains("bird.conf:1:1 syntax error") && !said.contains("s3cret"), "{said}");
    ensure!(is_same(&lab.session("c1v4", |_| true)?, &before));
    ensure!(fs::read_to_string(lab.files().current())? == text);
    // The next good one is taken as ever.
    supervisor.apply(&edge(Vec::new()))?;
    wait(|| Ok(lab.control()?.sessions()?.is_empty().then_some(())))?;
    Ok(())
}

#[test]
fn a_first_configuration_that_bird_refuses_starts_nothing() -> Result<()> {
    let Some(lab) = SpeakerLab::new("a_first_configuration_that_bird_refuses_starts_nothing")?
    else {
        return Ok(());
    };
    let mut setup = lab.setup()?;
    setup.program.path = "/bin/false".into();
    let mut supervisor = BirdSupervisor::new(setup)?;
    let refused = supervisor.apply(&edge(Vec::new()));
    ensure!(matches!(refused, Err(BirdError::Refused(_))), "{refused:?}");
    ensure!(supervisor.pid().is_none() && lab.files().read_current().is_none());
    ensure!(supervisor.keep(std::time::Instant::now()).is_empty());
    Ok(())
}

#[test]
fn keys_can_change_and_are_in_no_file_but_their_own() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("keys_can_change_and_are_in_no_file_but_their_own")? else {
        return Ok(());
    };
    let ns = lab.cable(1, &OWN[..1], &PEER[..1])?;
    let config = PeerConfig::new(65_001, &[PEER_V4], &["10.5.0.0/16"]);
    let peer = BirdPeer::start(&ns, &config.clone().key("ol;d k3y"))?;
    let mut supervisor = lab.supervisor()?;
    let plan = |key| edge(vec![domain(1_001, vec![with_key(session(1, &[V4]), key)])]);
    supervisor.apply(&plan("ol;d k3y"))?;
    let before = lab.up("c1v4")?;
    peer.change(&config.key("n3w key"))?;
    supervisor.apply(&plan("n3w key"))?;
    lab.session("c1v4", |it| it.state == BgpState::Established && !it.is_same_run(&before))?;
    lab.kernel_has(AddressFamily::V4, 1_001, |routes| routes.len() == 1)?;
    let current = lab.files().current();
    let log = fs::read_to_string(lab.files().log())?;
    let text = fs::read_to_string(&current)?;
    let keys = fs::read_to_string(current.with_file_name("keys.conf"))?;
    ensure!(keys.contains("n3w key") && !keys.contains("k3y"), "the keys are {} bytes", keys.len());
    ensure!(!text.contains("n3w key") && !log.contains("n3w key") && !log.contains("k3y"));
    let mode = fs::metadata(current.with_file_name("keys.conf"))?.permissions().mode();
    ensure!(mode & 0o7777 == 0o600, "{mode:o}");
    Ok(())
}
