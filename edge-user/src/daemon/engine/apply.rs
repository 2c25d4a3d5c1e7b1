//! Another configuration from a client, which becomes the daemon's file.

use edge_api::{Applied, ConfigChanges, RevisionOrigin};

use super::{
    super::{new_file::NewFile, router},
    error::ChangeError,
    instance::Instance,
    new_config::NewConfig,
    revising::Requester,
};
use crate::{
    config::{self, Config},
    view,
};

impl Instance {
    /// Brings the data plane to a configuration that came this way: all of it, or, with an error, none. The daemon's file has it afterwards,
    /// so that the next start has, too.
    ///
    /// The file's successor is written before the change, and takes its place after it: a file that can't be written
    /// changes nothing, and no file has a configuration that was never in effect.
    pub(super) fn apply(
        &mut self,
        other: &NewConfig,
        by: RevisionOrigin,
        requester: Requester,
    ) -> Result<Applied, ChangeError> {
        let NewConfig { text, config } = other;
        let (from, changes) = {
            let running = self.running.read();
            if let Some(refused) = refusal(&running.config, config) {
                return Err(refused);
            }
            (running.digest.to_string(), config::changes(&running.config, config))
        };
        let file = NewFile::prepare(&self.config_path, |_| Ok(text.clone()))?;
        self.change_to(config)?;
        let to = self.running.read().digest.to_string();
        let told = view::changes::summary(&changes);
        let changes = ConfigChanges { from, to, changes, refused: None };
        tracing::info!("applied a configuration: {told}");
        self.text.clone_from(text);
        if changes.from != changes.to {
            self.note_revision(text, by, requester, told.clone());
        }
        let saved_to = file.replace().map_err(|error| {
            let path = self.config_path.display();
            let text = format!("{told}, in effect now, but not saved to {path}");
            ChangeError::InEffect(error.after(text))
        })?;
        Ok(Applied { changes, saved_to, warnings: self.follow_change()? })
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
