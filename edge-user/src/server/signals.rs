//! The signals that a daemon listens to.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::run_error::{Context as _, Result};
use crate::daemon::engine::{Engine, revising::Requester};

/// SIGHUP, SIGINT and SIGTERM.
pub(super) struct Signals {
    hangup: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(super) fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("listening to signals");
        Ok(Self {
            hangup: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// Reloads at each SIGHUP. Returns at SIGINT or SIGTERM, even during a reload.
    pub(super) async fn handle(&mut self, engine: &Engine) {
        loop {
            tokio::select! {
                _ = self.hangup.recv() => {
                    let engine = engine.clone();
                    tokio::spawn(async move {
                        // The engine has logged the changes and warnings.
                        if let Err(error) = engine.reload(Requester::default(), None).await {
                            tracing::error!("nothing was changed:\n{error}");
                        }
                    });
                }
                _ = self.interrupt.recv() => return,
                _ = self.terminate.recv() => return,
            }
        }
    }
}
