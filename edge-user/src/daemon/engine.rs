//! The engine: one thread owns the kernel side, and takes the commands that change it.
//!
//! ```text
//! commands ─▶ engine ─▶ tables, programs, links
//!                │           │
//!                ▼           ▼
//!             Running ─▶ snapshots ─▶ status, metrics, API
//! ```
//!
//! A reader never waits for a command that waits for the ledger. A command waits for one step of a
//! reader at most.

mod apply;
mod bandwidth_change;
mod circuit_record;
mod commands;
mod confirming;
mod drain;
mod due;
pub mod error;
pub mod instance;
pub mod new_config;
mod others;
mod port_look;
mod reading;
mod reload;
pub mod revising;
mod route_limits;
pub(super) mod running;
mod start_config;
mod timed;
mod trace;
mod traced;
mod traced_ports;

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

use edge_api::{Applied, BandwidthChange, ConfigChanges, Confirmed, History, Reloaded};
use tokio::sync::{oneshot, watch};

use self::{
    commands::{Command, Expected, Reply, run},
    error::ChangeError,
    instance::{Hold, Instance},
    new_config::NewConfig,
    revising::Requester,
    running::SharedRunning,
    start_config::StartConfig,
};
use super::{
    AtExit, bandwidth::SetBandwidth, bookkeeper::Bookkeeper, conditions::SharedConditions,
    events::Events, link_board::LinkBoard, revisions::Revisions, router_view::RouterSlot,
    sandbox::Sandbox,
};
use crate::{
    config::{self, Config, ConfigDigest},
    daemon::error::{Context as _, Result},
    kernel::host::device::follow_changes,
};

/// A handle of the engine, for giving commands and for reading.
#[derive(Clone)]
pub struct Engine {
    commands: Sender<Command>,
    pub(super) running: SharedRunning,
    pub(super) bookkeeper: Arc<Bookkeeper>,
    pub(super) started: Instant,
    /// The router's view, which is put there with the first routed circuit.
    pub(super) router: RouterSlot,
    /// The links of routed peerings at the last look.
    pub(super) links: LinkBoard,
    /// The events since the daemon's start.
    pub(super) events: Events,
    /// The conditions at the last look.
    pub(super) conditions: SharedConditions,
    /// The file that a reload reads.
    pub(super) config_path: PathBuf,
    /// The control socket, which no reload changes.
    control: PathBuf,
    /// Closed when the thread is gone.
    alive: watch::Receiver<()>,
}

impl Engine {
    /// Takes over the pinned data plane, or starts one. When this returns, frames flow.
    ///
    /// # Errors
    ///
    /// The configuration can't be brought to the kernel; nothing is left of the attempt.
    pub fn start(
        config_path: &Path,
        (text, config): (String, Config),
        hold: Hold,
        sandboxed: bool,
    ) -> Result<Self> {
        let control = config.edge.control.clone();
        let (router, events) = (RouterSlot::default(), Events::default());
        let start = StartConfig::settle(config_path, (text, config));
        // Before there are threads, which would not be in it.
        let sandbox = sandboxed.then(|| Sandbox::enter(config_path, &start.config)).flatten();
        let instance = Instance::start(config_path, start, hold, router.clone(), events.clone())?;
        instance.running.write().sandbox = sandbox;
        let (commands, received) = channel();
        let (lives, alive) = watch::channel(());
        let engine = Self {
            commands: commands.clone(),
            running: instance.running.clone(),
            bookkeeper: Arc::clone(&instance.bookkeeper),
            started: Instant::now(),
            router,
            links: LinkBoard::default(),
            events,
            conditions: SharedConditions::default(),
            config_path: config_path.to_owned(),
            control,
            alive,
        };
        let follow = move || drop(commands.send(Command::InterfacesChanged));
        if let Err(error) = follow_changes(follow) {
            tracing::warn!("{error:#}");
        }
        thread::Builder::new()
            .name("engine".to_owned())
            .spawn(move || {
                run(instance, &received);
                drop(lives);
            })
            .context("starting the engine's thread")?;
        Ok(engine)
    }

    /// Reads the configuration again and brings the data plane to it, all of it or none of it.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    pub async fn reload(
        &self,
        requester: Requester,
        expected: Expected,
    ) -> Result<Reloaded, ChangeError> {
        self.ask(|reply| Command::Reload(requester, expected, reply)).await
    }

    /// The changes that another configuration would make to the one that runs. Nothing is tried. This may take long.
    #[must_use]
    pub fn changes(&self, other: &NewConfig) -> ConfigChanges {
        // Readers hold up the engine, and this may take long.
        let (running, from, mut timed, refused) = {
            let running = self.running.read();
            let refused = apply::refusal(&running, &other.config);
            let (file, from) = (running.of_file().into_owned(), running.digest.to_string());
            (file, from, running.timed.clone(), refused)
        };
        let mut config = other.config.clone();
        let _told_when_it_is_applied = timed.lay_over(&mut config);
        ConfigChanges {
            from,
            to: ConfigDigest::new(&config).to_string(),
            changes: config::changes(&running, &other.config),
            refused: refused
                .or_else(|| route_limits::refusal(&self.router, &other.config))
                .map(|error| error.to_string()),
        }
    }

    /// Brings the data plane to another configuration, all of it or none of it, and puts it into the daemon's file. With
    /// `confirm_within`, the daemon goes back unless the change is confirmed in this time.
    ///
    /// # Errors
    ///
    /// Nothing was changed, or only the file could not be saved.
    pub async fn apply(
        &self,
        other: NewConfig,
        confirm_within: Option<Duration>,
        requester: Requester,
        expected: Expected,
    ) -> Result<Applied, ChangeError> {
        let other = Box::new(other);
        self.ask(|reply| Command::Apply(other, confirm_within, requester, expected, reply)).await
    }

    /// Keeps the change that waits for its confirmation.
    ///
    /// # Errors
    ///
    /// None waits, or it still does.
    pub async fn confirm(
        &self,
        requester: Requester,
        expected: Expected,
    ) -> Result<Confirmed, ChangeError> {
        self.ask(|reply| Command::Confirm(requester, expected, reply)).await
    }

    /// Does the same with a configuration of before; `None`: with the one before the newest.
    ///
    /// # Errors
    ///
    /// Nothing was changed, or only the file could not be saved.
    pub async fn roll_back(
        &self,
        revision: Option<u64>,
        requester: Requester,
        expected: Expected,
    ) -> Result<Applied, ChangeError> {
        self.ask(|reply| Command::RollBack(revision, requester, expected, reply)).await
    }

    /// The configurations that the edge has had.
    ///
    /// # Errors
    ///
    /// They can't be read.
    pub fn history(&self) -> Result<History> {
        let state_dir = self.running.read().config.edge.state_dir.clone();
        Revisions::of(&state_dir).history()
    }

    /// Gives a circuit another bandwidth.
    ///
    /// # Errors
    ///
    /// Nothing was changed, or only the file could not be saved.
    pub async fn set_bandwidth(
        &self,
        request: SetBandwidth,
        requester: Requester,
        expected: Expected,
    ) -> Result<BandwidthChange, ChangeError> {
        let received = Instant::now();
        self.ask(|reply| Command::SetBandwidth(request, received, requester, expected, reply)).await
    }

    /// The bookkeeper.
    #[must_use]
    pub fn bookkeeper(&self) -> &Bookkeeper {
        &self.bookkeeper
    }

    /// The control socket.
    #[must_use]
    pub fn control(&self) -> PathBuf {
        self.control.clone()
    }

    /// The events since the daemon's start.
    #[must_use]
    pub const fn events(&self) -> &Events {
        &self.events
    }

    /// The place of the router's view.
    #[must_use]
    pub fn router(&self) -> RouterSlot {
        self.router.clone()
    }

    /// Ends the daemon's hold on the data plane. A change under way that waits for the ledger is given
    /// up.
    ///
    /// # Errors
    ///
    /// The data plane could not be detached.
    pub async fn stop(&self, at_exit: AtExit) -> Result<()> {
        self.bookkeeper.interrupt();
        let (reply, answer) = oneshot::channel();
        let _ended = self.commands.send(Command::Stop(at_exit, reply));
        answer.await.context("the engine has ended by itself")?
    }

    /// Returns when the engine has done its present work. `false`: it has ended.
    pub async fn answers(&self) -> bool {
        let (reply, answer) = oneshot::channel();
        let _ended = self.commands.send(Command::Answer(reply));
        answer.await.is_ok()
    }

    /// Returns when the engine's thread is gone.
    pub async fn ended(&self) {
        let mut alive = self.alive.clone();
        while alive.changed().await.is_ok() {}
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, ChangeError> {
        let (reply, answer) = oneshot::channel();
        let _ended = self.commands.send(command(reply));
        answer.await.unwrap_or(Err(ChangeError::Ending))
    }
}
