//! An edge with many peerings: one of them changes, and no other notices.

use std::{
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::{SessionState, SessionStatus};
use edge_tests::{
    daemon::{configure, edge_binary, reload, status},
    exchange::{
        Customer, Exchange, ExchangeDaemon as _, LAN, VNET,
        crowd::{Crowd, circuit, name},
        speaker, wait_for_way,
    },
    probes::{Probes, none_lost},
    speaker::wait,
};
use edge_user::{
    config::sample::Sample,
    lab::{private_mounts, root_or_skip},
};
use nix::unistd::{Pid, SysconfVar, sysconf};

use super::bgp::{bird, end, has_stayed, sessions};

/// Peerings of customers that have traffic.
const WITH_TRAFFIC: u16 = 2;
/// The customer of the crowd that changes.
const CHANGED: u16 = 7;
/// Pause between two looks at all sessions, so that looking is not what takes the time.
const LOOK: Duration = Duration::from_millis(250);
/// Time in which an edge that has nothing to do is watched.
const IDLE: Duration = Duration::from_secs(10);

#[test]
fn a_change_of_one_peering_of_30_disturbs_no_other() -> Result<()> {
    if !root_or_skip("a_change_of_one_peering_of_30_disturbs_no_other") {
        return Ok(());
    }
    change_one_of(30, false)
}

/// `cargo test --release -p edge-tests --test netns of_1000 -- --ignored --nocapture` prints the figures.
#[test]
#[ignore = "figures, which take minutes"]
fn a_change_of_one_peering_of_1000_disturbs_no_other() -> Result<()> {
    if !root_or_skip("a_change_of_one_peering_of_1000_disturbs_no_other") {
        return Ok(());
    }
    change_one_of(1_000, true)
}

/// Has a peering of an edge with this many change in several ways.
fn change_one_of(peerings: u16, has_figures: bool) -> Result<()> {
    private_mounts()?;
    let mut exchange = Exchange::new(WITH_TRAFFIC)?;
    // The last one is yet to come.
    let count = peerings - WITH_TRAFFIC;
    let crowd = Crowd::new(&mut exchange.customer_side, count + 1)?;
    let _crowd = crowd.start()?;
    let all = config(&exchange, 0..count)?;
    let up = usize::from(count) + 2 * usize::from(WITH_TRAFFIC);

    // Built by now, so that it does not count.
    edge_binary();
    let begun = Instant::now();
    let daemon = exchange.start(&all)?;
    println!("{peerings} peerings: ready after {:?}", begun.elapsed());
    let _birds = exchange.customers.iter().map(bird).collect::<Result<Vec<_>>>()?;
    let before = up_sessions(&exchange, up)?;
    println!("{up} sessions: up after {:?}", begun.elapsed());
    if has_figures {
        figures(&exchange, daemon.pid()?)?;
    }

    // A session is up before its first route is there.
    for customer in &exchange.customers {
        wait_for_way(customer, LAN.1, VNET.1)?;
    }
    let probes = exchange.customers.iter().map(probes).collect::<Result<Vec<_>>>()?;
    probes.iter().try_for_each(Probes::wait_until_whole)?;
    let changed = name(CHANGED);
    let one = |key: &str, value: u32| {
        all.clone().change_circuit(&changed, |circuit| circuit.of_peering("private", key, value))
    };
    let steps = [
        ("another limit of routes", one("max_routes", 10), Some(up)),
        (
            "another bandwidth",
            all.clone().change_circuit(&changed, |circuit| circuit.key("bandwidth", "2 Gbps")),
            Some(up),
        ),
        (
            "one peering less",
            config(&exchange, (0..count).filter(|it| *it != CHANGED))?,
            Some(up - 1),
        ),
        ("one peering again", all.clone(), Some(up)),
        ("one peering more", config(&exchange, 0..=count)?, Some(up + 1)),
        ("other tags", one("c_tag", 11), None),
    ];
    for (what, config, up) in steps {
        configure(&config)?;
        let begun = Instant::now();
        reload()?;
        println!("{what}: reloaded in {:?}", begun.elapsed());
        // The session whose tags are others ends when its hold time does.
        let after = up.map_or_else(|| sessions(&exchange), |up| up_sessions(&exchange, up))?;
        println!("{what}: {} sessions after {:?}", after.len(), begun.elapsed());
        for before in before.iter().filter(|it| it.circuit != changed) {
            let same =
                |it: &&SessionStatus| it.circuit == before.circuit && it.family == before.family;
            let after = after.iter().find(same).context("the session is gone")?;
            ensure!(has_stayed(before, after), "{what}: {before:?} {after:?}");
        }
    }
    for probes in probes {
        ensure!(none_lost(probes)? > 0, "no probe was sent");
    }
    end(&exchange, daemon)
}

/// The configuration, with these customers of the crowd.
fn config(exchange: &Exchange, numbers: impl Iterator<Item = u16>) -> Result<Sample> {
    Ok(exchange.keyed_config()?.circuits(numbers.map(circuit)))
}

fn probes(customer: &Customer) -> Result<Probes> {
    Probes::start(&customer.router, &[LAN.1.to_owned()], &customer.vnet, VNET.1)
}

/// Waits until that many sessions are up, and no other ones, and returns them.
fn up_sessions(exchange: &Exchange, up: usize) -> Result<Vec<SessionStatus>> {
    let mut count = 0;
    wait(|| {
        thread::sleep(LOOK);
        let mut found = sessions(exchange)?;
        found.retain(|session| session.state == SessionState::Established);
        count = found.len();
        Ok((count == up).then_some(found))
    })
    .with_context(|| format!("{count} sessions are up, and not {up}"))
}

/// Prints the time of looks, and what daemon and BIRD have of memory and CPUs.
fn figures(exchange: &Exchange, daemon: Pid) -> Result<()> {
    let begun = Instant::now();
    let found = sessions(exchange)?.len();
    println!("`edge sessions`: {found} in {:?}", begun.elapsed());
    let begun = Instant::now();
    let domains = status()?.domains.len();
    println!("a status: {domains} domains in {:?}", begun.elapsed());
    for (who, pid) in [("the daemon", daemon), ("BIRD", speaker()?)] {
        let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
        for line in
            text.lines().filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
        {
            println!("{who}: {}", line.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        let before = cpu_time(pid)?;
        thread::sleep(IDLE);
        println!(
            "{who}: {:?} of CPU time in {IDLE:?} without a change",
            cpu_time(pid)?.saturating_sub(before)
        );
    }
    Ok(())
}

/// The CPU time of a process (`proc_pid_stat(5)`: `utime` and `stime`).
fn cpu_time(pid: Pid) -> Result<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let (_, rest) = text.rsplit_once(") ").context("a name in brackets")?;
    let ticks: Vec<u64> =
        rest.split(' ').skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    let ticks_a_s = sysconf(SysconfVar::CLK_TCK)?.context("a clock")?;
    Ok(Duration::from_millis(ticks.iter().sum::<u64>() * 1_000 / u64::try_from(ticks_a_s)?))
}
