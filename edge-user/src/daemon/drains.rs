//! Links out of use, in a file of the state directory: a daemon that is killed meanwhile goes on without them. The
//! configuration file has nothing of them.

use std::path::Path;

use edge_api::{LinkOutOfUse, LinkUse};
use serde::{Deserialize, Serialize};

use super::state_file;
use crate::{
    config::{Config, RoutedKey},
    daemon::error::Result,
};

/// The file in the state directory.
const FILE_NAME: &str = "drains.json";

/// The links that are draining or drained, each of them once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Drains(pub(super) Vec<LinkOutOfUse>);

impl Drains {
    /// Reads the links that a state directory has.
    pub(super) fn read(state_dir: &Path) -> Result<Self> {
        Ok(state_file::read(state_dir, FILE_NAME)?.unwrap_or_default())
    }

    /// Writes them, so that they outlive the daemon and the machine.
    pub(super) fn write(&self, state_dir: &Path) -> Result<()> {
        state_file::write_list(state_dir, FILE_NAME, &self.0)
    }

    /// The use of a circuit's link.
    pub(super) fn use_of(&self, circuit: &str, link: &str) -> LinkUse {
        let found = self.0.iter().find(|found| found.circuit == circuit && found.link == link);
        found.map_or(LinkUse::InUse, |found| found.link_use)
    }

    /// The use of a link with routes. A link to a virtual network or to services is always in use.
    pub(super) fn use_of_key(&self, key: &RoutedKey) -> LinkUse {
        match key {
            RoutedKey::Peering { circuit, link, .. } => self.use_of(circuit, link.as_str()),
            RoutedKey::Vnet { .. } | RoutedKey::Services => LinkUse::InUse,
        }
    }

    /// Changes the use of a link.
    pub(super) fn set(&mut self, link: LinkOutOfUse) {
        self.0.retain(|found| found.circuit != link.circuit || found.link != link.link);
        if link.link_use != LinkUse::InUse {
            self.0.push(link);
        }
    }

    /// The entries whose links a configuration has.
    pub(super) fn of(&self, config: &Config) -> Self {
        let is_there = |out: &&LinkOutOfUse| {
            let mut links = config.peering_links();
            links.any(|it| it.circuit.name == out.circuit && it.link.link.as_str() == out.link)
        };
        Self(self.0.iter().filter(is_there).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(circuit: &str, link: &str, link_use: LinkUse) -> LinkOutOfUse {
        let since = "2026-01-01T00:00:00Z".parse().unwrap();
        let (circuit, link) = (circuit.to_owned(), link.to_owned());
        LinkOutOfUse { circuit, link, link_use, since, user: None, message: None }
    }

    #[test]
    fn links_out_of_use_outlive_the_daemon() {
        let directory = tempfile::TempDir::new().unwrap();
        let mut drains = Drains::read(directory.path()).unwrap();
        assert_eq!(drains, Drains::default());
        drains.set(link("contoso", "primary", LinkUse::Draining));
        drains.set(link("contoso", "secondary", LinkUse::Draining));
        drains.set(link("contoso", "primary", LinkUse::Drained));
        drains.write(directory.path()).unwrap();
        let mut read = Drains::read(directory.path()).unwrap();
        assert_eq!(read.use_of("contoso", "primary"), LinkUse::Drained);
        assert_eq!(read.use_of("contoso", "secondary"), LinkUse::Draining);
        assert_eq!(read.use_of("fabrikam", "secondary"), LinkUse::InUse);
        let vnet = RoutedKey::Vnet { circuit: "contoso".to_owned(), vnet: "primary".to_owned() };
        assert_eq!(read.use_of_key(&vnet), LinkUse::InUse);
        for name in ["primary", "secondary"] {
            read.set(link("contoso", name, LinkUse::InUse));
        }
        read.write(directory.path()).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}
