//! The daemon as it runs: the engine, and the ways in for those who ask it.
//!
//! ```text
//!  control socket ─▶ connections ─▶ router ─┬─▶ v1 ─▶ snapshots, engine, ledger
//!  metrics address ─▶ connections ─▶ router ┼─▶ metrics ─▶ snapshots
//!                                           └─▶ page
//! ```

mod connections;
mod error;
mod groups;
mod listen;
mod metrics;
pub mod openapi;
mod page;
mod rate_watch;
mod role;
mod router;
pub mod run_error;
mod shared;
mod signals;
mod v1;
mod watchdog;

use std::{path::Path, sync::Arc};

use tokio::sync::Semaphore;

use self::{
    listen::Listeners,
    rate_watch::RateWatch,
    run_error::{Context as _, Result, ServerError},
    shared::{EventPlaces, ServerState},
    signals::Signals,
};
use crate::{
    config,
    daemon::{
        AtExit, availability,
        capabilities::check_capabilities,
        engine::{Engine, instance::Hold},
        open_files,
        recent::RecentTraffic,
        snapshot::Snapshots,
        watch,
    },
};

/// Readers of circuits' histories at a time; others wait.
const HISTORY_READERS: usize = 2;

/// Runs the daemon until SIGTERM or SIGINT. `sandboxed`: it enters a sandbox, where it has none.
///
/// # Errors
///
/// It can't start, or not be ended as `at_exit` says.
pub fn run(config_path: &Path, at_exit: AtExit, sandboxed: bool) -> Result<()> {
    let (text, config) = config::load_with_text(config_path)?;
    for warning in config.warnings() {
        tracing::warn!("{warning}");
    }
    check_capabilities(&config)?;
    open_files::raise_limit();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("starting the runtime")?;
    let ended = runtime.block_on(async {
        // Before anything is attached, so that an early signal can't leave it half done.
        let mut signals = Signals::new()?;
        let hold = Hold::take(&config)?;
        let listeners = Listeners::bind(&config.edge).await?;
        let engine = Engine::start(config_path, (text, config), hold, sandboxed)?;
        let snapshots = Snapshots::start(&engine)?;
        let recent = RecentTraffic::start(&engine)?;
        watch::start(&engine)?;
        availability::start(&engine)?;
        let state = ServerState {
            engine: engine.clone(),
            rate_watch: RateWatch::new(snapshots.clone()).into(),
            snapshots,
            scrape_turn: Arc::default(),
            usage_turn: Arc::default(),
            history_turns: Arc::new(Semaphore::new(HISTORY_READERS)),
            recent,
            unmatched_turn: Arc::default(),
            event_places: EventPlaces::default(),
        };
        let _socket_file = listeners.serve(&state);
        announce_ready();
        watchdog::start(&engine);

        tokio::select! {
            () = signals.handle(&engine) => Ok(engine.stop(at_exit).await?),
            () = engine.ended() => Err(ServerError::EngineEnded),
        }
    });
    // Clients that wait for a booking don't hold up the end.
    runtime.shutdown_background();
    ended
}

fn announce_ready() {
    eprintln!("ready");
    // Not being run by systemd is no error.
    let _not_systemd = sd_notify::notify(false, &[sd_notify::NotifyState::Ready]);
}
