//! States of the links of routed peerings, by which their availability is counted.

use super::{port::Link, spelled::spelled, treatment::PeeringKind};

spelled! {
    /// The state of a routed peering's link.
    pub enum LinkState {
        /// It carries traffic: it is in use, its session is established, its neighbour known, and BFD not lost in this
        /// session.
        Up = "up",
        /// It is in use and carries none.
        Down = "down",
        /// It is out of use on purpose.
        Planned = "planned",
        /// Nobody knows.
        Unknown = "unknown",
        /// The configuration has no such link.
        Absent = "absent",
    }
}

spelled! {
    /// The reason for a link's state: the first of these that holds.
    pub enum LinkReason {
        /// It is up.
        Up = "up",
        /// The configuration has no such link any more.
        Removed = "removed",
        /// Its circuit is disabled.
        Disabled = "disabled",
        /// It is out of use by `edge drain`.
        Drained = "drained",
        /// Its port has no carrier.
        Carrier = "carrier",
        /// No BGP session is established.
        Session = "session",
        /// The session is established, and BFD has lost the peer within it.
        Bfd = "bfd",
        /// The neighbour has not answered ARP or neighbour discovery.
        Neighbour = "neighbour",
        /// Neither the edge nor its BGP speaker has seen it.
        Unseen = "unseen",
    }
}

/// The name of a link of a routed peering.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PeeringLinkName {
    /// The edge's name.
    pub edge: String,
    /// The circuit's name.
    pub circuit: String,
    /// The peering.
    pub peering: PeeringKind,
    /// The link.
    pub link: Link,
}
