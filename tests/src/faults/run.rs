//! One fault after the other, while frames go on.

use std::{
    collections::VecDeque,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_user::{lab::Lab, ledger::Ledger};
use jiff::{SignedDuration, Timestamp};

use super::{
    chance::Chance,
    disk::{Disk, STATE_DIR},
    model::{LIVE, Model, PORTS, VARIANTS, Variant},
    receivers::{FileReceiver, HttpReceiver},
    reckoning::overbooked,
    traffic::Traffic,
    watch::{Watch, answered},
};
use crate::daemon::{
    Daemon, book, configure, edge_binary, other_layout_binary, reload, set_bandwidth,
};

/// Frames that each far end sends.
const FRAMES_PER_S: u64 = 2_500;
/// Faults, after which a disk that is full or can't be written is repaired.
const LONGEST_DAMAGE: u32 = 12;
/// Longer than the frames that still leave by the port meanwhile.
const SMALL_MTU: &str = "1280";
const USUAL_MTU: &str = "1600";

/// Something that happens to an edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// `kill -9`, and a start.
    Kill,
    /// SIGTERM, and a start.
    Stop,
    /// Its end, and a start that is killed.
    KillTheStart,
    /// A reload that is killed, and a start.
    KillTheReload,
    /// A reload of the same file.
    Reload,
    /// A reload of another file.
    Change,
    /// Another bandwidth.
    SetBandwidth,
    /// Its end, and a start of the version with the other layout.
    Upgrade,
    /// The same, and that start is killed.
    KillTheUpgrade,
    /// The disk is full, or has room again.
    Fill,
    /// The disk can't be written, or can again.
    ReadOnly,
    /// Somebody else writes in the ledger for seconds.
    Lock,
    /// All that is booked becomes records.
    Seal,
    /// The receiver takes its files.
    Take,
    /// A device refuses long frames for a while.
    Refuse,
}

const FAULTS: [(u64, Fault); 15] = [
    (18, Fault::Kill),
    (12, Fault::Stop),
    (14, Fault::KillTheStart),
    (9, Fault::KillTheReload),
    (6, Fault::Reload),
    (22, Fault::Change),
    (8, Fault::SetBandwidth),
    (12, Fault::Upgrade),
    (12, Fault::KillTheUpgrade),
    (6, Fault::Fill),
    (5, Fault::ReadOnly),
    (4, Fault::Lock),
    (8, Fault::Seal),
    (8, Fault::Take),
    (6, Fault::Refuse),
];

/// An edge, what happens to it, and what came of it.
pub struct Run<'a> {
    /// Where it all is.
    pub lab: &'a Lab,
    /// What it is sent.
    pub traffic: Traffic,
    /// What it is told.
    pub model: Model,
    /// Where the ledger is.
    pub disk: Disk,
    /// The receiver of files.
    pub files: FileReceiver,
    /// The receiver by HTTP.
    pub collector: HttpReceiver,
    /// What is wrong.
    pub problems: Vec<String>,
    /// What was done, with times; the last of it.
    pub log: VecDeque<String>,
    daemon: Option<Daemon>,
    is_other_layout: bool,
    chance: Chance,
    watch: Watch,
    started: Instant,
    damaged_since: u32,
    seals: i64,
    last_words: VecDeque<String>,
}

impl<'a> Run<'a> {
    /// An edge that runs, and traffic.
    pub fn start(lab: &'a Lab, seed: u64) -> Result<Self> {
        let collector = HttpReceiver::start(lab, seed)?;
        let model = Model::new(collector.port);
        let disk = Disk::new()?;
        let daemon = Daemon::start(lab, &model.toml())?;
        // Built by now, so that no fault takes as long as that.
        other_layout_binary();
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
            watch: Watch::default(),
            started: Instant::now(),
            damaged_since: 0,
            seals: 0,
            last_words: VecDeque::new(),
        })
    }

    /// That many faults. After each the daemon answers, and no counter is less than it was.
    pub fn suffer(&mut self, faults: u32) -> Result<()> {
        for number in 1..=faults {
            let fault = self.chance.pick_weighted(&FAULTS);
            self.note(&format!("{number}: {fault:?}"));
            self.happen(fault).with_context(|| format!("fault {number}, {fault:?}"))?;
            let pause = Duration::from_millis(self.chance.below(120));
            thread::sleep(pause);
            self.mend_what_is_old()?;
            let less = self.watch.look().with_context(|| format!("fault {number}, {fault:?}"))?;
            if !less.is_empty() {
                self.note(&format!("{number}: counters went back"));
                let less = less.into_iter().take(4);
                self.problems.extend(less.map(|less| format!("after fault {number}: {less}")));
            }
            if number % 10 == 0 {
                self.problems.extend(overbooked(self.lab)?);
            }
            if number % 100 == 0 {
                let sent: u64 = (0..PORTS.len()).map(|port| self.traffic.sent(port)).sum();
                eprintln!(
                    "{number} of {faults} faults, {sent} frames, {:.0} s, {} problems",
                    self.started.elapsed().as_secs_f64(),
                    self.problems.len(),
                );
            }
        }
        Ok(())
    }

    /// No more traffic and no more damage: everything on its way has arrived, and is booked.
    pub fn come_to_rest(&mut self) -> Result<()> {
        self.note("at rest");
        self.traffic.stop()?;
        ensure!(self.lab.settle(Duration::from_secs(10))?, "frames are still on their way");
        self.disk.repair()?;
        self.collector.be_reliable();
        self.end(true)?;
        self.model = Model::new(self.collector.port);
        self.start_daemon()?;
        is_booked()
    }

    /// Ends the daemon and starts it again, which begins with the first record that a receiver has
    /// not acknowledged, without a wait.
    pub fn restart(&mut self) -> Result<()> {
        self.end(true)?;
        self.start_daemon()
    }

    /// Turns all that is booked into records.
    pub fn seal(&mut self) -> Result<()> {
        // What comes later counts in later periods, which the next time has to reach.
        self.seals += 1;
        let until = Timestamp::now() + SignedDuration::from_hours(24 + 2 * self.seals);
        Ledger::open(Path::new(STATE_DIR))?.seal(until)?;
        Ok(())
    }

    /// Ends the daemon for good.
    pub fn finish(&mut self) -> Result<()> {
        self.end(true)
    }

    /// What the daemons said last.
    #[must_use]
    pub fn said(&self) -> String {
        let mut said: Vec<&str> = self.last_words.iter().map(String::as_str).collect();
        let last = self.daemon.as_ref().map(Daemon::said).unwrap_or_default();
        said.push(&last);
        said.join("---\n")
    }

    fn happen(&mut self, fault: Fault) -> Result<()> {
        match fault {
            Fault::Kill => self.replace(false),
            Fault::Stop => self.replace(true),
            Fault::KillTheStart => {
                let is_gentle = self.chance.percent(50);
                self.end(is_gentle)?;
                self.change_while_down()?;
                self.kill_a_start()?;
                self.start_daemon()
            }
            Fault::KillTheReload => self.kill_the_reload(),
            Fault::Reload => reload().context("the same file"),
            Fault::Change => {
                self.change()?;
                reload().context("another file")
            }
            Fault::SetBandwidth => {
                let circuit = self.chance.pick(&LIVE);
                let rate_bps = 100_000 << self.chance.below(10);
                self.note(&format!("{circuit} at {rate_bps}"));
                set_bandwidth(circuit, rate_bps).map(drop)
            }
            Fault::Upgrade => {
                let is_gentle = self.chance.percent(50);
                self.end(is_gentle)?;
                self.is_other_layout = !self.is_other_layout;
                self.start_daemon()
            }
            Fault::KillTheUpgrade => {
                let is_gentle = self.chance.percent(50);
                self.end(is_gentle)?;
                self.is_other_layout = !self.is_other_layout;
                self.kill_a_start()?;
                if self.chance.percent(50) {
                    self.is_other_layout = !self.is_other_layout;
                }
                self.start_daemon()
            }
            Fault::Fill if self.disk.is_full() => self.disk.empty(),
            Fault::Fill if self.disk.is_read_only() => Ok(()),
            Fault::Fill => self.disk.fill(),
            Fault::ReadOnly if self.disk.is_read_only() => self.disk.set_read_only(false),
            Fault::ReadOnly => self.make_read_only(),
            Fault::Lock if self.disk.is_sound() => {
                let length = Duration::from_millis(2_000 + self.chance.below(1_000));
                // The daemon may be writing for longer than we wait.
                if let Err(error) = self.disk.lock(length) {
                    self.note(&format!("not locked: {error:#}"));
                }
                Ok(())
            }
            Fault::Seal if self.disk.is_sound() => self.seal(),
            Fault::Lock | Fault::Seal => Ok(()),
            Fault::Take => self.files.take(),
            Fault::Refuse => self.refuse(),
        }
    }

    /// Ends the daemon and starts it again, perhaps with another configuration.
    fn replace(&mut self, is_gentle: bool) -> Result<()> {
        self.end(is_gentle)?;
        self.change_while_down()?;
        self.start_daemon()
    }

    fn kill_a_start(&mut self) -> Result<()> {
        let daemon = Daemon::spawn(self.lab, self.binary())?;
        let after = Duration::from_millis(self.chance.below(250));
        self.note(&format!("killed after {after:?}, other layout: {}", self.is_other_layout));
        thread::sleep(after);
        self.keep_words(&daemon);
        daemon.kill()
    }

    fn kill_the_reload(&mut self) -> Result<()> {
        self.change()?;
        let after = Duration::from_micros(self.chance.below(60_000));
        let daemon = self.daemon.take().context("a daemon")?;
        self.keep_words(&daemon);
        thread::scope(|scope| {
            scope.spawn(|| drop(reload()));
            thread::sleep(after);
            daemon.kill()
        })?;
        self.start_daemon()
    }

    fn make_read_only(&mut self) -> Result<()> {
        if self.disk.is_full() || self.disk.is_locked() {
            return Ok(());
        }
        // As long as the daemon has the file, the kernel refuses.
        let is_gentle = self.chance.percent(50);
        self.end(is_gentle)?;
        self.disk.set_read_only(true)?;
        self.start_daemon()
    }

    /// A port takes no long frames. What is sent to it meanwhile would be dropped on the cable, so
    /// its far end is silent.
    fn refuse(&mut self) -> Result<()> {
        let port = usize::try_from(self.chance.below(PORTS.len() as u64))?;
        let set = |mtu| {
            let arguments = ["link", "set", PORTS[port].name, "mtu", mtu];
            self.lab.edge().output("ip", &arguments)
        };
        self.traffic.pause(port);
        thread::sleep(Duration::from_millis(30));
        set(SMALL_MTU)?;
        thread::sleep(Duration::from_millis(60));
        set(USUAL_MTU)?;
        self.traffic.resume(port);
        Ok(())
    }

    fn change_while_down(&mut self) -> Result<()> {
        if self.chance.percent(30) { self.change() } else { Ok(()) }
    }

    fn change(&mut self) -> Result<()> {
        let variant: Variant = self.chance.pick(&VARIANTS);
        self.note(&format!("{variant:?}"));
        self.model = self.model.toggled(variant);
        configure(&self.model.toml())
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
        Ok(())
    }

    fn end(&mut self, is_gentle: bool) -> Result<()> {
        let Some(daemon) = self.daemon.take() else { return Ok(()) };
        self.keep_words(&daemon);
        if is_gentle { daemon.stop() } else { daemon.kill() }
    }

    fn start_daemon(&mut self) -> Result<()> {
        configure(&self.model.toml())?;
        let daemon = Daemon::spawn(self.lab, self.binary())?;
        daemon.wait_until_ready()?;
        self.daemon = Some(daemon);
        answered().map(drop)
    }

    fn binary(&self) -> &'static Path {
        if self.is_other_layout { other_layout_binary() } else { edge_binary() }
    }

    fn keep_words(&mut self, daemon: &Daemon) {
        if self.last_words.len() > 8 {
            self.last_words.pop_front();
        }
        self.last_words.push_back(daemon.said());
    }

    fn note(&mut self, what: &str) {
        if self.log.len() > 400 {
            self.log.pop_front();
        }
        self.log.push_back(format!("{:8.3} {what}", self.started.elapsed().as_secs_f64()));
    }
}

/// With a disk that is sound, the books are kept.
fn is_booked() -> Result<()> {
    book().context("the disk is sound")
}
