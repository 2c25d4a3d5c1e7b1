//! Another configuration while frames pass: all of it or, with an error, none.

use std::time::Instant;

use edge_api::Reloaded;

use super::{
    super::{
        install::{Aim, Committed, Prepared, commit, prepare},
        instructions::Instructions,
        interfaces::InterfaceChoice,
        policers::Peaks,
        ports::{Failed, PortStates},
    },
    error::ChangeError,
    instance::Instance,
};
use crate::{
    config::{self, Config, ConfigDigest},
    daemon::error::{DaemonError, Result},
    plan, view,
};

impl Instance {
    /// Reads the configuration again and brings the data plane to it: all of it, or, with an
    /// error, none. Returns the changes, and a warning for each port that waits for its interface.
    pub(super) fn reload(&mut self) -> Result<Reloaded, ChangeError> {
        let config = config::load(&self.config_path)?;
        plan::forwardable(&config, &self.config_path)?;
        let difference = {
            let running = self.running.read();
            let (now, next) = (&running.config.edge, &config.edge);
            if now.pin_dir != next.pin_dir
                || now.control != next.control
                || now.metrics != next.metrics
                || now.state_dir != next.state_dir
            {
                return Err(ChangeError::NeedsRestart);
            }
            config::difference(&running.config, &config)
        };
        self.change_to(config)?;
        let text = view::change::difference(&difference);
        tracing::info!("reloaded {}: {text}", self.config_path.display());
        let states = self.tell_of_ports().map_err(ChangeError::InEffect)?;
        let waiting = states.into_iter().filter(|(_, state)| state.mode.is_none());
        let waiting = waiting
            .filter_map(|(port, state)| Some(format!("port \"{port}\" waits: {}", state.fault?)));
        Ok(Reloaded { difference, warnings: waiting.collect() })
    }

    /// Brings the data plane to `config`: all of it, or, with an error, none.
    fn change_to(&mut self, config: Config) -> Result<(), ChangeError> {
        let prepared = self.prepare(&config, InterfaceChoice::ByName)?;
        let instructions = Instructions::new(&config);
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
        self.commit(prepared, Some(config));
        self.bookkeeper.follow(instructions);
        Ok(())
    }

    /// Prepares a change. Readers go on meanwhile, however long the ledger takes.
    pub(super) fn prepare(&self, config: &Config, wanted: InterfaceChoice) -> Result<Prepared> {
        let running = self.running.read();
        let aim = Aim { config, wanted, running: Some(&running.installed) };
        let prepared = prepare(&running.set, &self.bookkeeper, &self.devices, aim)?;
        if running.watches_egress && !prepared.watches_egress() {
            prepared.give_up();
            return Err(DaemonError::failed(
                "the new tables could not count frames that a device refuses, and these would be \
                 billed as forwarded, so nothing was changed; the log has the cause",
            ));
        }
        Ok(prepared)
    }

    /// Brings the data plane to what was prepared for `config`; `None`: for the one that runs.
    pub(super) fn commit(&mut self, prepared: Prepared, config: Option<Config>) {
        let mut guard = self.running.write();
        let running = &mut *guard;
        let (committed, watches_egress) = commit(&mut running.set, prepared);
        let Committed { installed, old, given_up } = committed;
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
