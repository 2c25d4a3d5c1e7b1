//! Changes that wait for a confirmation: kept when it comes, and taken back when it doesn't.

use std::{path::PathBuf, time::Duration};

use edge_api::{Applied, Confirmed, EventKind, RevisionOrigin};

use super::{
    super::{events::Happened, new_file::NewFile, unconfirmed::Unconfirmed},
    error::ChangeError,
    instance::Instance,
    new_config::NewConfig,
    revising::Requester,
    running::AwaitedChange,
};
use crate::{
    config::{self, ConfigDigest},
    daemon::error::Result,
    time, view,
};

impl Instance {
    pub(super) fn state_dir(&self) -> PathBuf {
        self.running.read().config.edge.state_dir.clone()
    }

    /// Refuses another change while one waits for its confirmation.
    pub(super) fn ensure_confirmed(&self) -> Result<(), ChangeError> {
        match self.running.read().unconfirmed {
            Some(_) => Err(ChangeError::Unconfirmed),
            None => Ok(()),
        }
    }

    /// Removes the record of a change that waits no more.
    pub(super) fn forget_unconfirmed(&self) {
        Unconfirmed::forget(&self.state_dir());
    }

    /// Keeps the change that waits.
    pub(super) fn confirm(&mut self, requester: &Requester) -> Result<Confirmed, ChangeError> {
        if self.running.read().unconfirmed.is_none() {
            return Err(ChangeError::NothingToConfirm);
        }
        Unconfirmed::remove(&self.state_dir())?;
        let mut running = self.running.write();
        running.unconfirmed = None;
        let user = requester.user.as_deref().unwrap_or("somebody");
        let sentence = format!("{user} has confirmed the last change");
        tracing::info!("{sentence}");
        let details = serde_json::json!({ "user": requester.user });
        self.events.push(Happened::new(EventKind::Confirmed, sentence).with(details));
        Ok(Confirmed { digest: running.digest.to_string() })
    }

    /// Takes back the change that waits. The daemon's file has the configuration before, unless somebody has edited it
    /// since.
    pub(super) fn take_back(
        &mut self,
        by: RevisionOrigin,
        requester: Requester,
    ) -> Result<Applied, ChangeError> {
        let waiting = self.running.read().unconfirmed.clone();
        let AwaitedChange { mut record, .. } = waiting.ok_or(ChangeError::NothingToConfirm)?;
        let other = NewConfig::new(record.before.clone(), &self.config_path)?;
        let compared = self.compare(&other.config)?;
        // If the daemon is killed from here on, its next start does the rest.
        record.deadline.end();
        if let Err(error) = record.write(&self.state_dir()) {
            tracing::warn!("a daemon that is killed now may not take the change back: {error:#}");
        }
        let has_it = config::load(&self.config_path)
            .is_ok_and(|file| ConfigDigest::new(&file).to_string() == record.digest);
        let file = has_it.then(|| NewFile::prepare(&self.config_path, |_| Ok(record.before)));
        self.change_to(&compared.config)?;
        let saved_to = file.map(|file| file.and_then(NewFile::replace)).transpose();
        self.running.write().unconfirmed = None;
        tracing::warn!(
            edge.circuit = view::changes::circuits(&compared.changes),
            edge.port = view::changes::ports(&compared.changes),
            "took back the last change: {}",
            view::changes::told(&compared.changes)
        );
        let (changes, mut warnings) = self.note_change(compared, &other.text, by, requester);
        let saved_to = saved_to.map_err(|error| {
            let path = self.config_path.display();
            let text = format!(
                "the change is taken back, but {path} still has it; the next start takes it back again"
            );
            ChangeError::InEffect(error.after(text))
        })?;
        self.forget_unconfirmed();
        warnings.extend(self.follow_change()?);
        Ok(Applied { changes, saved_to, confirm_by: None, warnings })
    }

    /// Takes back a change whose deadline is over. Returns the time until the deadline, if there is one.
    pub(super) fn look_at_deadline(&mut self) -> Option<Duration> {
        let (left, told) = {
            let running = self.running.read();
            let AwaitedChange { record, fault } = running.unconfirmed.as_ref()?;
            let left = time::now().map(|now| record.deadline.left_in_this_boot(&now));
            (left.ok().flatten(), fault.clone())
        };
        if left.is_some() {
            return left;
        }
        if told.is_none() {
            tracing::warn!("nobody has confirmed the last change in time");
        }
        match self.take_back(RevisionOrigin::Deadline, Requester::default()) {
            Ok(applied) => {
                for warning in applied.warnings {
                    tracing::warn!("{warning}");
                }
            }
            Err(error) => {
                let fault = error.to_string();
                if told.as_ref() != Some(&fault) {
                    tracing::error!(
                        "it can't be taken back, and is tried again every few seconds: {fault}"
                    );
                }
                if let Some(waiting) = &mut self.running.write().unconfirmed {
                    waiting.fault = Some(fault);
                }
            }
        }
        None
    }
}
