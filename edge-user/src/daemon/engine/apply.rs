//! Another configuration from a client, which becomes the daemon's file.

use std::time::Duration;

use edge_api::{Applied, ConfigChange, ConfigChanges, RevisionOrigin};
use jiff::Timestamp;

use super::{
    super::{
        new_file::NewFile, router, timed_bandwidth::TimedBandwidths, unconfirmed::Unconfirmed,
    },
    error::ChangeError,
    instance::Instance,
    new_config::NewConfig,
    revising::Requester,
    route_limits,
    running::{AwaitedChange, Running},
};
use crate::{
    config::{self, Config, ConfigDigest},
    daemon::error::DaemonError,
    time, view,
};

/// Another configuration against the one that runs.
pub(super) struct Comparison {
    /// The digest of what runs.
    from: String,
    /// The changes from one file to the other.
    pub(super) changes: Vec<ConfigChange>,
    /// The other configuration, with the bandwidths that end at a time.
    pub(super) config: Config,
    timed: TimedBandwidths,
    /// A sentence for each bandwidth that can't go on.
    ended: Vec<String>,
}

impl Instance {
    /// Brings the data plane to a configuration that came this way: all of it, or, with an error, none. The daemon's file has it afterwards,
    /// so that the next start has, too. With `confirm_within`, the daemon goes back unless somebody confirms it in this time.
    ///
    /// The file's successor is written before the change, and takes its place after it: a file that can't be written
    /// changes nothing, and no file has a configuration that was never in effect.
    pub(super) fn apply(
        &mut self,
        other: &NewConfig,
        by: RevisionOrigin,
        requester: Requester,
        confirm_within: Option<Duration>,
    ) -> Result<Applied, ChangeError> {
        let NewConfig { text, config } = other;
        self.ensure_confirmed()?;
        let compared = self.compare(config)?;
        if let Some(refused) = route_limits::refusal(&self.slot, config) {
            return Err(refused);
        }
        let file = NewFile::prepare(&self.config_path, |_| Ok(text.clone()))?;
        // A change without a difference needs no confirmation.
        let digest = ConfigDigest::new(config).to_string();
        let is_other = digest != self.running.read().digest_of_file();
        let waits = confirm_within.filter(|_| is_other);
        let waits = waits.map(|within| self.wait(digest, within, &requester)).transpose()?;
        if let Err(error) = self.change_to(&compared.config) {
            if waits.is_some() {
                self.forget_unconfirmed();
            }
            return Err(error);
        }
        let told = view::changes::told(&compared.changes);
        tracing::info!(
            edge.circuit = view::changes::circuits(&compared.changes),
            edge.port = view::changes::ports(&compared.changes),
            "applied a configuration: {told}"
        );
        let mut confirm_by = None;
        if let Some((record, until)) = waits {
            confirm_by = Some(until);
            self.running.write().unconfirmed = Some(AwaitedChange { record, fault: None });
        } else {
            self.forget_unconfirmed();
        }
        let saved_to = file.replace();
        let (changes, mut warnings) = self.note_change(compared, text, by, requester);
        let saved_to = saved_to.map_err(|error| {
            let path = self.config_path.display();
            let text = format!("{told}, in effect now, but not saved to {path}");
            ChangeError::InEffect(error.after(text))
        })?;
        warnings.extend(self.follow_change()?);
        Ok(Applied { changes, saved_to: Some(saved_to), confirm_by, warnings })
    }

    /// Compares a file's configuration with the one that runs; an error where a running daemon can't go there.
    pub(super) fn compare(&self, file: &Config) -> Result<Comparison, ChangeError> {
        let running = self.running.read();
        if let Some(refused) = refusal(&running, file) {
            return Err(refused);
        }
        let mut timed = running.timed.clone();
        let mut config = file.clone();
        let ended = timed.lay_over(&mut config);
        let changes = config::changes(&running.of_file(), file);
        Ok(Comparison { from: running.digest.to_string(), changes, config, timed, ended })
    }

    /// Takes note of a change in effect, whose text this is. Returns the changes, and warnings.
    pub(super) fn note_change(
        &mut self,
        compared: Comparison,
        text: &str,
        by: RevisionOrigin,
        requester: Requester,
    ) -> (ConfigChanges, Vec<String>) {
        let Comparison { from, changes, config: _, timed, ended } = compared;
        text.clone_into(&mut self.text);
        if timed != self.running.read().timed {
            self.keep_timed(timed);
        }
        let to = self.running.read().digest.to_string();
        if from != to || !changes.is_empty() {
            self.note_revision(text, by, requester, view::changes::summary(&changes));
        }
        (ConfigChanges { from, to, changes, refused: None }, ended)
    }

    /// Writes the record of a change that is to be confirmed. A configuration that its text doesn't give
    /// back can't be returned to.
    fn wait(
        &self,
        digest: String,
        within: Duration,
        requester: &Requester,
    ) -> Result<(Unconfirmed, Timestamp), ChangeError> {
        let running = self.running.read().digest_of_file();
        let is_running =
            |before: &NewConfig| ConfigDigest::new(&before.config).to_string() == running;
        let before = NewConfig::new(self.text.clone(), &self.config_path).ok().filter(is_running);
        let before = before.ok_or(ChangeError::NoWayBack)?;
        let mut record = Unconfirmed::new(before.text, digest, within)?;
        record.user.clone_from(&requester.user);
        record.message.clone_from(&requester.message);
        let until = record.deadline.date(&time::now().map_err(DaemonError::from)?);
        record.write(&self.state_dir())?;
        Ok((record, until))
    }
}

/// The reason why a running daemon can't go from one configuration to another, as far as these alone tell.
pub(super) fn refusal(running: &Running, other: &Config) -> Option<ChangeError> {
    let (now, next) = (&running.config.edge, &other.edge);
    let is_same_place = now.pin_dir == next.pin_dir
        && now.control == next.control
        && now.metrics == next.metrics
        && now.state_dir == next.state_dir
        && router::is_same_place(&running.config, other);
    if !is_same_place {
        return Some(ChangeError::NeedsRestart);
    }
    running.sandbox.as_ref()?.refusal(other).map(ChangeError::Sandboxed)
}
