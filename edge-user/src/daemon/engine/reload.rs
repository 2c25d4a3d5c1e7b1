//! Another configuration while frames pass: all of it or, with an error, none.

use std::{mem, time::Instant};

use edge_api::{Reloaded, RevisionOrigin};

use super::{
    super::{
        install::{Aim, Committed, Prepared, prepare},
        instructions::Instructions,
        interfaces::InterfaceChoice,
        policers::Peaks,
        ports::{Failed, PortStates},
        router::{self, Router},
    },
    error::ChangeError,
    instance::Instance,
    revising::Requester,
    route_limits,
};
use crate::{
    config::{self, Config, ConfigDigest},
    daemon::error::{DaemonError, Result},
    report::chain,
    view,
};

impl Instance {
    /// Reads the configuration again and brings the data plane to it: all of it, or, with an
    /// error, none. Returns the changes, and a warning for each port that waits for its interface.
    pub(super) fn reload(&mut self, requester: Requester) -> Result<Reloaded, ChangeError> {
        self.ensure_confirmed()?;
        let (text, config) = config::load_with_text(&self.config_path)?;
        let compared = self.compare(&config)?;
        if let Some(refused) = route_limits::refusal(&self.slot, &config) {
            return Err(refused);
        }
        self.change_to(&compared.config)?;
        let told = view::changes::told(&compared.changes);
        tracing::info!(
            edge.circuit = view::changes::circuits(&compared.changes),
            edge.port = view::changes::ports(&compared.changes),
            "reloaded {}: {told}",
            self.config_path.display()
        );
        self.forget_unconfirmed();
        let by = RevisionOrigin::Reload;
        let (changes, mut warnings) = self.note_change(compared, &text, by, requester);
        warnings.extend(self.follow_change()?);
        Ok(Reloaded { changes, warnings })
    }

    /// Follows the router after a change, and returns a warning for each port that waits for its interface.
    pub(super) fn follow_change(&mut self) -> Result<Vec<String>, ChangeError> {
        let states = self.follow_router().map_err(ChangeError::InEffect)?;
        let waiting = states.into_iter().filter(|(_, state)| state.mode.is_none());
        let waiting = waiting
            .filter_map(|(port, state)| Some(format!("port \"{port}\" waits: {}", state.fault?)));
        Ok(waiting.collect())
    }

    /// Brings the data plane to `config`: all of it, or, with an error, none.
    pub(super) fn change_to(&mut self, config: &Config) -> Result<(), ChangeError> {
        let speaker = router::speaker_version(config)?;
        let is_first = self.router.is_none();
        if is_first {
            self.router = Router::start(config, &self.running.read().set, speaker)?;
        }
        let before = self.router.as_mut().map(|router| mem::replace(&mut router.speaker, speaker));
        if let Err(error) = self.change_with_router(config) {
            if let Some((router, before)) = self.router.as_mut().zip(before) {
                router.speaker = before;
            }
            if is_first && let Some(router) = self.router.take() {
                router.end();
                remove_router(config);
            }
            return Err(error);
        }
        Ok(())
    }

    /// Does the same with the router that there is. With an error, nothing has changed.
    fn change_with_router(&mut self, config: &Config) -> Result<(), ChangeError> {
        let prepared = self.prepare(config, InterfaceChoice::ByName)?;
        let drains = self.running.read().drains.clone();
        let (prepared, routes) =
            router::prepare(self.router.as_ref(), (config, &drains), prepared)?;
        let instructions = Instructions::new(config);
        // The wait for a disk may have been long: the daemon may be ending by now.
        if self.bookkeeper.is_interrupted() {
            prepared.give_up();
            return Err(ChangeError::Ending);
        }
        // The last step that can fail.
        if let Err(error) = self.bookkeeper.note_terms(&instructions) {
            prepared.give_up();
            return Err(error.into());
        }
        let before = self.running.read().config.clone();
        self.commit(prepared, Some(config.clone()));
        self.bookkeeper.follow(instructions);
        if let Some((router, routes)) = self.router.as_mut().zip(routes) {
            router.commit(routes);
        }
        if config.routing.is_none() {
            self.end_router();
            remove_router(&before);
        }
        Ok(())
    }

    /// Ends the router, if there is one.
    pub(super) fn end_router(&mut self) {
        self.slot.set(None);
        if let Some(router) = self.router.take() {
            router.end();
        }
    }

    /// Prepares a change. Readers go on meanwhile, however long the ledger takes.
    ///
    /// A trace ends before: its frames are those of circuits as they are, and what the change makes of their indices are
    /// those of others.
    pub(super) fn prepare(&mut self, config: &Config, wanted: InterfaceChoice) -> Result<Prepared> {
        self.end_trace("the configuration or a port changes");
        let running = self.running.read();
        // A router that ends with this configuration keeps nothing.
        let router = self.router.as_ref().filter(|_| config.routing.is_some());
        let aim = Aim {
            config,
            wanted,
            running: Some(&running.installed),
            router: router.and_then(Router::ifindex),
            speaker: router.and_then(|router| router.speaker),
        };
        let prepared = prepare(&running.set, &self.bookkeeper, &self.devices, aim)?;
        if running.watches_egress
            && let Some(fault) = prepared.egress_fault()
        {
            let text = format!(
                "the new tables could not count frames that a device refuses, and these would be \
                 billed as forwarded, so nothing was changed: {}",
                chain(fault)
            );
            prepared.give_up();
            return Err(DaemonError::failed(text));
        }
        Ok(prepared)
    }

    /// Brings the data plane to what was prepared for `config`; `None`: for the one that runs.
    pub(super) fn commit(&mut self, prepared: Prepared, config: Option<Config>) {
        let mut guard = self.running.write();
        let running = &mut *guard;
        let router = self.router.as_ref();
        let (committed, watches_egress) = router::commit(router, &mut running.set, prepared);
        let Committed { installed, old, given_up, router_maps: _ } = committed;
        running.generation += 1;
        running.installed = installed;
        running.failed = (!given_up.is_empty())
            .then(|| (Failed { states: PortStates::new(), why: given_up }, Instant::now()));
        running.watches_egress = watches_egress.unwrap_or(running.watches_egress);
        if let Some(config) = config {
            running.digest = ConfigDigest::new(&config);
            running.config = config;
        }
        if let Some((pins, books)) = old {
            self.left_rate = None;
            running.peaks = Peaks::default();
            if let Some(books) = books {
                running.others.push((pins.clone(), books.into()));
                self.bookkeeper.close([pins]);
            }
        }
        if let Err(error) = running.give_slots() {
            tracing::warn!(
                "some counts of earlier tables may be missing in the status, though not in the \
                 ledger: {error:#}"
            );
        }
    }
}

/// Removes what a router has left, whose configuration this was.
fn remove_router(config: &Config) {
    if let Err(error) = router::tear_down(config) {
        tracing::error!(
            "some of the router is left, and the next `edge detach` removes it: {error:#}"
        );
    }
}
