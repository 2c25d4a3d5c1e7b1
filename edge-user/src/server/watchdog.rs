//! systemd's watchdog: it ends a daemon whose engine stands still, and starts the next one. Frames flow meanwhile.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::daemon::engine::Engine;

/// Tells the watchdog, if there is one, that the engine answers, several times in its period.
pub(super) fn start(engine: &Engine) {
    let mut period_us = 0;
    // The variables stay: no other thread may read them while they are removed.
    if !sd_notify::watchdog_enabled(false, &mut period_us) {
        return;
    }
    let every = Duration::from_micros(period_us) / 4;
    let engine = engine.clone();
    tokio::spawn(async move {
        while engine.answers().await {
            let _systemd_has_gone = sd_notify::notify(false, &[NotifyState::Watchdog]);
            tokio::time::sleep(every).await;
        }
    });
}
