//! Faults that happen to the edge itself.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};

use super::run::RoutedRun;
use crate::daemon::{configure, reload};

/// Something that happens to an edge that routes.
#[derive(Clone, Copy, Debug)]
pub(super) enum RoutedFault {
    /// `kill -9`, and a start.
    Kill,
    /// SIGTERM, and a start.
    Stop,
    /// Its end, and a start that is killed.
    KillTheStart,
    /// A reload of the same file.
    Reload,
    /// A change of the configuration.
    Change,
    /// Another bandwidth.
    SetBandwidth,
    /// Its end, and a start of the version with the other layout.
    Upgrade,
    /// An upgrade whose start is killed, and a start of either version.
    KillTheUpgrade,
    /// The disk is full, or has room again.
    Fill,
    /// The wall clock says another time.
    Clock,
    /// Harm to BIRD or to the routing namespace.
    Nuisance,
    /// A cable, a port or a customer's router goes, or comes back.
    Trouble,
}

/// Each with its weight.
pub(super) const FAULTS: [(u64, RoutedFault); 12] = [
    (10, RoutedFault::Kill),
    (6, RoutedFault::Stop),
    (6, RoutedFault::KillTheStart),
    (5, RoutedFault::Reload),
    (26, RoutedFault::Change),
    (6, RoutedFault::SetBandwidth),
    (5, RoutedFault::Upgrade),
    (4, RoutedFault::KillTheUpgrade),
    (5, RoutedFault::Fill),
    (6, RoutedFault::Clock),
    (26, RoutedFault::Nuisance),
    (30, RoutedFault::Trouble),
];

impl RoutedRun {
    pub(super) fn happen(&mut self, fault: RoutedFault) -> Result<()> {
        match fault {
            RoutedFault::Kill => self.replace(false),
            RoutedFault::Stop => self.replace(true),
            RoutedFault::KillTheStart => {
                self.end_somehow()?;
                self.change_while_down();
                self.kill_a_start()?;
                self.start_daemon()
            }
            RoutedFault::Reload => reload().context("the same file"),
            RoutedFault::Change => self.change(),
            RoutedFault::SetBandwidth => self.sell_another_bandwidth(),
            RoutedFault::Upgrade => {
                self.end_somehow()?;
                self.is_other_layout = !self.is_other_layout;
                self.start_daemon()
            }
            RoutedFault::KillTheUpgrade => {
                self.end_somehow()?;
                self.is_other_layout = !self.is_other_layout;
                self.kill_a_start()?;
                if self.chance.percent(50) {
                    self.is_other_layout = !self.is_other_layout;
                }
                self.start_daemon()
            }
            RoutedFault::Fill if self.disk.is_full() => self.disk.empty(),
            RoutedFault::Fill => self.disk.fill(),
            RoutedFault::Clock => {
                let offset_s = self.clock.step(&mut self.chance)?;
                self.note(&format!("by {offset_s} s"));
                Ok(())
            }
            RoutedFault::Nuisance => self.be_a_nuisance(),
            RoutedFault::Trouble => self.make_trouble(),
        }
    }

    fn end_somehow(&mut self) -> Result<()> {
        let is_gentle = self.chance.percent(50);
        self.end(is_gentle)
    }

    /// Ends the daemon and starts it again, perhaps with another configuration.
    fn replace(&mut self, is_gentle: bool) -> Result<()> {
        self.end(is_gentle)?;
        self.change_while_down();
        self.start_daemon()
    }

    fn kill_a_start(&mut self) -> Result<()> {
        configure(&self.model.config(&self.exchange)?)?;
        let daemon = self.spawn()?;
        let after = Duration::from_millis(self.chance.below(400));
        self.note(&format!("killed after {after:?}, other layout: {}", self.is_other_layout));
        thread::sleep(after);
        self.keep_words(&daemon);
        daemon.kill()
    }
}
