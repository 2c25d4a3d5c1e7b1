//! Changes that wait for a confirmation: they stay when it comes, and are gone otherwise, whatever is killed.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::Client;
use edge_user::config::{ConfigDigest, parse};

use super::{model::Model, run::Run, watch::answered};
use crate::{daemon::CONFIG_PATH, http::CONTROL, patience::PATIENCE};

/// The shortest time that a change can wait.
const CONFIRM_WITHIN: &str = "1s";

/// The end of a change that waits.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// `edge confirm`.
    Confirmed,
    /// `edge rollback`.
    RolledBack,
    /// The deadline.
    Deadline,
    /// `kill -9` during `edge apply`, and a start.
    KilledApply,
    /// `kill -9` at any time until the deadline is just over, and a start.
    Killed,
    /// `kill -9`, and a start behind the deadline.
    KilledForLong,
}

const FATES: [Fate; 6] = [
    Fate::Confirmed,
    Fate::RolledBack,
    Fate::Deadline,
    Fate::KilledApply,
    Fate::Killed,
    Fate::KilledForLong,
];

impl Run<'_> {
    /// Makes a change that waits for a confirmation.
    pub(super) fn unconfirmed(&mut self) -> Result<()> {
        // A change that can't be noted is refused, which others try.
        if !self.disk.is_sound() {
            return Ok(());
        }
        let model = self.another_variant();
        let fate = self.chance.pick(&FATES);
        self.note(&format!("{fate:?}"));
        let client = Client::new(CONTROL.as_ref());
        let file = model.config().to_string();
        let changes = client.changes(&file)?;
        if changes.from == changes.to {
            return Ok(());
        }
        self.charges.may_be(self.lab, &model)?;
        let apply = || client.apply(&file, &changes.from, None, Some(CONFIRM_WITHIN));
        if matches!(fate, Fate::KilledApply) {
            let after = Duration::from_micros(self.chance.below(60_000));
            let daemon = self.daemon.take().context("a daemon")?;
            self.keep_words(&daemon);
            thread::scope(|scope| {
                scope.spawn(|| drop(apply()));
                thread::sleep(after);
                daemon.kill()
            })?;
            self.start_with_the_file()?;
        } else {
            apply().context("a change that waits")?;
        }
        match fate {
            // On a machine that has stood still for a second, it comes too late.
            Fate::Confirmed if client.confirm().is_ok() => {
                self.model = model;
                return is_settled(&[&changes.to]);
            }
            Fate::RolledBack => drop(client.roll_back(None)?),
            Fate::Confirmed | Fate::Deadline | Fate::KilledApply => {}
            Fate::Killed | Fate::KilledForLong => {
                let is_long = matches!(fate, Fate::KilledForLong);
                let [before_ms, after_ms] =
                    if is_long { [0, 1_100] } else { [self.chance.below(1_100), 0] };
                thread::sleep(Duration::from_millis(before_ms));
                self.end(false)?;
                thread::sleep(Duration::from_millis(after_ms));
                self.start_with_the_file()?;
            }
        }
        // A bandwidth that no file has goes with a daemon that is killed before the change.
        is_settled(&[&changes.from, &digest(&self.model)?])
    }

    /// Starts the daemon with the file as the last one has left it.
    fn start_with_the_file(&mut self) -> Result<()> {
        let daemon = self.spawn()?;
        let ready = daemon.wait_until_ready();
        self.keep_words(&daemon);
        ready?;
        self.daemon = Some(daemon);
        Ok(())
    }
}

/// Waits until no change waits any more. One of these configurations must run then, and the file have it.
fn is_settled(digests: &[&str]) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let config = answered()?.config;
        if config.unconfirmed.is_none() {
            ensure!(digests.contains(&&*config.digest), "{config:?} is none of {digests:?}");
            // The file takes its place beside the change, within moments.
            if config.file_fault.is_none() {
                return Ok(());
            }
        }
        ensure!(Instant::now() < deadline, "it does not settle: {config:?}");
        thread::sleep(Duration::from_millis(20));
    }
}

fn digest(model: &Model) -> Result<String> {
    let config = parse(&model.config().to_string(), CONFIG_PATH.as_ref())?;
    Ok(ConfigDigest::new(&config).to_string())
}
