//! Routed peerings, with the links that they have.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    path::PathBuf,
};

use ipnet::IpNet;
use serde::Serialize;

use super::{BfdTimers, Community, Link};
use crate::model::spelled::spelled;

/// The part of a `[[circuit.peering]]` that makes it a routing domain instead of a wire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoutedPeering {
    /// The BGP session on each link; `None`: the peering has static routes alone.
    pub session: Option<CustomerSession>,
    /// Its links: one or two, the primary one first.
    pub links: Vec<RoutedLink>,
    /// Sources that frames from the customer may have.
    pub source_check: SourceCheck,
    /// Prefixes that lead to the customer without being announced, in the file's order.
    pub static_routes: Vec<IpNet>,
    /// Registered prefixes: the only ones that a public or Microsoft peering may announce and send from, and of
    /// which no two peerings have one. Empty on a private peering.
    pub advertised_prefixes: Vec<IpNet>,
    /// Communities of the regions and services that a public or Microsoft peering reaches; empty: it reaches none.
    pub route_filter: Vec<Community>,
}

/// The BGP session that a routed peering has on each of its links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CustomerSession {
    /// The customer's AS.
    pub peer_asn: u32,
    /// The file with the key of TCP's MD5 option (RFC 2385). [`super::super::read_key`] reads it; no
    /// configuration has the key itself.
    pub key_file: Option<PathBuf>,
    /// IPv4 routes that the customer may announce on a link, before any filter.
    pub max_routes: u32,
    /// IPv6 routes likewise.
    pub max_routes_v6: u32,
    /// Timers of BFD; `None`: no BFD.
    pub bfd: Option<BfdTimers>,
    /// Whether the edge waits for the customer's connection.
    pub passive: bool,
    /// Whether packets of the session must have come without a hop in between (RFC 5082).
    pub ttl_security: bool,
}

/// A link of a routed peering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RoutedLink {
    /// Primary or secondary.
    pub link: Link,
    /// Name of the customer-side port that the link is on.
    pub port: String,
    /// IPv4 addresses; `None`: the link has no IPv4.
    pub v4: Option<LinkEnds<Ipv4Addr>>,
    /// IPv6 addresses; `None`: the link has no IPv6.
    pub v6: Option<LinkEnds<Ipv6Addr>>,
}

/// The addresses of a link's two ends, in one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct LinkEnds<A> {
    /// The edge's address.
    pub own: A,
    /// The customer's router, or the gateway of a VNet.
    pub peer: A,
    /// Length of the prefix that both are in, in bits.
    pub prefix_len_bits: u8,
}

spelled! {
    /// Sources that frames from a routed peering's customer may have.
    pub enum SourceCheck {
        /// Any.
        Off = "off",
        /// Addresses that the customer has routes for, on either link, static ones included.
        Advertised = "advertised",
        /// Addresses that the customer has routes for on the link that the frame comes by.
        Strict = "strict",
        /// Addresses within the peering's registered prefixes.
        Registered = "registered",
    }
}

impl RoutedPeering {
    /// IPv4 and IPv6 routes towards the customer, at the most: those of both links, and static ones.
    #[must_use]
    pub fn most_routes(&self) -> (u64, u64) {
        let (v4, v6) = self.session.as_ref().map_or((0, 0), |session| {
            (u64::from(session.max_routes), u64::from(session.max_routes_v6))
        });
        let links = self.links.len() as u64;
        let static_v4 = self.static_routes.iter().filter(|route| route.addr().is_ipv4()).count();
        let static_v6 = self.static_routes.len() - static_v4;
        (links * v4 + static_v4 as u64, links * v6 + static_v6 as u64)
    }
}
