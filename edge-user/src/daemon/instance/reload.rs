//! Another configuration while frames pass: all of it or, with an error, none.

use std::time::Instant;

use anyhow::{Result, bail};
use edge_api::Reloaded;

use super::{
    super::{
        install::{Aim, Committed, Prepared, commit, prepare},
        instructions::Instructions,
        interfaces::Wanted,
        policers::Peaks,
        ports::{Failed, PortStates},
        reloaded::reloaded,
    },
    Instance,
};
use crate::config::{self, Config, Difference};

impl Instance {
    /// Reads the configuration again and brings the data plane to it: all of it, or, with an
    /// error, none. Returns what changed, and what an operator should know of ports that wait for
    /// their interface.
    pub fn reload(&mut self) -> Result<Reloaded> {
        let config = config::load(&self.config_path)?;
        anyhow::ensure!(
            config.edge.pin_dir == self.config.edge.pin_dir
                && config.edge.control == self.config.edge.control
                && config.edge.metrics == self.config.edge.metrics
                && config.edge.state_dir == self.config.edge.state_dir,
            "pin_dir, control, metrics and state_dir can't be changed by a reload; restart the daemon",
        );
        let difference = Difference::between(&self.config, &config);
        self.change_to(config)?;
        tracing::info!("reloaded {}: {difference}", self.config_path.display());
        let waiting = self.tell_of_ports()?.into_iter().filter(|(_, state)| state.mode.is_none());
        let waiting = waiting
            .filter_map(|(port, state)| Some(format!("port \"{port}\" waits: {}", state.fault?)));
        Ok(reloaded(difference, waiting.collect()))
    }

    /// Brings the data plane to `config`: all of it, or, with an error, none.
    fn change_to(&mut self, config: Config) -> Result<()> {
        let prepared = self.prepare(&config, Wanted::ByName)?;
        let instructions = Instructions::new(&config);
        // The last that can fail.
        if let Err(error) = self.bookkeeper.note_terms(&instructions) {
            prepared.give_up();
            return Err(error);
        }
        self.commit(prepared);
        self.config = config;
        self.bookkeeper.follow(instructions);
        Ok(())
    }

    pub(super) fn prepare(&mut self, config: &Config, wanted: Wanted) -> Result<Prepared> {
        let aim = Aim { config, wanted, running: Some(&self.installed) };
        let prepared = prepare(&mut self.set, &self.bookkeeper, &self.devices, aim)?;
        if self.watches_egress && !prepared.watches_egress() {
            prepared.give_up();
            bail!(
                "frames that a device refuses would count as forwarded, which they don't now (the \
                 log says why), and nothing was changed"
            );
        }
        Ok(prepared)
    }

    pub(super) fn commit(&mut self, prepared: Prepared) {
        let (committed, watches_egress) = commit(&mut self.set, prepared);
        let Committed { installed, old, given_up } = committed;
        self.installed = installed;
        self.failed = (!given_up.is_empty())
            .then(|| (Failed { states: PortStates::new(), why: given_up }, Instant::now()));
        self.watches_egress = watches_egress.unwrap_or(self.watches_egress);
        if let Some((pins, books)) = old {
            self.left_rate = None;
            self.peaks = Peaks::default();
            if let Some(books) = books {
                self.others.push((pins.clone(), books));
                self.bookkeeper.close([pins]);
            }
        }
        if let Err(error) = self.make_room() {
            tracing::warn!("counters of tables before these may be shown without some: {error:#}");
        }
    }
}
