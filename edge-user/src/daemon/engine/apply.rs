//! Another configuration from a client, which becomes the daemon's file.

use std::time::Duration;

use edge_api::{Applied, ConfigChange, ConfigChanges, RevisionOrigin};

use super::{
    super::{new_file::NewFile, router, unconfirmed::Unconfirmed},
    error::ChangeError,
    instance::Instance,
    new_config::NewConfig,
    revising::Requester,
    running::AwaitedChange,
};
use crate::{
    config::{self, Config, ConfigDigest},
    view,
};

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
        let (from, changes) = self.compare(config)?;
        let file = NewFile::prepare(&self.config_path, |_| Ok(text.clone()))?;
        // A change without a difference needs no confirmation.
        let digest = ConfigDigest::new(config).to_string();
        let confirm_within = confirm_within.filter(|_| digest != from);
        let waits =
            confirm_within.map(|within| self.wait(digest, within, &requester)).transpose()?;
        if let Err(error) = self.change_to(config) {
            if waits.is_some() {
                self.forget_unconfirmed();
            }
            return Err(error);
        }
        let told = view::changes::told(&changes);
        tracing::info!("applied a configuration: {told}");
        let confirm_by = waits.as_ref().map(|(_, until)| *until);
        match waits {
            Some((record, _)) => {
                self.running.write().unconfirmed = Some(AwaitedChange { record, fault: None });
            }
            None => self.forget_unconfirmed(),
        }
        let saved_to = file.replace();
        let changes = self.note_change(from, changes, text, by, requester);
        let saved_to = saved_to.map_err(|error| {
            let path = self.config_path.display();
            let text = format!("{told}, in effect now, but not saved to {path}");
            ChangeError::InEffect(error.after(text))
        })?;
        let warnings = self.follow_change()?;
        Ok(Applied { changes, saved_to: Some(saved_to), confirm_by, warnings })
    }

    /// The digest of the configuration that runs, and the changes that `config` makes to it; an error where a running
    /// daemon can't go there.
    pub(super) fn compare(
        &self,
        config: &Config,
    ) -> Result<(String, Vec<ConfigChange>), ChangeError> {
        let running = self.running.read();
        match refusal(&running.config, config) {
            Some(refused) => Err(refused),
            None => Ok((running.digest.to_string(), config::changes(&running.config, config))),
        }
    }

    /// Takes note of a change in effect, whose text this is.
    pub(super) fn note_change(
        &mut self,
        from: String,
        changes: Vec<ConfigChange>,
        text: &str,
        by: RevisionOrigin,
        requester: Requester,
    ) -> ConfigChanges {
        text.clone_into(&mut self.text);
        let to = self.running.read().digest.to_string();
        if from != to {
            self.note_revision(text, by, requester, view::changes::summary(&changes));
        }
        ConfigChanges { from, to, changes, refused: None }
    }

    /// Writes the record of a change that is to be confirmed. A configuration that its text doesn't give
    /// back can't be returned to.
    fn wait(
        &self,
        digest: String,
        within: Duration,
        requester: &Requester,
    ) -> Result<(Unconfirmed, jiff::Timestamp), ChangeError> {
        let before = NewConfig::new(self.text.clone())
            .ok()
            .filter(|before| ConfigDigest::new(&before.config) == self.running.read().digest);
        let before = before.ok_or(ChangeError::NoWayBack)?;
        let mut record = Unconfirmed::new(before.text, digest, within)?;
        record.user.clone_from(&requester.user);
        record.message.clone_from(&requester.message);
        let until = record.until(&super::super::unconfirmed::now()?);
        record.write(&self.state_dir())?;
        Ok((record, until))
    }
}

/// The reason why a running daemon can't go from one configuration to another, as far as these alone tell.
pub(super) fn refusal(running: &Config, other: &Config) -> Option<ChangeError> {
    let (now, next) = (&running.edge, &other.edge);
    let is_same_place = now.pin_dir == next.pin_dir
        && now.control == next.control
        && now.metrics == next.metrics
        && now.state_dir == next.state_dir
        && router::is_same_place(running, other);
    (!is_same_place).then_some(ChangeError::NeedsRestart)
}
