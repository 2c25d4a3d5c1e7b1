//! A run: one fault after the other, while packets pass.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;

use super::{
    happen::FAULTS,
    model::{CUSTOMERS, RoutedModel, RoutedVariant},
    reckoning::ledger_is_sound,
    traffic::RoutedTraffic,
    trouble::{Trouble, start_peer},
};
use crate::{
    daemon::{Daemon, configure, edge_binary, other_layout_binary, sessions},
    exchange::{Exchange, ExchangeDaemon as _},
    faults::{
        arrival::await_arrival,
        chance::Chance,
        clock::Clock,
        disk::Disk,
        happen::Way,
        run::is_booked,
        watch::{Watch, answered},
    },
    speaker::BirdPeer,
};

/// Number of faults after which a full disk has room again.
const LONGEST_DAMAGE: u32 = 12;
/// The longest pause between faults.
const LONGEST_PAUSE_MS: u64 = 400;
/// Time between two looks at what is not right yet.
const LOOK: Duration = Duration::from_secs(1);
/// Faults between two reckonings.
const REST_EVERY: u32 = 15;
/// Faults between two moments at which everything is put right, and everybody has to reach the other end again.
const WHOLE_EVERY: u32 = 45;

/// An edge that routes, and what happens to it.
pub struct RoutedRun {
    pub(super) exchange: Exchange,
    pub(super) traffic: RoutedTraffic,
    pub(super) model: RoutedModel,
    /// Routers of customers with BGP, by the customers' places.
    pub(super) peers: Vec<Option<BirdPeer>>,
    pub(super) troubles: Vec<Trouble>,
    pub(super) disk: Disk,
    pub(super) clock: Clock,
    pub(super) chance: Chance,
    pub(super) number: u32,
    pub(super) is_other_layout: bool,
    daemon: Option<Daemon>,
    watch: Watch,
    damaged_since: u32,
    seed: u64,
    started: Instant,
    /// The longest time in which everybody reached the other end again.
    longest: Duration,
    took: BTreeMap<String, (u32, Duration)>,
    log: VecDeque<String>,
    last_words: VecDeque<String>,
}

/// Looks again and again at sessions that are not up, and at the growth of each port's counts by reason.
fn looks_until(is_over: &AtomicBool) -> Vec<String> {
    let mut lines = Vec::new();
    let begun = Instant::now();
    let mut before: BTreeMap<String, u64> = BTreeMap::new();
    while !is_over.load(Ordering::Relaxed) {
        thread::sleep(LOOK);
        let (Ok(sessions), Ok(status)) = (sessions(), answered()) else { continue };
        let down = sessions
            .iter()
            .filter(|it| !it.is_up())
            .map(|it| format!("{} {:?} {:?} {:?}", it.circuit, it.peer, it.state, it.last_error));
        let mut line: Vec<String> = down.collect();
        for port in status.ports {
            for (reason, frames) in port.reasons {
                let name = format!("{} {reason}", port.name);
                let known = before.insert(name.clone(), frames).unwrap_or(frames);
                line.extend((frames > known).then(|| format!("{name} +{}", frames - known)));
            }
        }
        lines.push(format!("{} ms: {}", begun.elapsed().as_millis(), line.join(", ")));
    }
    lines
}

impl RoutedRun {
    /// An edge that runs, its customers and their traffic.
    pub fn start(seed: u64) -> Result<Self> {
        let mut exchange = Exchange::new(CUSTOMERS)?;
        for number in 1..CUSTOMERS {
            exchange.add_second_link(number)?;
        }
        let disk = Disk::new()?;
        let clock = Clock::new()?;
        // Built by now, so that no fault takes as long as that.
        other_layout_binary();
        let model = RoutedModel::default();
        let mut peers = Vec::new();
        for customer in exchange.customers.iter().filter(|it| it.has_second_link) {
            customer.forget_ways()?;
            peers.push(Some(start_peer(customer)?));
        }
        let traffic = RoutedTraffic::start(&mut exchange)?;
        let mut run = Self {
            exchange,
            traffic,
            model,
            peers,
            troubles: Vec::new(),
            disk,
            clock,
            chance: Chance::new(seed),
            number: 0,
            is_other_layout: false,
            daemon: None,
            watch: Watch::default(),
            damaged_since: 0,
            seed,
            started: Instant::now(),
            longest: Duration::ZERO,
            took: BTreeMap::new(),
            log: VecDeque::new(),
            last_words: VecDeque::new(),
        };
        run.start_daemon()?;
        run.put_right()?;
        Ok(run)
    }

    /// Makes that many faults. After each the daemon answers, its ports run, no counter is less than before, and no packet has
    /// been where it must not be.
    pub fn suffer(&mut self, faults: u32) -> Result<()> {
        for number in 1..=faults {
            self.number = number;
            let fault = self.chance.pick_weighted(&FAULTS);
            self.note(&format!("{number}: {fault:?}"));
            let name = || format!("fault {number}, {fault:?}");
            let begun = Instant::now();
            self.happen(fault).with_context(name)?;
            self.traffic.send_foreign();
            thread::sleep(Duration::from_millis(self.chance.below(LONGEST_PAUSE_MS)));
            self.end_old_troubles().with_context(name)?;
            self.mend_the_disk().with_context(name)?;
            self.look().with_context(name)?;
            let (times, took) = self.took.entry(format!("{fault:?}")).or_default();
            (*times, *took) = (*times + 1, *took + begun.elapsed());
            if number % REST_EVERY == 0 && self.disk.is_sound() {
                self.rest().with_context(|| format!("at rest after fault {number}"))?;
            }
            if number % WHOLE_EVERY == 0 {
                self.put_right().with_context(|| format!("put right after fault {number}"))?;
                let seconds = self.started.elapsed().as_secs_f64();
                let seed = self.seed;
                eprintln!("seed {seed}: {number} of {faults} routed faults, {seconds:.0} s");
                eprintln!("{}", self.log.back().map_or("", String::as_str));
            }
        }
        Ok(())
    }

    /// Puts everything right. Everybody who has a circuit then reaches the other end again.
    pub fn put_right(&mut self) -> Result<()> {
        self.note("all is put right");
        self.clock.set_right()?;
        self.disk.repair()?;
        self.end_all_troubles()?;
        if self.model.has(RoutedVariant::NoRouting) {
            let model = self.model.toggled(RoutedVariant::NoRouting);
            self.change_to(model, Way::Reload)?;
        }
        let begun = Instant::now();
        let mut told = Vec::new();
        let is_over = AtomicBool::new(false);
        let (whole, looks) = thread::scope(|scope| {
            let looks = scope.spawn(|| looks_until(&is_over));
            let whole = self.traffic.wait_until_whole(&self.model, |owner| {
                told.push(format!("{owner:?} after {} ms", begun.elapsed().as_millis()));
            });
            is_over.store(true, Ordering::Relaxed);
            (whole, looks.join().unwrap_or_default())
        });
        for line in looks {
            self.note(&line);
        }
        whole?;
        self.longest = self.longest.max(begun.elapsed());
        self.note(&format!("whole: {}", told.join(", ")));
        self.look()
    }

    /// Ends the traffic, holds wire and ledger against each other, and ends the daemon. Returns the numbers of packets that were
    /// sent and that came back.
    pub fn finish(&mut self) -> Result<(usize, usize)> {
        self.rest()?;
        let figures = self.traffic.end()?;
        self.rest()?;
        self.end(true)?;
        ledger_is_sound()?;
        self.exchange.detach()?;
        Ok(figures)
    }

    /// The latest actions, and the messages of the last daemons.
    #[must_use]
    pub fn story(&self) -> String {
        let mut story: Vec<&str> = self.log.iter().map(String::as_str).collect();
        story.push("the daemons said last:");
        story.extend(self.last_words.iter().map(String::as_str));
        let last = self.daemon.as_ref().map(Daemon::said).unwrap_or_default();
        story.push(&last);
        story.join("\n")
    }

    /// The number of times that each fault has happened with its mean duration, and the longest time until everybody reached the
    /// other end.
    #[must_use]
    pub fn times(&self) -> String {
        let times = self.took.iter().map(|(fault, (times, took))| {
            format!("{fault} {times} times {} ms", (*took / *times).as_millis())
        });
        let times = times.collect::<Vec<_>>().join(", ");
        format!("{times}; whole again within {} ms", self.longest.as_millis())
    }

    /// Checks the properties that must hold after every fault.
    fn look(&mut self) -> Result<()> {
        let status = answered()?;
        for name in self.sound_ports() {
            let port = status.ports.iter().find(|port| port.name == name);
            let port = port.with_context(|| format!("no port {name}"))?;
            let reasons: u64 = port.reasons.values().sum();
            ensure!(port.xdp_mode != "none", "port {name} does not run: {port:?}");
            ensure!(reasons >= port.rx_frames, "port {name}: {port:?}");
        }
        let less = self.watch.look(&status);
        ensure!(less.is_empty(), "{less:?}");
        self.traffic.is_sound()
    }

    fn mend_the_disk(&mut self) -> Result<()> {
        self.damaged_since = if self.disk.is_full() { self.damaged_since + 1 } else { 0 };
        if self.damaged_since > LONGEST_DAMAGE {
            self.note("the disk has room");
            self.damaged_since = 0;
            self.disk.repair()?;
            is_booked()?;
        }
        Ok(())
    }

    /// Ends all packets, and waits until none is on its way.
    pub(super) fn silence(&self) -> Result<()> {
        self.traffic.pause();
        await_arrival()
    }

    pub(super) fn daemon(&self) -> Result<&Daemon> {
        self.daemon.as_ref().context("a daemon")
    }

    /// The daemon, to be killed.
    pub(super) fn take_daemon(&mut self) -> Result<Daemon> {
        let daemon = self.daemon.take().context("a daemon")?;
        self.keep_words(&daemon);
        Ok(daemon)
    }

    pub(super) fn end(&mut self, is_gentle: bool) -> Result<()> {
        let daemon = self.take_daemon()?;
        if is_gentle { daemon.stop() } else { daemon.kill() }
    }

    pub(super) fn start_daemon(&mut self) -> Result<()> {
        configure(&self.model.config(&self.exchange)?)?;
        let daemon = self.spawn()?;
        let ready = daemon.wait_until_ready();
        if ready.is_err() {
            self.keep_words(&daemon);
        }
        ready?;
        self.daemon = Some(daemon);
        answered().map(drop)
    }

    pub(super) fn spawn(&self) -> Result<Daemon> {
        self.clock.spawn_daemon(&self.exchange.edge, self.binary())
    }

    fn binary(&self) -> &'static Path {
        if self.is_other_layout { other_layout_binary() } else { edge_binary() }
    }

    pub(super) fn keep_words(&mut self, daemon: &Daemon) {
        if self.last_words.len() > 4 {
            self.last_words.pop_front();
        }
        self.last_words.push_back(daemon.said());
    }

    pub(super) fn note(&mut self, what: &str) {
        if self.log.len() > 400 {
            self.log.pop_front();
        }
        let (time, since) = (Timestamp::now(), self.started.elapsed().as_secs_f64());
        self.log.push_back(format!("{time:.3} {since:8.3} {what}"));
    }
}
