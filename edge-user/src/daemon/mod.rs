//! The daemon: keeps the kernel's tables at what the configuration says, and answers questions.

pub mod bandwidth;
mod booking;
pub mod bookkeeper;
pub mod close;
mod connections;
pub mod control;
mod exports;
mod found;
mod install;
pub mod instance;
pub mod instructions;
mod interfaces;
pub mod look;
pub mod metrics;
mod noter;
mod open_files;
pub mod policers;
mod ports;
pub mod refusals;
mod reloaded;
mod remembered;
mod status;
mod takeover;

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, Result};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::{Mutex, Notify},
    time::{sleep, timeout},
};

use self::instance::{Hold, Instance};
use crate::{config, kernel::host::device::follow_changes};

/// After this time, the daemon looks at the ports again even if nothing has changed.
const LOOK_AT_PORTS_EVERY: Duration = Duration::from_secs(1);

/// The fate of the data plane when the daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtExit {
    /// It goes on: pinned tables and links stay.
    Keep,
    /// It is detached and unpinned.
    Detach,
}

/// Runs the daemon until SIGTERM or SIGINT.
pub fn run(config_path: &Path, at_exit: AtExit) -> Result<()> {
    let config = config::load(config_path)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    open_files::raise_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let ended = runtime.block_on(async {
        // Before anything is attached, so that an early signal can't leave it half done.
        let mut signals = Signals::new()?;
        let hold = Hold::take(&config)?;
        let (control, _socket) = control::bind(&config.edge.control)?;
        control::remember_state_dir(&config.edge.control, &config.edge.state_dir);
        let metrics = metrics::bind(&config.edge).await?;
        let instance = Instance::start(config_path, config, hold)?;
        let instance = Arc::new(Mutex::new(instance));
        tokio::spawn(control::serve(control, Arc::clone(&instance)));
        tokio::spawn(roll_peaks(Arc::clone(&instance)));
        tokio::spawn(retire_others(Arc::clone(&instance)));
        tokio::spawn(look_at_ports(Arc::clone(&instance)));
        if let Some(listener) = metrics {
            tokio::spawn(metrics::serve(listener, Arc::clone(&instance)));
        }
        announce_ready();

        signals.handle(&instance).await;
        let mut instance = instance.lock().await;
        instance.stop(at_exit)
    });
    // Clients that wait for a booking don't hold up the end.
    runtime.shutdown_background();
    ended
}

/// The signals a daemon listens to.
struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("listening to signals");
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Reloads at each SIGHUP; returns at SIGINT or SIGTERM.
    async fn handle(&mut self, instance: &Mutex<Instance>) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    // The log has what an operator should know.
                    if let Err(error) = instance.lock().await.reload() {
                        tracing::error!("nothing was changed:\n{error:#}");
                    }
                }
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
            }
        }
    }
}

/// Ends a period of the policers' peaks, again and again.
async fn roll_peaks(instance: Arc<Mutex<Instance>>) {
    let mut period = tokio::time::interval(policers::PERIOD);
    loop {
        period.tick().await;
        instance.lock().await.roll_peaks();
    }
}

/// Looks after the ports: at each change to an interface, and once a second.
async fn look_at_ports(instance: Arc<Mutex<Instance>>) {
    let changed = Arc::new(Notify::new());
    let wake = Arc::clone(&changed);
    if let Err(error) = follow_changes(move || wake.notify_one()) {
        tracing::warn!("{error:#}");
    }
    loop {
        let _changed_or_not = timeout(LOOK_AT_PORTS_EVERY, changed.notified()).await;
        // Changes come in bursts.
        sleep(Duration::from_millis(20)).await;
        if let Err(error) = instance.lock().await.look_at_ports() {
            tracing::error!("looking at the ports' interfaces: {error:#}");
        }
    }
}

/// Removes tables of other versions when they are booked.
async fn retire_others(instance: Arc<Mutex<Instance>>) {
    let mut period = tokio::time::interval(Duration::from_secs(1));
    let mut told = String::new();
    loop {
        period.tick().await;
        if let Err(error) = instance.lock().await.retire_others() {
            let error = format!("{error:#}");
            if error != told {
                tracing::error!("removing the tables of another version: {error}");
                told = error;
            }
        }
    }
}

fn announce_ready() {
    eprintln!("ready");
    // Not being run by systemd is no error.
    let _not_systemd = sd_notify::notify(false, &[sd_notify::NotifyState::Ready]);
}
