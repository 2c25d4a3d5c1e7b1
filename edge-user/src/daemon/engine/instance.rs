//! One edge, running: a configuration, its plan, and the kernel's tables and links.

use std::{
    collections::BTreeMap,
    fs::File,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use edge_api::EventKind;
use nix::fcntl::Flock;

use super::{
    super::{
        AtExit,
        bookkeeper::Bookkeeper,
        close::{Unbooked, close},
        drains::Drains,
        events::{Events, Happened},
        install::{Aim, Committed, Set, create_set, owners_before, prepare},
        instructions::Instructions,
        interfaces::InterfaceChoice,
        known_uses::KnownUses,
        link_watch::LinkWatch,
        pending_peaks::readings,
        policers::{Peaks, peaks_bps},
        router::{self, Router},
        router_view::RouterSlot,
        takeover::{ensure_our_namespace, newest_set},
        told_ports::ToldPorts,
    },
    error::ChangeError,
    running::{Running, SharedRunning},
    start_config::StartConfig,
    traced::TracedPorts,
};
use crate::{
    config::{Config, ConfigDigest},
    daemon::error::Result,
    kernel::{Pins, host::device::Devices, object::pins},
    plan::Capacity,
    time,
};

/// Longest time that the daemon waits for a booking at its end.
const BOOK_WITHIN: Duration = Duration::from_secs(10);
/// Longest time that a start waits for a booking before it goes on without it.
pub(super) const TAKE_OVER_WITHIN: Duration = Duration::from_secs(2);

/// The pins of an edge, held by this process alone.
pub struct Hold {
    pub(super) pin_dir: PathBuf,
    _lock: Flock<File>,
}

impl Hold {
    /// Takes the pins. Where another process has them, the error names it.
    pub fn take(config: &Config) -> Result<Self> {
        let pin_dir = config.edge.pin_dir.clone();
        pins::make_root(&pin_dir)?;
        let lock = pins::lock(&pin_dir)?;
        Ok(Self { pin_dir, _lock: lock })
    }
}

/// A running edge, as the engine's thread has it.
pub(super) struct Instance {
    pub(super) config_path: PathBuf,
    /// The text of the configuration that runs.
    pub(super) text: String,
    pub(super) running: SharedRunning,
    pub(super) devices: Devices,
    pub(super) bookkeeper: Arc<Bookkeeper>,
    /// Index of the rate that the last change of a bandwidth has left.
    pub(super) left_rate: Option<u32>,
    /// The router; `None`: the configuration has no routed circuits.
    pub(super) router: Option<Router>,
    /// The place of its view.
    pub(super) slot: RouterSlot,
    /// The events since the daemon's start.
    pub(super) events: Events,
    /// The ports, as the log has them.
    pub(super) told: ToldPorts,
    pub(super) links: LinkWatch,
    /// The trace that runs.
    pub(super) traced: Option<TracedPorts>,
    /// Released last.
    pub(super) hold: Hold,
}

impl Instance {
    /// Takes over the pinned data plane, or starts one.
    pub(super) fn start(
        config_path: &Path,
        start: StartConfig,
        hold: Hold,
        slot: RouterSlot,
        events: Events,
    ) -> Result<Self> {
        let StartConfig { text, config, waiting, timed, drains, by } = start;
        let pin_dir = &hold.pin_dir;
        let devices = Devices::open()?;
        ensure_our_namespace(pin_dir, &devices)?;
        let found = newest_set(pin_dir)?;
        let is_new = found.is_none();
        let mut set = if let Some(set) = found {
            set
        } else {
            let capacity = Capacity::for_config_after(&config, &owners_before(pin_dir)?);
            create_set(&capacity, Pins::first(pin_dir)?)?
        };
        let had_router = router::namespace_is_there(&config)?;
        let started = Self::install(&mut set, &config, &drains, &devices);
        let (committed, bookkeeper, watches_egress, router) = match started {
            Ok(started) => started,
            Err(error) => {
                if !had_router && let Err(error) = router::tear_down(&config) {
                    tracing::error!("some of the router is left: {error:#}");
                }
                // No program has counted in new tables.
                if is_new && let Err(error) = set.pins.remove() {
                    let directory = set.pins.directory().display();
                    tracing::error!("unused tables stay in {directory}: {error:#}");
                }
                return Err(error);
            }
        };
        let running = Running {
            digest: ConfigDigest::new(&config),
            config,
            installed: committed.installed,
            set,
            others: Vec::new(),
            watches_egress,
            peaks: Peaks::default(),
            failed: None,
            generation: 0,
            unconfirmed: waiting,
            timed,
            drains,
            settings: BTreeMap::new(),
            uses: KnownUses::default(),
            sandbox: None,
        };
        let mut instance = Self {
            config_path: config_path.to_owned(),
            text,
            running: SharedRunning::new(running),
            devices,
            bookkeeper: Arc::new(bookkeeper),
            left_rate: None,
            router,
            slot,
            events,
            told: ToldPorts::default(),
            links: LinkWatch::open()?,
            traced: None,
            hold,
        };
        instance.tell_of_start();
        instance.take_over()?;
        let instructions = Instructions::new(&instance.running.read().config);
        instance.bookkeeper.follow(instructions);
        instance.follow_router()?;
        instance.note_start(by);
        Ok(instance)
    }

    fn install(
        set: &mut Set,
        config: &Config,
        drains: &Drains,
        devices: &Devices,
    ) -> Result<(Committed, Bookkeeper, bool, Option<Router>)> {
        let state_dir = config.edge.state_dir.clone();
        let mut router = Router::start(config, set, router::speaker_version(config)?)?;
        let bookkeeper = Bookkeeper::start(set.pins.root(), state_dir, Instructions::new(config))?;
        let aim = Aim {
            config,
            wanted: InterfaceChoice::ByName,
            running: None,
            router: router.as_ref().and_then(Router::ifindex),
            speaker: router.as_ref().and_then(|router| router.speaker),
        };
        let prepared = prepare(set, &bookkeeper, devices, aim)?;
        let (prepared, followed) = router::prepare(router.as_ref(), (config, drains), prepared)?;
        if let Err(error) = bookkeeper.note_terms(&Instructions::new(config)) {
            tracing::warn!(
                "the terms of this configuration can't be noted now, and reach the ledger with the \
                 first booking: {error:#}"
            );
        }
        let (committed, watches_egress) = router::commit(router.as_ref(), set, prepared);
        if let Some((router, followed)) = router.as_mut().zip(followed) {
            router.commit(followed);
        }
        Ok((committed, bookkeeper, watches_egress.unwrap_or(false), router))
    }

    fn tell_of_start(&self) {
        let running = self.running.read();
        let (version, circuits) = (env!("CARGO_PKG_VERSION"), running.config.circuits.len());
        let sentence = format!("edge {version} has started, with {circuits} circuits");
        let digest = running.digest.to_string();
        let details = serde_json::json!({ "version": version, "digest": digest });
        self.events.push(Happened::new(EventKind::Start, sentence).with(details));
    }

    /// Refuses a client that believes another configuration to run.
    pub(super) fn expect(&self, expected: Option<String>) -> Result<(), ChangeError> {
        match expected {
            Some(expected) if expected != self.running.read().digest.to_string() => {
                Err(ChangeError::HasChanged)
            }
            _ => Ok(()),
        }
    }

    /// Ends a period of the policers' peaks, which the ledger gets.
    pub(super) fn roll_peaks(&mut self) {
        let purchased = {
            let mut guard = self.running.write();
            let Running { peaks, installed, set, .. } = &mut *guard;
            peaks.roll(&installed.plan, &set.tables)
        };
        let Ok(taken) = time::now() else { return };
        let readings = readings(&self.running.read().config, taken, purchased, peaks_bps);
        self.bookkeeper.note_peaks(readings);
    }

    /// Ends the daemon's hold on the data plane.
    pub(super) fn stop(mut self, at_exit: AtExit) -> Result<()> {
        self.end_trace("the daemon is ending");
        self.end_router();
        match at_exit {
            AtExit::Keep => {
                if let Err(error) = self.bookkeeper.book_at_the_end(BOOK_WITHIN) {
                    tracing::warn!(
                        "the last counts are not booked, and stay in the meters until the next \
                         start books them: {error:#}"
                    );
                }
                self.bookkeeper.end();
                Ok(())
            }
            AtExit::Detach => {
                // The bookkeeper has the ledger, which the detach needs.
                self.bookkeeper.end();
                let running = self.running.read();
                let closed = close(&running.config, &running.set.pins, Unbooked::Keep)?;
                closed.tell_of_fees();
                Ok(())
            }
        }
    }
}
