//! A run: one fault after the other, while frames pass.

use std::{
    collections::{BTreeMap, VecDeque},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_user::{billing::ledger::Ledger, lab::Lab};
use jiff::{SignedDuration, Timestamp};

use super::{
    accounts::received,
    arrival::await_arrival,
    cables::Cables,
    chance::Chance,
    charges::Charges,
    clock::Clock,
    disk::{Disk, STATE_DIR},
    fault::FAULTS,
    groups::GROUPS,
    isolation::Isolation,
    model::Model,
    receivers::{FileReceiver, HttpReceiver},
    refusals::Decoys,
    rest::Meters,
    traffic::Traffic,
    watch::{Watch, answered},
    wires::WIRES,
};
use crate::{
    daemon::{Daemon, book, configure, edge_binary, other_layout_binary},
    patience::PATIENCE,
};

/// Frames that each far end sends.
const FRAMES_PER_S: u64 = 2_000;
/// Number of faults after which a disk that is full or can't be written is repaired.
const LONGEST_DAMAGE: u32 = 12;
/// Number of faults after which an interface comes back.
const LONGEST_TROUBLE: u32 = 8;
/// The longest pause between faults.
const LONGEST_PAUSE_MS: u64 = 60;
/// A date later than any that a clock ahead has been believed to have.
const SEALED_AHEAD_H: i64 = 40 * 24;
/// Faults between two reckonings at rest.
const REST_EVERY: u32 = 25;

/// An edge, the faults that happen to it, and their results.
pub struct Run<'a> {
    /// The lab with its namespaces.
    pub lab: &'a mut Lab,
    /// The traffic that it is sent.
    pub traffic: Traffic,
    /// The configuration that it is given.
    pub model: Model,
    /// The ledger's disk.
    pub disk: Disk,
    /// The receiver of files.
    pub files: FileReceiver,
    /// The receiver by HTTP.
    pub collector: HttpReceiver,
    /// Problems that were found.
    pub problems: Vec<String>,
    /// The latest actions, with their times.
    pub log: VecDeque<String>,
    pub(super) daemon: Option<Daemon>,
    pub(super) is_other_layout: bool,
    pub(super) chance: Chance,
    pub(super) clock: Clock,
    pub(super) cables: Cables,
    pub(super) charges: Charges,
    pub(super) decoys: Decoys,
    pub(super) number: u32,
    /// The meters at the last rest, unless ports have changed their places since.
    pub(super) meters: Option<Meters>,
    isolation: Isolation,
    watch: Watch,
    seed: u64,
    started: Instant,
    took: BTreeMap<String, (u32, Duration)>,
    damaged_since: u32,
    seals: i64,
    last_words: VecDeque<String>,
}

impl<'a> Run<'a> {
    /// An edge that runs, and traffic.
    pub fn start(lab: &'a mut Lab, seed: u64) -> Result<Self> {
        let collector = HttpReceiver::start(lab, seed)?;
        let model = Model::new(collector.port);
        let disk = Disk::new()?;
        let decoys = Decoys::new(lab)?;
        let clock = Clock::new()?;
        // Built by now, so that no fault takes as long as that.
        other_layout_binary();
        configure(&model.config())?;
        let daemon = clock.spawn_daemon(lab.edge(), edge_binary())?;
        daemon.wait_until_ready()?;
        let charges = Charges::new(lab, model.clone())?;
        let isolation = Isolation::watch(lab)?;
        let traffic = Traffic::start(lab, seed, FRAMES_PER_S)?;
        Ok(Self {
            lab,
            traffic,
            model,
            disk,
            files: FileReceiver::default(),
            collector,
            problems: Vec::new(),
            log: VecDeque::new(),
            daemon: Some(daemon),
            is_other_layout: false,
            chance: Chance::new(seed),
            clock,
            cables: Cables::default(),
            charges,
            decoys,
            number: 0,
            meters: None,
            isolation,
            watch: Watch::default(),
            seed,
            started: Instant::now(),
            took: BTreeMap::new(),
            damaged_since: 0,
            seals: 0,
            last_words: VecDeque::new(),
        })
    }

    /// Makes that many faults. After each the daemon answers, every port that has an interface
    /// runs, no counter is less than before, and no frame has been where it must not be.
    pub fn suffer(&mut self, faults: u32) -> Result<()> {
        for number in 1..=faults {
            self.number = number;
            let fault = self.chance.pick_weighted(&FAULTS);
            self.note(&format!("{number}: {fault:?}"));
            let name = || format!("fault {number}, {fault:?}");
            let begun = Instant::now();
            self.happen(fault).with_context(name)?;
            thread::sleep(Duration::from_millis(self.chance.below(LONGEST_PAUSE_MS)));
            self.mend_what_is_old().with_context(name)?;
            self.look().with_context(name)?;
            let (times, took) = self.took.entry(format!("{fault:?}")).or_default();
            (*times, *took) = (*times + 1, *took + begun.elapsed());
            if number % REST_EVERY == 0 {
                self.rest().with_context(|| format!("at rest after fault {number}"))?;
            }
            if number % 100 == 0 {
                let sent: u64 = (0..WIRES.len()).map(|wire| self.traffic.sent(wire)).sum();
                eprintln!(
                    "seed {}: {number} of {faults} faults, {sent} frames, {:.0} s, {} problems",
                    self.seed,
                    self.started.elapsed().as_secs_f64(),
                    self.problems.len(),
                );
            }
            // More problems would only push the first one out of the log.
            ensure!(self.problems.is_empty(), "after fault {number}, {fault:?}");
        }
        Ok(())
    }

    /// Ends the faults: everything damaged is repaired, and everything removed is back. Every port
    /// must then run by itself, and every customer's frames arrive.
    pub fn recover(&mut self) -> Result<()> {
        self.note("all is put right");
        self.clock.set_right()?;
        self.disk.repair()?;
        self.collector.be_reliable();
        for wire in self.cables.troubled() {
            self.bring_back(wire)?;
        }
        let before = received(self.lab)?;
        thread::sleep(Duration::from_millis(500));
        for (wire, (now, before)) in received(self.lab)?.iter().zip(&before).enumerate() {
            let came = now.since(before);
            let sender = WIRES[wire].partner;
            let own = GROUPS.iter().filter(|group| self.model.charge(group, sender).is_some());
            for group in own.filter(|group| group.is_constant) {
                let (name, names) = (WIRES[wire].name, group.names);
                ensure!(
                    super::accounts::tagged(&came, group).frames > 0,
                    "{name} receives nothing of {names:?}"
                );
            }
        }
        self.look()
    }

    /// Ends the traffic, and waits until every frame on its way has arrived and is booked.
    pub fn come_to_rest(&mut self) -> Result<()> {
        self.note("at rest");
        self.traffic.stop()?;
        await_arrival()?;
        ensure!(self.lab.settle(PATIENCE)?, "frames are still on their way");
        self.rest()?;
        self.end(true)?;
        let model = self.model.without_variants();
        self.charges.may_be(self.lab, &model)?;
        self.model = model;
        self.start_daemon()?;
        self.charges.is_now(self.lab, &self.model)?;
        is_booked()
    }

    /// Ends the daemon and starts it again: exports then begin at once, with the first record that
    /// a receiver has not acknowledged.
    pub fn restart(&mut self) -> Result<()> {
        self.end(true)?;
        self.start_daemon()
    }

    /// Turns all that is booked into records.
    pub fn seal(&mut self) -> Result<()> {
        // Frames that come later count in later periods, which the next seal has to reach.
        self.seals += 1;
        let until = Timestamp::now() + SignedDuration::from_hours(SEALED_AHEAD_H + 2 * self.seals);
        Ledger::open(Path::new(STATE_DIR))?.seal(until)?;
        Ok(())
    }

    /// Ends the daemon for good.
    pub fn finish(&mut self) -> Result<()> {
        self.end(true)
    }

    /// The number of times that each fault has happened, and its mean duration.
    #[must_use]
    pub fn times(&self) -> String {
        let times = self.took.iter().map(|(fault, (times, took))| {
            format!("{fault} {times} times {} ms", (*took / *times).as_millis())
        });
        times.collect::<Vec<_>>().join(", ")
    }

    /// Names of the ports' interfaces.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        self.cables.0.iter().map(|end| end.device.clone()).collect()
    }

    /// Messages of the last daemons.
    #[must_use]
    pub fn said(&self) -> String {
        let mut said: Vec<&str> = self.last_words.iter().map(String::as_str).collect();
        let last = self.daemon.as_ref().map(Daemon::said).unwrap_or_default();
        said.push(&last);
        said.join("---\n")
    }

    /// Checks the properties that must hold after every fault.
    fn look(&mut self) -> Result<()> {
        if self.charges.is_changing() {
            await_arrival()?;
            self.charges.is_now(self.lab, &self.model)?;
        }
        let status = answered()?;
        for wire in self.cables.sound() {
            let port = &self.model.ports[wire];
            let now = status.ports.iter().find(|now| now.name == port.name);
            let mode = now.map_or("none", |now| now.xdp_mode.as_str());
            let suits = if port.mode == "auto" { mode != "none" } else { mode == port.mode };
            if !suits {
                self.problems.push(format!("port {} runs in mode {mode}: {now:?}", port.name));
            }
        }
        let less = self.watch.look(&status);
        self.problems.extend(less.into_iter().take(4));
        self.problems.extend(self.charges.problems());
        self.problems.extend(self.isolation.violations()?);
        Ok(())
    }

    fn mend_what_is_old(&mut self) -> Result<()> {
        if self.disk.is_full() || self.disk.is_read_only() {
            self.damaged_since += 1;
        } else {
            self.damaged_since = 0;
        }
        if self.damaged_since > LONGEST_DAMAGE {
            self.note("the disk is repaired");
            self.damaged_since = 0;
            self.disk.repair()?;
            is_booked()?;
        }
        for wire in self.cables.troubled() {
            if self.number > self.cables.0[wire].since + LONGEST_TROUBLE {
                self.bring_back(wire)?;
            }
        }
        Ok(())
    }

    /// Waits until the port of a wire runs by itself, and has frames come again.
    pub(super) fn await_port(&mut self, wire: usize) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let status = answered()?;
            let name = self.model.ports[wire].name;
            let port = status.ports.iter().find(|port| port.name == name).context("the port")?;
            if port.xdp_mode != "none" {
                self.cables.await_link(self.lab, wire)?;
                self.traffic.resume(wire);
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "port {name} does not come back: {port:?}");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Has a far end send nothing, and waits until nothing is on its way to the edge.
    pub(super) fn silence(&self, wire: usize) -> Result<()> {
        self.traffic.pause(wire);
        await_arrival()
    }

    pub(super) fn end(&mut self, is_gentle: bool) -> Result<()> {
        let Some(daemon) = self.daemon.take() else { return Ok(()) };
        self.keep_words(&daemon);
        if is_gentle { daemon.stop() } else { daemon.kill() }
    }

    pub(super) fn start_daemon(&mut self) -> Result<()> {
        configure(&self.model.config())?;
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
        self.clock.spawn_daemon(self.lab.edge(), self.binary())
    }

    pub(super) fn binary(&self) -> &'static Path {
        if self.is_other_layout { other_layout_binary() } else { edge_binary() }
    }

    pub(super) fn keep_words(&mut self, daemon: &Daemon) {
        self.keep_said(daemon.said());
    }

    pub(super) fn keep_said(&mut self, said: String) {
        if self.last_words.len() > 8 {
            self.last_words.pop_front();
        }
        self.last_words.push_back(said);
    }

    pub(super) fn note(&mut self, what: &str) {
        if self.log.len() > 400 {
            self.log.pop_front();
        }
        let (time, since) = (Timestamp::now(), self.started.elapsed().as_secs_f64());
        self.log.push_back(format!("{time:.3} {since:8.3} {what}"));
    }
}

/// Checks that the books are kept, if the disk is sound. A machine that stands still looks to the daemon like a
/// disk that is stuck: it says so, and books later.
pub(super) fn is_booked() -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match book() {
            Err(error)
                if error.to_string().contains("has not answered") && Instant::now() < deadline => {}
            booked => return booked.context("the disk is sound"),
        }
    }
}
