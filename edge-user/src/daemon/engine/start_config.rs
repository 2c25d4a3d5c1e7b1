//! The configuration that a daemon starts with.

use std::path::Path;

use edge_api::RevisionOrigin;

use super::{
    super::{
        drains::Drains, new_file::NewFile, timed_bandwidth::TimedBandwidths,
        unconfirmed::Unconfirmed,
    },
    new_config::NewConfig,
    running::AwaitedChange,
};
use crate::{
    config::{Config, ConfigDigest},
    daemon::error::DaemonError,
    time,
};

/// The configuration that a daemon starts with.
pub(super) struct StartConfig {
    pub(super) text: String,
    pub(super) config: Config,
    /// The change that still waits for its confirmation.
    pub(super) waiting: Option<AwaitedChange>,
    /// Bandwidths that end at a time, which `config` has.
    pub(super) timed: TimedBandwidths,
    /// Links out of use.
    pub(super) drains: Drains,
    /// The way in which it takes effect.
    pub(super) by: RevisionOrigin,
}

impl StartConfig {
    /// The configuration to start with.
    pub(super) fn settle(config_path: &Path, file: (String, Config)) -> Self {
        let mut start = Self::of_file(config_path, file);
        let state_dir = start.config.edge.state_dir.clone();
        let now = time::now().map_err(DaemonError::from);
        match now.and_then(|now| Ok((now, TimedBandwidths::read(&state_dir)?))) {
            Ok((now, kept)) => {
                let mut timed = kept.clone();
                timed.end_old(&now);
                for ended in timed.lay_over(&mut start.config) {
                    tracing::warn!("{ended}");
                }
                if timed != kept
                    && let Err(error) = timed.write(&state_dir)
                {
                    tracing::warn!("bandwidths whose time is over are still noted: {error:#}");
                }
                start.timed = timed;
            }
            Err(error) => {
                tracing::error!(
                    "bandwidths that were set for a time are those of the file now: {error:#}"
                );
            }
        }
        start.drains = Drains::read(&state_dir).unwrap_or_else(|error| {
            tracing::error!("links that were out of use are in use now: {error:#}");
            Drains::default()
        });
        start
    }

    /// The configuration of the file, or, if that is a change which nobody has confirmed in time, the one before, which
    /// the file has then.
    fn of_file(config_path: &Path, (text, config): (String, Config)) -> Self {
        let state_dir = config.edge.state_dir.clone();
        let start = Self {
            text,
            config,
            waiting: None,
            timed: TimedBandwidths::default(),
            drains: Drains::default(),
            by: RevisionOrigin::Start,
        };
        let record = match Unconfirmed::read(&state_dir) {
            Ok(Some(record)) => record,
            Ok(None) => return start,
            Err(error) => {
                tracing::error!(
                    "if a change waited for its confirmation, it does so no more, and stays: {error:#}"
                );
                return start;
            }
        };
        if ConfigDigest::new(&start.config).to_string() != record.digest {
            // The change was not made, or the file was edited since.
            Unconfirmed::forget(&state_dir);
            return start;
        }
        match time::now() {
            Ok(now) if record.deadline.left_in_this_boot(&now).is_some() => {
                return Self { waiting: Some(AwaitedChange { record, fault: None }), ..start };
            }
            Ok(_) => {}
            Err(error) => tracing::error!("{error:#}"),
        }
        let before = match NewConfig::new(record.before, config_path) {
            Ok(before) => before,
            Err(errors) => {
                tracing::error!(
                    "the last change was not confirmed in time, and can't be taken back, as the configuration before is \
                     wrong by now:\n{errors}"
                );
                return start;
            }
        };
        tracing::warn!("the last change was not confirmed in time, and is taken back");
        let file = NewFile::prepare(config_path, |_| Ok(before.text.clone()));
        match file.and_then(NewFile::replace) {
            Ok(_) => Unconfirmed::forget(&state_dir),
            Err(error) => tracing::error!(
                "{} still has that change, which the next start takes back again: {error:#}",
                config_path.display()
            ),
        }
        let NewConfig { text, config } = before;
        Self { text, config, by: RevisionOrigin::Deadline, ..start }
    }
}
