//! BIRD's life: killed, hung, found again, ended.

use std::{
    fs,
    net::TcpListener,
    os::unix::{
        fs::PermissionsExt as _,
        net::{UnixListener, UnixStream},
    },
    process::{Child, Command, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use edge_tests::speaker::{
    BirdPeer, SpeakerLab, is_same,
    plans::{OWN, PEER, PEER_V4, PEER_V6, PeerConfig, V4, V6, domain, edge, session, with_key},
    wait,
};
use edge_user::{
    lab::NetNs,
    routing::bird::{
        error::BirdError,
        events::SpeakerEvent,
        files::SpeakerAccount,
        model::{AddressFamily, SpeakerPlan},
        netns::SpeakerNetns,
        process::BirdProcess,
        service::BirdService,
        state::{bgp::BgpState, last_error::SessionError},
        supervise::BirdSupervisor,
    },
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

/// Two customers with the same addresses, and the plan of their sessions.
fn start(lab: &mut SpeakerLab) -> Result<(Vec<BirdPeer>, SpeakerPlan)> {
    let mut peers = Vec::new();
    let mut domains = Vec::new();
    for index in 1..=2 {
        let ns = lab.cable(index, &OWN, &PEER)?;
        let key = format!("key {index}");
        let routes = ["10.5.0.0/16", "10.6.0.0/16", "fd00:5::/48"];
        let config = PeerConfig::new(65_000 + index, &[PEER_V4, PEER_V6], &routes).key(&key);
        peers.push(BirdPeer::start(&ns, &config)?);
        domains.push(domain(1_000 + index, vec![with_key(session(index, &[V4, V6]), &key)]));
    }
    Ok((peers, edge(domains)))
}

/// Waits until both customers' routes are in the kernel.
fn routed(lab: &SpeakerLab) -> Result<()> {
    for table in [1_001, 1_002] {
        lab.kernel_has(AddressFamily::V4, table, |routes| routes.len() == 2)?;
        lab.kernel_has(AddressFamily::V6, table, |routes| routes.len() == 1)?;
    }
    Ok(())
}

/// Looks at the kernel's routes without a pause until told to end.
fn watch(lab: &SpeakerLab, ends: &AtomicBool) -> Result<()> {
    while !ends.load(Ordering::Relaxed) {
        for table in [1_001, 1_002] {
            let (v4, v6) = (
                lab.kernel_routes(AddressFamily::V4, table)?,
                lab.kernel_routes(AddressFamily::V6, table)?,
            );
            ensure!(v4.len() == 2 && v6.len() == 1, "table {table} has {v4:?} and {v6:?}");
        }
    }
    Ok(())
}

fn command_line(pid: i32) -> Result<Vec<String>> {
    let line = fs::read_to_string(format!("/proc/{pid}/cmdline"))?;
    Ok(line.split_terminator('\0').map(str::to_owned).collect())
}

fn send(pid: i32, signal: Signal) -> Result<()> {
    Ok(kill(Pid::from_raw(pid), signal)?)
}

#[test]
fn a_killed_bird_is_back_and_no_route_is_lost() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_killed_bird_is_back_and_no_route_is_lost")? else {
        return Ok(());
    };
    let (_peers, plan) = start(&mut lab)?;
    let events = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&events);
    let service =
        BirdService::start(lab.setup()?, move |event| told.lock().expect("no panic").push(event))?;
    service.apply(plan)?;
    routed(&lab)?;
    let first = service.pid()?.context("BIRD runs")?;
    ensure!(!command_line(first)?.contains(&"-R".to_owned()), "there was nothing to recover");
    let ends = AtomicBool::new(false);
    let watched = thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&lab, &ends));
        let mut pid = first;
        let mut run = || -> Result<()> {
            for _ in 0..2 {
                send(pid, Signal::SIGKILL)?;
                let next = wait(|| Ok(service.pid()?.filter(|next| *next != pid)))?;
                ensure!(
                    command_line(next)?.contains(&"-R".to_owned()),
                    "{:?}",
                    command_line(next)?
                );
                for name in ["c1v4", "c2v4", "c1v6", "c2v6"] {
                    lab.up(name)?;
                }
                wait(|| Ok(lab.control()?.speaker()?.recovery_us.is_none().then_some(())))?;
                pid = next;
            }
            Ok(())
        };
        let ran = run();
        ends.store(true, Ordering::Relaxed);
        ran.and(watcher.join().unwrap_or_else(|_| bail!("the watcher panicked")))
    });
    watched?;
    let events = events.lock().expect("no panic").clone();
    let ended = events.iter().filter(
        |event| matches!(event, SpeakerEvent::Ended { status, .. } if status.contains("signal: 9")),
    );
    ensure!(ended.count() == 2, "{events:?}");
    ensure!(
        events.iter().filter(|it| matches!(it, SpeakerEvent::Restarted { .. })).count() == 2,
        "{events:?}"
    );
    Ok(())
}

#[test]
fn a_bird_is_found_again_by_the_next_daemon() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_bird_is_found_again_by_the_next_daemon")? else {
        return Ok(());
    };
    let (_peers, plan) = start(&mut lab)?;
    let service = BirdService::start(lab.setup()?, |_| {})?;
    service.apply(plan.clone())?;
    routed(&lab)?;
    let (pid, before) = (service.pid()?, lab.up("c1v4")?);
    drop(service);
    let mut next = lab.supervisor()?;
    ensure!(next.pid() == pid && pid.is_some(), "{pid:?}");
    next.apply(&plan)?;
    ensure!(is_same(&lab.up("c1v4")?, &before));
    // It is looked after as its own would be.
    send(pid.context("BIRD runs")?, Signal::SIGKILL)?;
    let events = wait(|| {
        let events = next.keep(Instant::now());
        Ok((!events.is_empty()).then_some(events))
    })?;
    ensure!(matches!(events[..], [SpeakerEvent::Ended { .. }]), "{events:?}");
    wait(|| {
        Ok(next
            .keep(Instant::now())
            .into_iter()
            .find(|it| matches!(it, SpeakerEvent::Restarted { .. })))
    })?;
    routed(&lab)?;
    lab.up("c1v4")?;
    // A configuration also starts a BIRD that has died meanwhile.
    send(next.pid().context("BIRD runs")?, Signal::SIGKILL)?;
    wait(|| Ok(BirdProcess::adopt(&lab.files(), &lab.netns()?)?.is_none().then_some(())))?;
    next.apply(&plan)?;
    lab.up("c2v4")?;
    routed(&lab)
}

#[test]
fn other_processes_on_the_socket_are_left_alone() -> Result<()> {
    let Some(lab) = SpeakerLab::new("other_processes_on_the_socket_are_left_alone")? else {
        return Ok(());
    };
    lab.files().make()?;
    let busy = |what: &str| match lab.supervisor() {
        Err(error) if matches!(error.downcast_ref(), Some(BirdError::Busy(_))) => {
            ensure!(error.to_string().contains(what), "{error}");
            Ok(())
        }
        other => bail!("{what}: {other:?}"),
    };
    // A listener that is no BIRD, in another namespace.
    let listener = UnixListener::bind(lab.files().socket())?;
    busy("runs in another network namespace")?;
    drop(listener);
    // A process that another thread was just starting may have had it a moment longer.
    let socket = lab.files().socket();
    wait(|| Ok(UnixStream::connect(&socket).is_err().then_some(())))?;
    // A BIRD of somebody else in ours.
    let config = lab.files().log().with_file_name("their.conf");
    fs::write(&config, "router id 10.0.0.9;\nprotocol device {}\n")?;
    let mut command: Command = lab.edge.command("bird");
    command.arg("-f").arg("-c").arg(&config).arg("-s").arg(lab.files().socket());
    let mut theirs: Child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn()?;
    wait(|| Ok(lab.control().ok()))?;
    let told = busy("was not started by edge");
    let is_alive = theirs.try_wait()?.is_none();
    theirs.kill()?;
    theirs.wait()?;
    ensure!(is_alive, "it was left alone");
    told?;
    // A socket that nobody listens on is nobody's.
    ensure!(lab.files().socket().exists());
    lab.supervisor()?.apply(&edge(Vec::new()))?;
    lab.control()?;
    Ok(())
}

#[test]
fn a_bird_that_hangs_is_killed_and_back() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_bird_that_hangs_is_killed_and_back")? else {
        return Ok(());
    };
    let (_peers, plan) = start(&mut lab)?;
    let mut setup = lab.setup()?;
    setup.hang = Duration::from_secs(2);
    let mut supervisor = BirdSupervisor::new(setup)?;
    supervisor.apply(&plan)?;
    routed(&lab)?;
    let pid = supervisor.pid().context("BIRD runs")?;
    send(pid, Signal::SIGSTOP)?;
    let mut events = Vec::new();
    wait(|| {
        events.extend(supervisor.keep(Instant::now()));
        Ok(events.iter().any(|it| matches!(it, SpeakerEvent::Restarted { .. })).then_some(()))
    })?;
    ensure!(matches!(events.first(), Some(SpeakerEvent::Hangs { .. })), "{events:?}");
    ensure!(events.contains(&SpeakerEvent::Killed), "{events:?}");
    ensure!(supervisor.pid().is_some_and(|next| next != pid));
    routed(&lab)?;
    lab.up("c1v4")?;
    Ok(())
}

#[test]
fn a_session_that_bird_gave_up_is_tried_again() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_session_that_bird_gave_up_is_tried_again")? else {
        return Ok(());
    };
    let (_peers, plan) = start(&mut lab)?;
    // BIRD can't have the port of one session at first.
    let listener = lab.edge.run(|| Ok(TcpListener::bind("192.168.15.18:1025")?))?;
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan)?;
    let given_up = SessionError::Other("Error: No listening socket".to_owned());
    lab.session("c1v4", |it| {
        it.state == BgpState::Down && it.last_error.as_ref() == Some(&given_up)
    })?;
    drop(listener);
    let session = "c1v4".parse()?;
    wait(|| {
        let events = supervisor.keep(Instant::now());
        Ok(events.contains(&SpeakerEvent::TriedAgain { session }).then_some(()))
    })?;
    routed(&lab)?;
    lab.up("c1v4")?;
    Ok(())
}

#[test]
fn a_bird_that_cannot_start_is_tried_again() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_bird_that_cannot_start_is_tried_again")? else {
        return Ok(());
    };
    let (_peers, plan) = start(&mut lab)?;
    let place = tempfile::tempdir()?;
    let program = place.path().join("bird");
    let mut setup = lab.setup()?;
    let real = setup.program.path.clone();
    let broken = place.path().join("broken");
    let script = format!(
        "#!/bin/sh\nif [ -e {} ] && [ \"$1\" = -f ]; then echo no luck >&2; exit 3; fi\nexec {} \"$@\"\n",
        broken.display(),
        real.display()
    );
    fs::write(&program, script)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    setup.program.path = program;
    let mut supervisor = BirdSupervisor::new(setup)?;
    supervisor.apply(&plan)?;
    routed(&lab)?;
    fs::write(&broken, "")?;
    send(supervisor.pid().context("BIRD runs")?, Signal::SIGKILL)?;
    let mut waits = Vec::new();
    let mut now = Instant::now();
    while waits.len() < 4 {
        for event in supervisor.keep(now) {
            if let SpeakerEvent::Failed { error, wait } = event {
                ensure!(error.contains("no luck"), "{error}");
                waits.push(wait);
            } else {
                ensure!(matches!(event, SpeakerEvent::Ended { .. }), "{event:?}");
            }
        }
        now += Duration::from_millis(10);
        thread::sleep(Duration::from_millis(1));
    }
    ensure!(waits.is_sorted() && waits[0] < waits[3], "{waits:?}");
    routed(&lab)?;
    fs::remove_file(&broken)?;
    wait(|| {
        now += Duration::from_secs(1);
        Ok(supervisor.keep(now).into_iter().find(|it| matches!(it, SpeakerEvent::Restarted { .. })))
    })?;
    lab.up("c1v4")?;
    // A change fails as a whole where BIRD can't be started, and what was there is there.
    fs::write(&broken, "")?;
    let text = fs::read_to_string(lab.files().current())?;
    send(supervisor.pid().context("BIRD runs")?, Signal::SIGKILL)?;
    wait(|| Ok(BirdProcess::adopt(&lab.files(), &lab.netns()?)?.is_none().then_some(())))?;
    let refused = supervisor.apply(&edge(Vec::new()));
    ensure!(matches!(refused, Err(BirdError::Refused(_))), "{refused:?}");
    ensure!(fs::read_to_string(lab.files().current())? == text);
    routed(&lab)
}

#[test]
fn a_peer_that_is_away_holds_up_a_recovery_for_as_long_as_is_set() -> Result<()> {
    let test = "a_peer_that_is_away_holds_up_a_recovery_for_as_long_as_is_set";
    let Some(mut lab) = SpeakerLab::new(test)? else {
        return Ok(());
    };
    let (mut peers, mut plan) = start(&mut lab)?;
    plan.recovery_wait_s = 5;
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan)?;
    routed(&lab)?;
    let second = peers.pop();
    supervisor.restart()?;
    drop(second);
    lab.up("c1v4")?;
    let config = PeerConfig::new(65_001, &[PEER_V4, PEER_V6], &["10.7.0.0/16"]).key("key 1");
    peers[0].change(&config)?;
    lab.session("c1v4", |it| it.imported == 1)?;
    // Either the second peer's session came up before it went, or its routes wait for it.
    if lab.control()?.speaker()?.recovery_us.is_some() {
        ensure!(lab.kernel_routes(AddressFamily::V4, 1_001)?.len() == 2);
    }
    lab.kernel_has(
        AddressFamily::V4,
        1_001,
        |routes| matches!(routes, [route] if route.starts_with("10.7.")),
    )?;
    ensure!(lab.control()?.speaker()?.recovery_us.is_none());
    Ok(())
}

#[test]
fn bird_runs_as_the_user_that_is_given() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("bird_runs_as_the_user_that_is_given")? else {
        return Ok(());
    };
    let account = SpeakerAccount::find("bird")?.context("Debian's package makes the user")?;
    lab.set_account(account);
    ensure!(SpeakerAccount::find("no-such-user")?.is_none());
    let (_peers, plan) = start(&mut lab)?;
    let mut supervisor = lab.supervisor()?;
    supervisor.apply(&plan)?;
    routed(&lab)?;
    let pid = supervisor.pid().context("BIRD runs")?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")).context("a user")?;
    let all = format!("\t{0}\t{0}\t{0}\t{0}", account.uid);
    ensure!(uid == all, "{uid:?}");
    // It takes changes, keeps a log, and is found and ended.
    supervisor.apply(&plan)?;
    lab.up("c2v6")?;
    ensure!(fs::read_to_string(lab.files().log())?.contains("Started"));
    ensure!(lab.supervisor()?.pid() == Some(pid));
    supervisor.remove(1000..=1999)?;
    ensure!(lab.kernel_routes(AddressFamily::V4, 1_001)?.is_empty());
    Ok(())
}

#[test]
fn a_removal_takes_all_that_was_made_and_nothing_else() -> Result<()> {
    let Some(mut lab) = SpeakerLab::new("a_removal_takes_all_that_was_made_and_nothing_else")?
    else {
        return Ok(());
    };
    let (peers, plan) = start(&mut lab)?;
    let service = BirdService::start(lab.setup()?, |_| {})?;
    service.apply(plan)?;
    routed(&lab)?;
    let pid = service.pid()?.context("BIRD runs")?;
    lab.edge.output("ip", &["route", "add", "10.77.0.0/16", "dev", "r1", "table", "1001"])?;
    service.remove(1000..=1999)?;
    ensure!(!fs::exists(format!("/proc/{pid}"))?, "BIRD has ended");
    ensure!(!lab.files().socket().exists() && !lab.files().log().exists());
    for family in AddressFamily::ALL {
        let routes =
            [lab.kernel_routes(family, 1_001)?, lab.kernel_routes(family, 1_002)?].concat();
        ensure!(routes.iter().all(|route| route.starts_with("10.77.")), "{routes:?}");
    }
    ensure!(lab.kernel_routes(AddressFamily::V4, 1_001)?.len() == 1);
    // It said goodbye to its peers.
    wait(|| Ok(peers[0].log()?.contains("Administrative shutdown").then_some(())))?;
    Ok(())
}

#[test]
fn a_namespace_is_that_of_its_path() -> Result<()> {
    let Some(lab) = SpeakerLab::new("a_namespace_is_that_of_its_path")? else {
        return Ok(());
    };
    let other = NetNs::new()?;
    lab.supervisor()?.apply(&edge(Vec::new()))?;
    let elsewhere = SpeakerNetns::open(&other.path())?;
    let found = BirdProcess::adopt(&lab.files(), &elsewhere);
    ensure!(matches!(found, Err(BirdError::Busy(_))), "{found:?}");
    ensure!(BirdProcess::adopt(&lab.files(), &lab.netns()?)?.is_some());
    let missing = SpeakerNetns::open("/nonexistent/netns".as_ref());
    ensure!(missing.is_err_and(|error| error.to_string().contains("/nonexistent/netns")));
    Ok(())
}
