//! One edge, running: a configuration, its plan, and the kernel's tables and links.

use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result};
use edge_common::rate::Rate;
use nix::fcntl::Flock;

use super::{
    AtExit,
    bandwidth::{BandwidthChange, NewFile, SetBandwidth},
    bookkeeper::Bookkeeper,
    close::{Unbooked, close},
    install::{Installed, install, reinstall},
    instructions::{Instructions, terms},
    policers::Peaks,
    status::Status,
    takeover::{clear_the_way, undo},
};
use crate::{
    config::{self, Circuit, Config},
    dataplane::{
        BesideOurs, KernelTables, Pins, PortProgram,
        adjust::Adjusted,
        books::{Books, all_books, open_page},
        carry, change_rate, is_carried, occupancy,
        preflight::{Checked, check},
        quiesce, rates, watch_egress,
    },
    plan::{Capacity, Full, slots::Table},
};

/// How long a booking is waited for.
const BOOK_WITHIN: Duration = Duration::from_secs(10);
/// The same before a start goes on without it.
const TAKE_OVER_WITHIN: Duration = Duration::from_secs(2);

/// The pins of an edge, held by this process alone.
pub struct Hold {
    pins: Pins,
    _lock: Flock<File>,
}

impl Hold {
    /// Takes them, or says who has them.
    pub fn take(config: &Config) -> Result<Self> {
        let pins = Pins::new(&config.edge.pin_dir);
        pins.create()?;
        let lock = pins.lock()?;
        Ok(Self { pins, _lock: lock })
    }
}

/// A running edge.
pub struct Instance {
    config_path: PathBuf,
    config: Config,
    installed: Installed,
    tables: KernelTables,
    /// Whether refusals of devices are counted.
    watches_egress: bool,
    bookkeeper: Arc<Bookkeeper>,
    /// Tables of other versions that are not booked yet.
    others: Vec<(Pins, Books)>,
    started: Instant,
    /// Index of the rate that the last change of a bandwidth has left.
    left_rate: Option<u32>,
    peaks: Peaks,
    /// Given up last.
    hold: Hold,
}

impl Instance {
    /// Takes over the pinned data plane, or starts one.
    pub fn start(config_path: &Path, config: Config, hold: Hold) -> Result<Self> {
        let modes = check(&config)?;
        let checked = Checked { config: &config, modes: &modes };
        let pins = &hold.pins;
        let is_new = clear_the_way(pins)?;
        let mut adjusted = Adjusted::default();
        let started = Self::install_all(checked, pins, is_new, &mut adjusted);
        let (tables, installed, bookkeeper, watches_egress) = match started {
            Ok(started) => started,
            Err(error) => {
                // What another version has left goes on, and so the next start does.
                let is_alone = pins.others().is_ok_and(|others| others.is_empty());
                if is_new && is_alone {
                    undo(&config, pins);
                }
                adjusted.restore(pins);
                return Err(error);
            }
        };
        let mut instance = Self {
            config_path: config_path.to_owned(),
            config,
            installed,
            tables,
            watches_egress,
            bookkeeper: Arc::new(bookkeeper),
            others: Vec::new(),
            started: Instant::now(),
            left_rate: None,
            peaks: Peaks::default(),
            hold,
        };
        instance.take_over()?;
        instance.bookkeeper.follow(Instructions::new(&instance.config));
        Ok(instance)
    }

    fn install_all(
        checked: Checked<'_>,
        pins: &Pins,
        is_new: bool,
        adjusted: &mut Adjusted,
    ) -> Result<(KernelTables, Installed, Bookkeeper, bool)> {
        let config = checked.config;
        if is_new {
            PortProgram::create_tables(&Capacity::for_config(config), pins)?;
        }
        let mut tables = KernelTables::from_pins(pins)?;
        open_page(&tables)?;
        let state_dir = config.edge.state_dir.clone();
        let bookkeeper = Bookkeeper::start(pins, state_dir, Instructions::new(config))?;
        let watching = watch_egress(pins, &tables.capacity());
        if let Err(error) = &watching {
            tracing::warn!("frames that a device refuses will count as forwarded: {error:#}");
        }
        let installed = install(&mut tables, pins, &bookkeeper, checked, None, adjusted)?;
        Ok((tables, installed, bookkeeper, watching.is_ok()))
    }

    /// Every interface has a program of ours: what tables of other versions have counted is all
    /// that they ever will. They go when that is booked, if it can be now, else later.
    fn take_over(&mut self) -> Result<()> {
        let ours = self.hold.pins.clone();
        for (pins, books) in
            all_books(ours.root())?.books.into_iter().filter(|(pins, _)| *pins != ours)
        {
            if is_carried(&self.tables, &books) {
                books.close();
                pins.remove()?;
            } else {
                self.others.push((pins, books));
            }
        }
        if !self.others.is_empty() {
            quiesce();
            self.bookkeeper.close_others();
            if let Err(error) = self.bookkeeper.book(TAKE_OVER_WITHIN) {
                tracing::warn!(
                    "the tables of the version before stay until they are booked: {error:#}"
                );
            }
            self.retire_others()?;
        }
        Ok(())
    }

    /// Has what other versions have counted be part of our counters, and removes their tables, if
    /// they are booked.
    pub fn retire_others(&mut self) -> Result<()> {
        if self.others.is_empty() || !self.bookkeeper.has_closed_others() {
            return Ok(());
        }
        for (pins, books) in &self.others {
            carry(&mut self.tables, books)?;
            books.close();
            pins.remove()?;
            tracing::info!("the tables in {} are booked, and gone", pins.directory().display());
        }
        self.others.clear();
        // Some slots are those of owners that had one there.
        let known = occupancy(&self.tables).attachments.known;
        self.installed.plan.find_predecessors(&known);
        Ok(())
    }

    /// Reads the configuration again and brings the data plane to it: all of it, or, with an
    /// error, none.
    pub fn reload(&mut self) -> Result<()> {
        let config = config::load(&self.config_path)?;
        anyhow::ensure!(
            config.edge.pin_dir == self.config.edge.pin_dir
                && config.edge.control == self.config.edge.control
                && config.edge.metrics == self.config.edge.metrics
                && config.edge.state_dir == self.config.edge.state_dir,
            "pin_dir, control, metrics and state_dir can't be changed by a reload; restart the daemon",
        );
        let checked = Checked { config: &config, modes: &check(&config)? };
        let old = (&self.config, &mut self.installed);
        reinstall(&mut self.tables, &self.hold.pins, &self.bookkeeper, checked, old)?;
        tracing::info!("reloaded {}", self.config_path.display());
        self.config = config;
        self.bookkeeper.follow(Instructions::new(&self.config));
        Ok(())
    }

    /// Gives a circuit another bandwidth: one rate and a store for each of its attachments, not an
    /// `install` of everything.
    ///
    /// What is to be saved is written and checked before, and takes the file's place after the
    /// change: a file that can't be written changes nothing, and no file tells of a bandwidth that
    /// was never in effect.
    pub fn set_bandwidth(
        &mut self,
        request: &SetBandwidth,
        received: Instant,
    ) -> Result<BandwidthChange> {
        let (place, circuit) = self.config.circuit_at(&request.circuit, request.bandwidth_bps)?;
        let file =
            request.save.then(|| NewFile::prepare(&self.config_path, request)).transpose()?;
        let mut instructions = Instructions::new(&self.config);
        instructions.terms[place] = terms(&self.config.edge.name, &circuit);
        self.bookkeeper.note_terms(&instructions)?;
        self.change_rate(&circuit).inspect_err(|_| self.bookkeeper.retract_terms())?;
        tracing::debug!("in effect {:?} after the request", received.elapsed());

        let mut told = BandwidthChange::new(&self.config.circuits[place], &circuit);
        tracing::info!("{told}");
        self.config.circuits[place] = circuit;
        self.bookkeeper.follow(instructions);
        if let Some(file) = file {
            let saved = file.replace().with_context(|| {
                format!("{told}, in effect now, but not saved to {}", self.config_path.display())
            })?;
            told.saved_to = Some(saved);
        }
        Ok(told)
    }

    fn change_rate(&mut self, circuit: &Circuit) -> Result<()> {
        let left = self.left_rate;
        let with_left = |mut rates: Table<Rate>| {
            // A program that was under way at the last change may be looking at it.
            rates.published.extend(left);
            rates
        };
        let plan = &mut self.installed.plan;
        let change = match plan.change_rate(circuit, &with_left(rates(&self.tables))) {
            Ok(change) => change,
            // Attachments that were retired may have the rest; who has, takes longer to find out.
            Err(Full { .. }) => {
                plan.change_rate(circuit, &with_left(occupancy(&self.tables).rates))?
            }
        };
        if let Some(change) = change {
            change_rate(&self.tables, &change);
            self.left_rate = Some(change.old_index);
        }
        Ok(())
    }

    /// Counters and state of everything configured.
    pub fn status(&self) -> Result<Status> {
        let Installed { plan, attached, .. } = &self.installed;
        let uptime = self.started.elapsed();
        let ledger = self.bookkeeper.status();
        let beside = BesideOurs::read(self.others.iter().map(|(_, books)| books))?;
        let own = (uptime, ledger, self.watches_egress);
        Status::read(&self.config, plan, attached, &self.tables, &self.peaks, &beside, own)
    }

    /// Who keeps the books.
    pub fn bookkeeper(&self) -> Arc<Bookkeeper> {
        Arc::clone(&self.bookkeeper)
    }

    /// Ends a period of the policers' peaks.
    pub fn roll_peaks(&mut self) {
        self.peaks.roll(&self.installed.plan, &self.tables);
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
                close(&self.config, &self.hold.pins, Unbooked::Keep).map(drop)
            }
        }
    }
}
