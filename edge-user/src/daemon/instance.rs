//! One edge, running: a configuration, its plan, and the kernel's tables and links.

mod bandwidth_change;
mod reload;

use std::{
    collections::BTreeSet,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Result;
use edge_api::Status;
use nix::fcntl::Flock;

use super::{
    AtExit,
    bookkeeper::Bookkeeper,
    close::{Unbooked, close},
    install::{Aim, Committed, Installed, Set, commit, create_set, prepare},
    instructions::Instructions,
    interfaces::Wanted,
    policers::Peaks,
    ports::{Failed, PortStates, Told, follow_links, look, restore_egress},
    status::read_status,
    takeover::{ensure_our_namespace, is_broken, newest_set},
};
use crate::{
    config::Config,
    kernel::{
        BesideOurs, Pins, carry,
        host::device::Devices,
        is_carried, make_room,
        object::pins,
        quiesce,
        read::books::{Books, all_books},
    },
    plan::Capacity,
};

/// After this time, the daemon tries again to attach a port even if nothing has changed.
const TRY_AGAIN_AFTER: Duration = Duration::from_secs(10);
/// Longest time that the daemon waits for a booking.
const BOOK_WITHIN: Duration = Duration::from_secs(10);
/// The same before a start goes on without it.
const TAKE_OVER_WITHIN: Duration = Duration::from_secs(2);

/// The pins of an edge, held by this process alone.
pub struct Hold {
    pin_dir: PathBuf,
    _lock: Flock<File>,
}

impl Hold {
    /// Takes them, or says who has them.
    pub fn take(config: &Config) -> Result<Self> {
        let pin_dir = config.edge.pin_dir.clone();
        pins::make_root(&pin_dir)?;
        let lock = pins::lock(&pin_dir)?;
        Ok(Self { pin_dir, _lock: lock })
    }
}

/// A running edge.
pub struct Instance {
    config_path: PathBuf,
    config: Config,
    installed: Installed,
    set: Set,
    devices: Devices,
    /// Whether refusals of devices are counted.
    watches_egress: bool,
    bookkeeper: Arc<Bookkeeper>,
    /// Tables that nothing counts in any more, or that of ports which wait for another program, and
    /// that are not booked yet.
    others: Vec<(Pins, Books)>,
    started: Instant,
    /// Index of the rate that the last change of a bandwidth has left.
    left_rate: Option<u32>,
    peaks: Peaks,
    told: Told,
    /// The last attempt to attach ports again, if it failed for some.
    failed: Option<(Failed, Instant)>,
    /// Given up last.
    hold: Hold,
}

impl Instance {
    /// Takes over the pinned data plane, or starts one.
    pub fn start(config_path: &Path, config: Config, hold: Hold) -> Result<Self> {
        let pin_dir = &hold.pin_dir;
        let devices = Devices::open()?;
        ensure_our_namespace(pin_dir, &devices)?;
        let found = newest_set(pin_dir)?;
        let is_new = found.is_none();
        let mut set = match found {
            Some(set) => set,
            None => create_set(&Capacity::for_config(&config), Pins::first(pin_dir)?)?,
        };
        let started = Self::install(&mut set, &config, &devices);
        let (committed, bookkeeper, watches_egress) = match started {
            Ok(started) => started,
            Err(error) => {
                // Nothing has counted in new tables.
                if is_new && let Err(error) = set.pins.remove() {
                    tracing::error!("removing {}: {error:#}", set.pins.directory().display());
                }
                return Err(error);
            }
        };
        let mut instance = Self {
            config_path: config_path.to_owned(),
            config,
            installed: committed.installed,
            set,
            devices,
            watches_egress,
            bookkeeper: Arc::new(bookkeeper),
            others: Vec::new(),
            started: Instant::now(),
            left_rate: None,
            peaks: Peaks::default(),
            told: Told::default(),
            failed: None,
            hold,
        };
        instance.take_over()?;
        instance.bookkeeper.follow(Instructions::new(&instance.config));
        instance.tell_of_ports()?;
        Ok(instance)
    }

    fn install(
        set: &mut Set,
        config: &Config,
        devices: &Devices,
    ) -> Result<(Committed, Bookkeeper, bool)> {
        let state_dir = config.edge.state_dir.clone();
        let bookkeeper = Bookkeeper::start(set.pins.root(), state_dir, Instructions::new(config))?;
        let aim = Aim { config, wanted: Wanted::ByName, running: None };
        let prepared = prepare(set, &bookkeeper, devices, aim)?;
        if let Err(error) = bookkeeper.note_terms(&Instructions::new(config)) {
            tracing::warn!("fees of this start are noted later: {error:#}");
        }
        let (committed, watches_egress) = commit(set, prepared);
        Ok((committed, bookkeeper, watches_egress.unwrap_or(false)))
    }

    /// Every interface has a program of ours: what other tables have counted is all that they ever
    /// will. They go when that is booked, if it can be now, else later.
    fn take_over(&mut self) -> Result<()> {
        let books = all_books(&self.hold.pin_dir)?.books;
        for (pins, books) in books.into_iter().filter(|(pins, _)| *pins != self.set.pins) {
            if is_carried(&self.set.tables, &books) {
                books.close();
                pins.remove()?;
            } else {
                self.others.push((pins, books));
            }
        }
        self.make_room()?;
        if !self.others.is_empty() {
            quiesce();
            self.bookkeeper.close(self.others.iter().map(|(pins, _)| pins.clone()));
            if let Err(error) = self.bookkeeper.book(TAKE_OVER_WITHIN) {
                tracing::warn!("the tables before these stay until they are booked: {error:#}");
            }
        }
        self.retire_others()
    }

    /// Keeps slots for counters of other tables which are shown with those of a peering here: no
    /// change may take these slots before the other tables are booked.
    fn make_room(&mut self) -> Result<()> {
        if self.others.is_empty() {
            return Ok(());
        }
        let plan = &self.installed.plan;
        let places: BTreeSet<_> = plan.attachments.iter().map(|own| own.key.place()).collect();
        let others = self.others.iter().map(|(_, books)| books);
        make_room(&mut self.set.tables, others, |key| places.contains(&key.place()))
    }

    /// Has what tables before these have counted be part of our counters, and removes those that are
    /// booked.
    pub fn retire_others(&mut self) -> Result<()> {
        let is_booked = |(pins, _): &mut (Pins, Books)| self.bookkeeper.has_closed(pins);
        let booked: Vec<_> = self.others.extract_if(.., is_booked).collect();
        if !booked.is_empty() {
            for (pins, books) in booked {
                carry(&mut self.set.tables, &books)?;
                books.close();
                pins.remove()?;
                tracing::info!("the tables in {} are booked, and gone", pins.directory().display());
            }
            // Some slots are those of owners that had one there.
            self.installed.plan.find_predecessors(&self.set.tables.owners());
        }
        for pins in self.set.pins.others()? {
            if is_broken(&pins)? {
                tracing::error!(
                    "{} has pins without tables that could be read: removing them",
                    pins.directory().display()
                );
                pins.remove()?;
            }
        }
        Ok(())
    }

    /// Looks whether each port's program runs where it should, and attaches it again where it can.
    pub fn look_at_ports(&mut self) -> Result<()> {
        follow_links(&mut self.installed, &self.devices)?;
        restore_egress(&mut self.set, &self.installed);
        let states = self.tell_of_ports()?;
        if states.values().any(|state| state.to_attach.is_some()) && self.is_worth_a_try(&states) {
            let config = self.config.clone();
            match self.prepare(&config, Wanted::AsItIs) {
                Ok(prepared) => self.commit(prepared),
                Err(error) => {
                    let why = states.keys().map(|port| (port.clone(), format!("{error:#}")));
                    let failed = Failed { states: PortStates::new(), why: why.collect() };
                    self.failed = Some((failed, Instant::now()));
                }
            }
            let states = self.tell_of_ports()?;
            if let Some((failed, _)) = &mut self.failed {
                failed.states = states;
            }
        }
        Ok(())
    }

    /// Whether anything is otherwise than when it failed last.
    fn is_worth_a_try(&self, states: &PortStates) -> bool {
        self.failed.as_ref().is_none_or(|(failed, when)| {
            failed.states != *states || when.elapsed() >= TRY_AGAIN_AFTER
        })
    }

    /// Looks at the ports, and tells of faults that have come or gone.
    fn tell_of_ports(&mut self) -> Result<PortStates> {
        let states = look(&self.config, &self.installed, &self.set, &self.devices)?;
        self.told.tell(&self.explained(states.clone()));
        Ok(states)
    }

    fn explained(&self, mut states: PortStates) -> PortStates {
        if let Some((failed, _)) = &self.failed {
            failed.explain(&mut states);
        }
        states
    }

    /// Counters and state of everything configured.
    pub fn status(&self) -> Result<Status> {
        let ports = look(&self.config, &self.installed, &self.set, &self.devices)?;
        let ports = self.explained(ports);
        let plan = &self.installed.plan;
        let uptime = self.started.elapsed();
        let ledger = self.bookkeeper.status();
        let beside = BesideOurs::read(self.others.iter().map(|(_, books)| books))?;
        let own = (uptime, ledger, self.watches_egress);
        read_status(&self.config, plan, &ports, &self.set.tables, &self.peaks, &beside, own)
    }

    /// The bookkeeper.
    pub fn bookkeeper(&self) -> Arc<Bookkeeper> {
        Arc::clone(&self.bookkeeper)
    }

    /// Ends a period of the policers' peaks.
    pub fn roll_peaks(&mut self) {
        self.peaks.roll(&self.installed.plan, &self.set.tables);
    }

    /// Ends the daemon's hold on the data plane.
    pub fn stop(&mut self, at_exit: AtExit) -> Result<()> {
        match at_exit {
            AtExit::Keep => {
                if let Err(error) = self.bookkeeper.book(BOOK_WITHIN) {
                    tracing::warn!("the next start books what was counted up to now: {error:#}");
                }
                Ok(())
            }
            AtExit::Detach => {
                // It has the ledger.
                self.bookkeeper.end();
                let closed = close(&self.config, &self.set.pins, Unbooked::Keep)?;
                closed.tell_of_fees();
                Ok(())
            }
        }
    }
}
