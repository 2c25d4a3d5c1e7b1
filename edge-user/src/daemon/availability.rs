//! A thread that follows the states of routed links, every second, and has the ledger note each change.
//!
//! ```text
//!  configuration, drains ─┐
//!  carriers, neighbours ──┼─▶ seen ─▶ follow ─▶ flaps ─▶ ledger
//!  the speaker's sessions ┘    │
//!                              └─▶ board ─▶ status, metrics
//! ```

mod flaps;
mod follow;
mod seen;

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use self::{
    follow::LinkFollower,
    seen::{WantedLink, seen},
};
use super::engine::Engine;
use crate::{
    billing::ledger::{Ledger, LedgerError, OpenPeeringLinks},
    daemon::error::{Context as _, Result},
    time,
};

/// Time between two looks.
const EVERY: Duration = Duration::from_secs(1);
/// The ledger is told this often up to when states are known, where no change does it.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// Starts the thread.
///
/// # Errors
///
/// The system has no thread for it.
pub fn start(engine: &Engine) -> Result<()> {
    let mut watch = LinkWatcher { engine: engine.clone(), follower: None, told: Instant::now() };
    thread::Builder::new()
        .name("availability".to_owned())
        .spawn(move || {
            let mut told = String::new();
            loop {
                let error = watch.look().err().map(|error| format!("{error:#}"));
                let error = error.unwrap_or_default();
                if !error.is_empty() && error != told {
                    tracing::error!(
                        "the states of links can't be followed, so their availability may be unknown for this time; it \
                         is tried again every second: {error}"
                    );
                }
                told = error;
                thread::sleep(EVERY);
            }
        })
        .context("starting the thread that follows the states of links")?;
    Ok(())
}

struct LinkWatcher {
    engine: Engine,
    /// `None`: the ledger's last note is not known yet.
    follower: Option<LinkFollower>,
    /// The last time that the ledger was told.
    told: Instant,
}

impl LinkWatcher {
    fn look(&mut self) -> Result<()> {
        let now = time::now()?;
        let wanted = WantedLink::all(&self.engine.running.read());
        let looks = self.engine.router.get().map(|view| view.peering_links()).unwrap_or_default();
        let seen: BTreeMap<_, _> = seen(wanted, &looks, now.boot_us).collect();
        self.engine.links.note(&seen);
        let bookkeeper = self.engine.bookkeeper();
        if !bookkeeper.with_links(|links| links.is_begun()) {
            self.follower = None;
        }
        let follower = if let Some(follower) = &mut self.follower {
            follower
        } else {
            // Without routed links there is nothing to go on from, and no need of a ledger.
            let open = match Ledger::open_read_only(bookkeeper.state_dir()) {
                Ok(ledger) => ledger.open_links()?,
                Err(LedgerError::NotFound { .. }) => OpenPeeringLinks::default(),
                // The bookkeeper is about to bring it up to date.
                Err(LedgerError::TooOld { .. }) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let after = open.known;
            let (follower, changes) = LinkFollower::new(now.boot_id, open);
            bookkeeper.with_links(|links| {
                links.begin(after);
                links.add(changes, now, now.boot_us.min(follower.known_us(now.boot_us)));
            });
            self.follower.insert(follower)
        };
        let changes = follower.look(now.boot_us, seen);
        if follower.is_empty() && changes.is_empty() {
            return Ok(());
        }
        let is_due = !changes.is_empty() || self.told.elapsed() >= TELL_EVERY;
        let known_us = follower.known_us(now.boot_us);
        bookkeeper.with_links(|links| links.add(changes, now, known_us));
        if is_due {
            bookkeeper.note_links();
            self.told = Instant::now();
        }
        Ok(())
    }
}
