//! Changes of the configuration, which take effect as a whole or not at all.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result, ensure};

use super::{
    model::{RoutedModel, RoutedVariant, VARIANTS},
    run::RoutedRun,
};
use crate::{
    daemon::{configure, reload, set_bandwidth},
    faults::happen::Way,
};

const WAYS: [(u64, Way); 5] =
    [(8, Way::Reload), (2, Way::HangUp), (3, Way::KilledReload), (2, Way::Kill), (1, Way::Stop)];

impl RoutedRun {
    /// Another configuration takes the place of the one that is there, by any way.
    pub(super) fn change(&mut self) -> Result<()> {
        let way = self.chance.pick_weighted(&WAYS);
        let model = self.another_model();
        self.change_to(model, way)
    }

    /// Has the next daemon start with another configuration, perhaps.
    pub(super) fn change_while_down(&mut self) {
        if self.chance.percent(30) {
            self.model = self.another_model();
        }
    }

    /// The first circuit is sold with another bandwidth.
    pub(super) fn sell_another_bandwidth(&mut self) -> Result<()> {
        let circuit = self.chance.pick(&["wire", "customer3", "customer2"]);
        let rate_bps = 10_000_000 << self.chance.below(6);
        self.note(&format!("{circuit} at {rate_bps}"));
        match set_bandwidth(circuit, rate_bps) {
            // It may not be there.
            Err(error) if format!("{error:#}").contains("unknown circuit") => Ok(()),
            Err(error) if self.is_for_want_of_a_disk(&error) => Ok(()),
            changed => changed.map(drop),
        }
    }

    pub(super) fn change_to(&mut self, model: RoutedModel, way: Way) -> Result<()> {
        self.note(&format!("by {way:?}"));
        configure(&model.config(&self.exchange)?)?;
        if matches!(way, Way::HangUp) {
            // Nothing tells when that is done; after the reload, it is.
            self.daemon()?.hang_up()?;
        }
        match way {
            Way::Reload | Way::HangUp => match reload() {
                Err(error) if self.is_for_want_of_a_disk(&error) => {
                    self.note("refused for want of a disk");
                    return configure(&self.model.config(&self.exchange)?);
                }
                Err(error) if self.model.is_another_router(&model) => {
                    ensure!(format!("{error:#}").contains("restart the daemon"), "{error:#}");
                    self.model = model;
                    self.end(true)?;
                    return self.start_daemon();
                }
                reloaded => reloaded.context("another file")?,
            },
            Way::KilledReload => {
                self.model = model;
                return self.kill_the_reload();
            }
            Way::Kill | Way::Stop => {
                self.model = model;
                self.end(matches!(way, Way::Stop))?;
                return self.start_daemon();
            }
        }
        self.model = model;
        Ok(())
    }

    fn another_model(&mut self) -> RoutedModel {
        // An edge that does not route shows little.
        let is_wire_alone = self.model.has(RoutedVariant::NoRouting);
        let variant = if is_wire_alone && self.chance.percent(60) {
            RoutedVariant::NoRouting
        } else {
            self.chance.pick(&VARIANTS)
        };
        self.note(&format!("{variant:?}"));
        self.model.toggled(variant)
    }

    fn kill_the_reload(&mut self) -> Result<()> {
        let after = Duration::from_micros(self.chance.below(120_000));
        let daemon = self.take_daemon()?;
        thread::scope(|scope| {
            scope.spawn(|| drop(reload()));
            thread::sleep(after);
            daemon.kill()
        })?;
        self.start_daemon()
    }

    fn is_for_want_of_a_disk(&self, error: &anyhow::Error) -> bool {
        let cannot_write = self.disk.is_full() || self.disk.is_read_only();
        cannot_write && format!("{error:#}").contains("can't be noted")
    }
}
