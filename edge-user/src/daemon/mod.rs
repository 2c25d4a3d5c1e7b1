//! The daemon: keeps the kernel's tables at what the configuration says, and answers questions.

pub mod bandwidth;
pub mod control;
pub mod instance;
pub mod metrics;
pub mod policers;
pub mod status;

use std::{path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Mutex,
};

use self::instance::{Hold, Instance};
use crate::config;

/// What happens to the data plane when the daemon ends.
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    runtime.block_on(async {
        // Before anything is attached, so that an early signal can't leave it half done.
        let mut signals = Signals::new()?;
        let hold = Hold::take(&config)?;
        let (control, _socket) = control::bind(&config.edge.control)?;
        let metrics = metrics::bind(&config.edge).await?;
        let instance = Instance::start(config_path, config, hold)?;
        let instance = Arc::new(Mutex::new(instance));
        tokio::spawn(control::serve(control, Arc::clone(&instance)));
        tokio::spawn(roll_peaks(Arc::clone(&instance)));
        if let Some(listener) = metrics {
            tokio::spawn(metrics::serve(listener, Arc::clone(&instance)));
        }
        announce_ready();

        signals.handle(&instance).await;
        let mut instance = instance.lock().await;
        instance.stop(at_exit)
    })
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

fn announce_ready() {
    eprintln!("ready");
    // Not being run by systemd is no error.
    let _not_systemd = sd_notify::notify(false, &[sd_notify::NotifyState::Ready]);
}
