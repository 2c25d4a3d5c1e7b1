//! The edge of the demo, and its router, of which nothing is to be left.

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_api::{Client, LivenessState, SessionStatus, Status};

use crate::{
    billing::ledger::{Ledger, UsageQuery, UsageRecord},
    lab::{edge::EdgeProcess, exchange::Exchange, netns::NetNs, patience::wait},
};

const CONFIG: &str = "/run/edge/demo.toml";
const CONTROL: &str = "/run/edge/control.sock";
/// The router's namespace.
const ROUTING: &str = "/run/netns/edge-routing";
/// Another name for the running binary, which works wherever that is.
const SELF: &str = "/proc/self/exe";

/// A running edge. Dropping it ends it, and its router.
pub(super) struct RoutedEdge {
    /// `None` where it has ended.
    process: Option<EdgeProcess>,
    ns: NetNs,
    client: Client,
}

impl RoutedEdge {
    /// Starts it, and waits until frames flow.
    pub(super) fn start(exchange: &Exchange) -> Result<Self> {
        let config = exchange.keyed_config()?.to_string();
        fs::write(CONFIG, config).with_context(|| format!("cannot write {CONFIG}"))?;
        // First, so that it goes whatever comes of the start.
        let client = Client::new(Path::new(CONTROL));
        let mut edge = Self { process: None, ns: exchange.edge.clone(), client };
        edge.process = Some(EdgeProcess::start(&edge.ns, Path::new(SELF), Path::new(CONFIG))?);
        Ok(edge)
    }

    /// The lines that it has written since the last call of this.
    pub(super) fn said(&self) -> String {
        self.process.as_ref().map(EdgeProcess::said).unwrap_or_default()
    }

    /// Its BGP sessions.
    pub(super) fn sessions(&self) -> Result<Vec<SessionStatus>> {
        Ok(self.client.sessions()?.sessions)
    }

    /// Waits until all sessions are up, have their routes and BFD, and returns the time that it took.
    pub(super) fn wait_for_sessions(&self) -> Result<Duration> {
        let begun = Instant::now();
        let is_whole = |session: &SessionStatus| {
            let bfd = session.bfd.as_ref().map(|bfd| bfd.state);
            let routes = session.routes == 1 && session.routes_told == 1;
            session.is_up() && routes && bfd == Some(LivenessState::Up)
        };
        wait(|| Ok(self.sessions()?.iter().all(is_whole).then_some(())))
            .with_context(|| format!("not all sessions are up: {:?}", self.sessions()))?;
        Ok(begun.elapsed())
    }

    /// Waits until the sessions on a circuit's primary link are down.
    pub(super) fn wait_for_loss(&self, circuit: &str) -> Result<()> {
        let is_lost = |session: &SessionStatus| {
            let is_of_it = session.circuit == circuit && session.link.as_deref() == Some("primary");
            !is_of_it || !session.is_up()
        };
        wait(|| Ok(self.sessions()?.iter().all(is_lost).then_some(())))
            .context("the edge does not notice that a link is cut")
    }

    /// Its status.
    pub(super) fn status(&self) -> Result<Status> {
        Ok(self.client.status()?)
    }

    /// The contents of its ledger, with all that was counted until now.
    pub(super) fn usage(&self) -> Result<Vec<UsageRecord>> {
        let booked = self.client.book()?;
        let ledger = Ledger::open_read_only(&booked.state_dir)?;
        Ok(ledger.usage(&UsageQuery::default())?)
    }

    /// Ends it; an error where something of it is left.
    pub(super) fn end(mut self) -> Result<()> {
        self.remove();
        ensure!(!is_left(), "the edge has left its routing namespace {ROUTING}");
        Ok(())
    }

    fn remove(&mut self) {
        drop(self.process.take());
        // Only where the daemon could not do so itself.
        if is_left()
            && let Err(error) = self.ns.output(SELF, &["detach", "-c", CONFIG])
        {
            tracing::warn!("{error:#}");
        }
    }
}

impl Drop for RoutedEdge {
    fn drop(&mut self) {
        self.remove();
    }
}

fn is_left() -> bool {
    Path::new(ROUTING).exists()
}
