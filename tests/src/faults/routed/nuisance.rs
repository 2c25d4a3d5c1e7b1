//! Harm that somebody does to the router behind the edge's back: to BIRD, and to the routing namespace.

use std::{thread, time::Duration};

use anyhow::{Context as _, Result};
use nix::sys::signal::{Signal, kill};

use super::run::RoutedRun;
use crate::exchange::speaker;

/// The name of the routing namespace.
const NAMESPACE: &str = "edge-routing";

/// A kind of harm.
#[derive(Clone, Copy, Debug)]
enum Nuisance {
    /// BIRD is killed.
    Killed,
    /// BIRD stands still for a moment.
    Stopped,
    /// A device of the router is deleted.
    DeviceDeleted,
    /// A device of the router is set down.
    DeviceDown,
    /// A device of the router has another MAC address.
    OtherMac,
    /// A device of the router has lost its addresses.
    NoAddresses,
    /// The routes of a table are gone.
    RoutesFlushed,
    /// Neighbours are forgotten.
    NeighboursFlushed,
}

const NUISANCES: [(u64, Nuisance); 8] = [
    (6, Nuisance::Killed),
    (2, Nuisance::Stopped),
    (3, Nuisance::DeviceDeleted),
    (2, Nuisance::DeviceDown),
    (2, Nuisance::OtherMac),
    (2, Nuisance::NoAddresses),
    (3, Nuisance::RoutesFlushed),
    (3, Nuisance::NeighboursFlushed),
];

impl RoutedRun {
    /// Does some harm to the router, where there is one.
    pub(super) fn be_a_nuisance(&mut self) -> Result<()> {
        let nuisance = self.chance.pick_weighted(&NUISANCES);
        self.note(&format!("{nuisance:?}"));
        match nuisance {
            Nuisance::Killed => {
                if let Ok(speaker) = speaker() {
                    kill(speaker, Signal::SIGKILL)?;
                }
            }
            Nuisance::Stopped => {
                if let Ok(speaker) = speaker() {
                    kill(speaker, Signal::SIGSTOP)?;
                    thread::sleep(Duration::from_millis(self.chance.below(1_000)));
                    // The daemon may have given it up meanwhile.
                    let _ = kill(speaker, Signal::SIGCONT);
                }
            }
            Nuisance::DeviceDeleted => {
                self.with_a_device(&|device| format!("link del {device}"))?;
            }
            Nuisance::DeviceDown => {
                self.with_a_device(&|device| format!("link set {device} down"))?;
            }
            Nuisance::OtherMac => self
                .with_a_device(&|device| format!("link set {device} address 02:00:00:00:00:77"))?,
            Nuisance::NoAddresses => {
                self.with_a_device(&|device| format!("address flush dev {device}"))?;
            }
            Nuisance::RoutesFlushed => {
                // One of the tables of the router's domains.
                let tables = self.shown("route show table all")?;
                let tables: Vec<&str> = tables
                    .iter()
                    .filter_map(|line| line.split(" table ").nth(1)?.split(' ').next())
                    .filter(|table| table.parse::<u32>().is_ok())
                    .collect();
                if !tables.is_empty() {
                    let table = self.chance.pick(&tables);
                    self.harm(&format!("route flush table {table}"))?;
                }
            }
            Nuisance::NeighboursFlushed => self.harm("neigh flush all")?,
        }
        Ok(())
    }

    /// Runs `ip` on any device of the router's.
    fn with_a_device(&mut self, command: &dyn Fn(&str) -> String) -> Result<()> {
        let shown = self.shown("-o link show type macvlan")?;
        let name =
            |line: &String| Some(line.split_whitespace().nth(1)?.split('@').next()?.to_owned());
        let devices: Vec<String> = shown.iter().filter_map(name).collect();
        if devices.is_empty() {
            return Ok(());
        }
        let place = usize::try_from(self.chance.below(devices.len() as u64))?;
        let command = command(&devices[place]);
        self.note(&command);
        self.harm(&command)
    }

    /// Runs `ip` in the routing namespace. It may fail: the daemon changes things at the same time, or has none.
    fn harm(&self, arguments: &str) -> Result<()> {
        let mut ip = self.exchange.edge.command("ip");
        ip.args(["-n", NAMESPACE]).args(arguments.split(' ')).output().context("running ip")?;
        Ok(())
    }

    fn shown(&self, arguments: &str) -> Result<Vec<String>> {
        let mut ip = self.exchange.edge.command("ip");
        let output = ip.args(["-n", NAMESPACE]).args(arguments.split(' ')).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect())
    }
}
