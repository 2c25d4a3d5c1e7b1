//! Links that are taken out of use for planned work, and back.

use std::collections::BTreeSet;

use edge_api::{DrainRequest, EventKind, LinkOutOfUse, LinkUse, LinksOutOfUse, SessionStatus};

use super::{
    super::{drains::Drains, events::Happened},
    Engine,
    commands::{Command, Expected},
    error::ChangeError,
    instance::Instance,
    revising::Requester,
};
use crate::{config::Config, daemon::error::DaemonError, time};

impl Engine {
    /// Changes the use of a circuit's links.
    ///
    /// # Errors
    ///
    /// Nothing was changed.
    pub async fn drain(
        &self,
        circuit: String,
        request: DrainRequest,
        requester: Requester,
        expected: Expected,
    ) -> Result<LinksOutOfUse, ChangeError> {
        self.ask(|reply| Command::Drain(circuit, request, requester, expected, reply)).await
    }
}

impl Instance {
    /// Changes the use of a circuit's links: of all of them or, with an error, of none.
    pub(super) fn drain(
        &mut self,
        circuit: &str,
        request: &DrainRequest,
        requester: &Requester,
    ) -> Result<LinksOutOfUse, ChangeError> {
        let all = links_of(&self.running.read().config, circuit)?;
        let links = match &request.link {
            None => all.clone(),
            Some(link) if all.contains(link) => BTreeSet::from([link.clone()]),
            Some(link) => {
                return Err(ChangeError::NoLink(format!(
                    "circuit {circuit:?} has no routed {link} link"
                )));
            }
        };
        let leaves = request.link_use != LinkUse::InUse;
        if leaves && !request.force && !self.is_any_in_use(circuit, all.difference(&links)) {
            return Err(ChangeError::LastLink(circuit.to_owned()));
        }
        let (before, mut drains) = {
            let running = self.running.read();
            // Links of circuits that are gone are forgotten here.
            (running.drains.clone(), running.drains.of(&running.config))
        };
        let since = time::wall();
        for link in links {
            // The time and the reason are those of the beginning.
            let mut began = drains.0.iter().filter(|it| it.circuit == circuit && it.link == link);
            let began = began.next().cloned();
            drains.set(LinkOutOfUse {
                circuit: circuit.to_owned(),
                link,
                link_use: request.link_use,
                since: began.as_ref().map_or(since, |began| began.since),
                user: requester.user.clone().or_else(|| began.as_ref()?.user.clone()),
                message: request.message.clone().or_else(|| began.as_ref()?.message.clone()),
            });
        }
        // Before the change: a daemon that is killed goes on as it was told.
        drains.write(&self.state_dir())?;
        if let Err(error) = self.follow_drains(&drains) {
            if let Err(error) = before.write(&self.state_dir()) {
                tracing::error!("the next start may drain links that are in use: {error:#}");
            }
            return Err(error.into());
        }
        self.running.write().drains = drains.clone();
        self.tell_of_drain(circuit, request, requester);
        let of_it = |link: &LinkOutOfUse| link.circuit == circuit;
        Ok(LinksOutOfUse { links: drains.0.into_iter().filter(of_it).collect() })
    }

    /// Has the router follow them.
    fn follow_drains(&mut self, drains: &Drains) -> Result<(), DaemonError> {
        let Some(router) = &mut self.router else { return Ok(()) };
        let prepared = {
            let running = self.running.read();
            router.prepare(&running.config, drains, &running.installed.plan)?
        };
        router.commit(prepared);
        Ok(())
    }

    /// Whether one of a circuit's links is in use, and all its sessions are up. Without an answer of the speaker nobody knows, and a link
    /// without sessions is taken to be up.
    fn is_any_in_use<'l>(
        &self,
        circuit: &str,
        mut links: impl Iterator<Item = &'l String>,
    ) -> bool {
        let Some(Ok(sessions)) = self.slot.get().map(|view| view.sessions()) else { return false };
        let is_up = |link: &str| {
            let mut own = sessions.iter().filter(|session| {
                session.circuit == circuit && session.link.as_deref() == Some(link)
            });
            own.all(SessionStatus::is_up)
        };
        let drains = &self.running.read().drains;
        links.any(|link| drains.use_of(circuit, link) == LinkUse::InUse && is_up(link))
    }

    fn tell_of_drain(&self, circuit: &str, request: &DrainRequest, requester: &Requester) {
        let by = requester.user.as_ref().map(|user| format!(" by {user}")).unwrap_or_default();
        let links = match &request.link {
            Some(link) => format!("the {link} link is"),
            None => "all links are".to_owned(),
        };
        let now = match request.link_use {
            LinkUse::InUse => "in use again",
            LinkUse::Draining => "draining",
            LinkUse::Drained => "drained",
        };
        let sentence = format!("{links} {now}{by}");
        tracing::info!(edge.circuit = circuit, "circuit {circuit}: {sentence}");
        let happened = Happened::of_circuit(EventKind::Drain, circuit, sentence);
        self.events.push(happened.with(serde_json::to_value(request).unwrap_or_default()));
    }
}

/// The routed links of a circuit.
fn links_of(config: &Config, circuit: &str) -> Result<BTreeSet<String>, ChangeError> {
    if !config.circuits.iter().any(|it| it.name == circuit) {
        return Err(ChangeError::NoLink(format!("there is no circuit {circuit:?}")));
    }
    let links = config.peering_links().filter(|link| link.circuit.name == circuit);
    let links: BTreeSet<_> = links.map(|link| link.link.link.as_str().to_owned()).collect();
    if links.is_empty() {
        let what = "a wire is drained by the routers at its ends";
        return Err(ChangeError::NoLink(format!("circuit {circuit:?} has no routed link; {what}")));
    }
    Ok(links)
}
