//! The engine's sockets in the routing namespace.

use std::time::Instant;

use super::neighbourhood::Neighbourhood;
use crate::routing::{
    devices::RoutingSettings,
    feed::{
        error::Result,
        feeder::RouteFeed,
        listener::RouteListener,
        namespace::Namespace,
        schedule::Pacing,
        tables::{TableDump, Tables},
    },
};

/// Routes and neighbours of the routing namespace.
pub(super) struct KernelView {
    pub(super) feed: RouteFeed,
    pub(super) neighbourhood: Neighbourhood,
}

impl KernelView {
    /// Opens it in the namespace that has the name now.
    pub(super) fn open(
        settings: &RoutingSettings,
        pacing: Pacing,
        hold_until: Instant,
    ) -> Result<Self> {
        let namespace = Namespace::at(&settings.path())?;
        let feed = RouteFeed::open(&namespace, pacing)?;
        // After the feed: it hears of neighbours from now on.
        let neighbourhood = Neighbourhood::open(&namespace, hold_until)?;
        Ok(Self { feed, neighbourhood })
    }
}

/// The kernel's table, read now.
pub(super) fn read_table(settings: &RoutingSettings, table: u32) -> Result<TableDump> {
    let namespace = Namespace::at(&settings.path())?;
    let mut listener = RouteListener::open(&namespace)?;
    listener.follow(table);
    Tables::open(&namespace)?.dump(table, &mut listener)
}
