//! The settings of the routing daemon, and of every routed peering.

use std::{net::Ipv4Addr, path::PathBuf, time::Duration};

use serde::Serialize;

/// `[routing]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoutingConfig {
    /// The program that fills the kernel's routing tables.
    pub daemon: RoutingDaemon,
    /// Location of circuits that name none, in [`super::Catalogue::locations`].
    pub location: Option<String>,
    /// Name of the network namespace with these tables, as `ip netns` shows it.
    pub netns: String,
    /// The first kernel table of routing domains: from 256.
    pub table: u32,
    /// Timers of BFD where a peering has none of its own; `None`: no BFD there.
    pub bfd: Option<BfdTimers>,
    /// Time that routes of a neighbour stay while it restarts, in whole seconds up to 4,095 (RFC 4724,
    /// section 3); zero: no graceful restart.
    pub graceful_restart: Duration,
    /// ICMP answers a second and peering-link, at the most; 0: none.
    pub icmp_rate_per_s: u32,
    /// Frames a second and peering-link that go to the router itself, at the most.
    pub punt_rate_per_s: u32,
}

/// The program that fills the kernel's routing tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum RoutingDaemon {
    /// BIRD, which the edge starts and configures.
    Bird {
        /// The executable; `None`: the one in `PATH`.
        command: Option<PathBuf>,
        /// The edge's AS.
        asn: u32,
        /// The edge's BGP identifier (RFC 6286).
        router_id: Ipv4Addr,
    },
    /// One that the edge knows nothing of, or `ip route`.
    None,
}

/// Timers of BFD, for both directions (RFC 5880, section 6.8.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct BfdTimers {
    /// Time between two packets: 10 ms to 10 s, in whole milliseconds.
    pub interval: Duration,
    /// Packets that are missed before the neighbour counts as gone: 2 to 50.
    pub multiplier: u8,
}

impl RoutingConfig {
    /// The edge's AS; `None`: the edge speaks no BGP.
    #[must_use]
    pub const fn asn(&self) -> Option<u32> {
        match self.daemon {
            RoutingDaemon::Bird { asn, .. } => Some(asn),
            RoutingDaemon::None => None,
        }
    }
}
