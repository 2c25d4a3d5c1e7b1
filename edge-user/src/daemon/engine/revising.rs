//! Revisions of the configuration: each that takes effect is kept, and any of them can come back.

use edge_api::{Applied, BandwidthChange, EventKind, Revision, RevisionOrigin};

use super::{
    super::{bandwidth::SetBandwidth, events::Happened, revisions::Revisions},
    error::ChangeError,
    instance::Instance,
    new_config::NewConfig,
};
use crate::{config, time, view};

/// Somebody who asks for a change.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requester {
    /// The user, where that is known.
    pub user: Option<String>,
    /// The user's message.
    pub message: Option<String>,
}

impl Instance {
    fn revisions(&self) -> Revisions {
        Revisions::of(&self.running.read().config.edge.state_dir)
    }

    /// Keeps the configuration that runs, whose text is this, as a revision. It runs in any case: where it can't be kept,
    /// the log says so.
    pub(super) fn note_revision(
        &self,
        text: &str,
        by: RevisionOrigin,
        requester: Requester,
        summary: String,
    ) {
        self.tell_of_revision(by, &requester, &summary);
        let Requester { user, message } = requester;
        let digest = self.running.read().digest_of_file();
        let (at, terms_at) = (time::wall(), self.bookkeeper.terms_at());
        let about =
            |revision| Revision { revision, at, by, user, message, digest, summary, terms_at };
        if let Err(error) = self.revisions().keep(text, about) {
            tracing::error!(
                "this configuration runs, and has no place in `edge history`, so that nobody can go back to it: {error:#}"
            );
        }
    }

    /// Starts and bandwidths have events of their own, also where they make no revision.
    fn tell_of_revision(&self, by: RevisionOrigin, requester: &Requester, summary: &str) {
        let (kind, done) = match by {
            RevisionOrigin::Start | RevisionOrigin::SetBandwidth => return,
            RevisionOrigin::Reload => (EventKind::Reload, "reloaded"),
            RevisionOrigin::Apply => (EventKind::Apply, "applied"),
            RevisionOrigin::Rollback => (EventKind::Rollback, "rolled back"),
            RevisionOrigin::Deadline => (EventKind::Deadline, "taken back, as nobody confirmed it"),
        };
        let Requester { user, message } = requester;
        let by = user.as_ref().map(|user| format!(" by {user}")).unwrap_or_default();
        let why = message.as_ref().map(|message| format!(" ({message})")).unwrap_or_default();
        let digest = self.running.read().digest.to_string();
        let details = serde_json::json!({
            "user": user, "message": message, "summary": summary, "digest": digest,
        });
        let sentence = format!("{done}{by}{why}: {summary}");
        self.events.push(Happened::new(kind, sentence).with(details));
    }

    /// Tells of another bandwidth of a circuit.
    pub(super) fn tell_of_bandwidth(&self, change: &BandwidthChange, user: Option<&str>) {
        let by = user.map(|user| format!(" by {user}")).unwrap_or_default();
        let sentence = format!("{}{by}", view::change::bandwidth(change));
        let happened = Happened::of_circuit(EventKind::SetBandwidth, &change.circuit, sentence);
        let details = serde_json::to_value(change).unwrap_or_default();
        self.events.push(happened.with(details));
    }

    /// Keeps the configuration that a daemon was started with, if it is another one than the newest revision.
    pub(super) fn note_start(&self, by: RevisionOrigin) {
        let digest = self.running.read().digest_of_file();
        match self.revisions().newest() {
            Ok(Some(newest)) if newest.digest == digest => {}
            Ok(_) => {
                let summary = "a start".to_owned();
                self.note_revision(&self.text, by, Requester::default(), summary);
            }
            Err(error) => tracing::error!("`edge history` can't be read: {error:#}"),
        }
    }

    /// Brings the data plane to an earlier configuration, as [`Self::apply`] does; `None`: to the one before the newest. A
    /// change that waits for its confirmation is taken back so.
    pub(super) fn roll_back(
        &mut self,
        revision: Option<u64>,
        requester: Requester,
    ) -> Result<Applied, ChangeError> {
        if revision.is_none() && self.running.read().unconfirmed.is_some() {
            return self.take_back(RevisionOrigin::Rollback, requester);
        }
        let revisions = self.revisions();
        let revision = if let Some(revision) = revision {
            revision
        } else {
            let before = revisions.history()?.revisions.get(1).map(|it| it.revision);
            before.ok_or(ChangeError::NoRevision)?
        };
        let text = revisions.text(revision)?.ok_or(ChangeError::NoRevision)?;
        let other = NewConfig::new(text, &self.config_path)?;
        let message = requester.message.unwrap_or_else(|| format!("back to revision {revision}"));
        let requester = Requester { message: Some(message), ..requester };
        self.apply(&other, RevisionOrigin::Rollback, requester, None)
    }

    /// Keeps the configuration after a change of a bandwidth, if that is in effect. `told`: the change, where it went well.
    pub(super) fn note_bandwidth(
        &mut self,
        request: &SetBandwidth,
        told: Option<String>,
        requester: Requester,
    ) {
        let SetBandwidth { circuit, bandwidth_bps, .. } = request;
        let is_in_effect = {
            let running = self.running.read();
            let mut circuits = running.config.circuits.iter();
            let found = circuits.find(|it| it.name == *circuit);
            // One that ends at a time is no part of the configuration.
            running.timed.of(circuit).is_none()
                && found.is_some_and(|it| it.bandwidth_bps == *bandwidth_bps)
        };
        if !is_in_effect {
            return;
        }
        let told = told.unwrap_or_else(|| format!("{circuit}: {bandwidth_bps} bit/s"));
        match config::with_bandwidth(&self.text, circuit, *bandwidth_bps) {
            Some(text) if text == self.text => {}
            Some(text) => {
                self.note_revision(&text, RevisionOrigin::SetBandwidth, requester, told);
                self.text = text;
            }
            None => tracing::warn!(
                "{told}: the file has no place for this bandwidth alone, so that `edge history` does not have it"
            ),
        }
    }
}
