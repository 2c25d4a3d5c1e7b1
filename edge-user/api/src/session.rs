//! The status of BGP sessions.

use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The BGP sessions of an edge. `edge sessions --json` prints this document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// The sessions, in configuration order; IPv4 before IPv6.
    pub sessions: Vec<SessionStatus>,
}

/// A BGP session of one address family: with a customer's router on one link of a peering, or with
/// the gateway of a virtual network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionStatus {
    /// The circuit's name.
    pub circuit: String,
    /// `private`, `public` or `microsoft`; `private` for a virtual network's gateway.
    pub peering: String,
    /// `primary` or `secondary`; null for a virtual network's gateway.
    pub link: Option<String>,
    /// Its state.
    pub state: SessionState,
    /// Begin of the state, up or not: the stages of a connection that is being made don't change
    /// it. Null where the BGP speaker has not told it yet.
    pub since: Option<Timestamp>,
    /// Routes that the peer told, refused ones included: these count for the limit.
    pub routes: u32,
    /// The highest number of routes that the peer may tell.
    pub limit: u32,
    /// Its BFD session; null: it has none.
    pub bfd: Option<BfdStatus>,
    /// The last fault, even if the session is up again.
    pub last_error: Option<String>,
    /// The virtual network, where the peer is its gateway.
    pub vnet: Option<String>,
    /// The address family whose routes it carries.
    pub family: RouteFamily,
    /// The edge's address.
    #[schema(value_type = String)]
    pub own: IpAddr,
    /// The peer's address.
    #[schema(value_type = String)]
    pub peer: IpAddr,
    /// The peer's AS number.
    pub peer_asn: u32,
    /// The edge's MAC address towards the peer.
    pub own_mac: String,
    /// The peer's MAC address; null: it has not answered (ARP, neighbour discovery).
    pub neighbour_mac: Option<String>,
    /// Routes among `routes` that the edge refused by its rules.
    pub routes_refused: u32,
    /// Routes that the peer was told.
    pub routes_told: u32,
    /// Whether the peer told more routes than `limit`, which ended the session.
    pub over_limit: bool,
}

/// States of a session: those of RFC 4271, 8.2.2, and a few before and after them.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum SessionState {
    /// The BGP speaker has not told its state yet.
    Unknown,
    /// Shut down, or not enabled.
    Down,
    /// Waiting, after an error or for its link.
    Idle,
    /// Waiting for the peer to connect.
    Passive,
    /// Connecting.
    Connect,
    /// Waiting for the next try to connect.
    Active,
    /// Connected; the peer has not introduced itself.
    OpenSent,
    /// The peer has introduced itself.
    OpenConfirm,
    /// Up.
    Established,
    /// Closing its connection.
    Closing,
}

/// A BFD session (RFC 5880).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BfdStatus {
    /// Its state.
    pub state: LivenessState,
    /// Begin of the state.
    pub since: Option<Timestamp>,
    /// Interval between packets of the edge, in milliseconds; 0: none was sent.
    pub interval_ms: u64,
    /// Time without a packet after which the peer is taken for gone, in milliseconds.
    pub timeout_ms: u64,
}

/// States of RFC 5880, 4.1.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum LivenessState {
    /// Held down by one end.
    AdminDown,
    /// No packet comes.
    Down,
    /// Packets come, and the peer has not heard ours.
    Init,
    /// Both ends hear each other.
    Up,
}

/// A family of addresses.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RouteFamily {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl SessionStatus {
    /// Whether it is established.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.state == SessionState::Established
    }
}

impl SessionState {
    /// Its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Down => "down",
            Self::Idle => "idle",
            Self::Passive => "passive",
            Self::Connect => "connect",
            Self::Active => "active",
            Self::OpenSent => "open-sent",
            Self::OpenConfirm => "open-confirm",
            Self::Established => "established",
            Self::Closing => "closing",
        }
    }
}

impl LivenessState {
    /// Its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AdminDown => "admin-down",
            Self::Down => "down",
            Self::Init => "init",
            Self::Up => "up",
        }
    }
}

impl RouteFamily {
    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// Its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Names and order of fields are what programs rely on.
    const DOCUMENT: &str = r#"{"sessions":[{"circuit":"contoso","peering":"private","link":"primary",
"state":"established","since":"2026-01-02T03:04:05.678Z","routes":12,"limit":4000,"bfd":{"state":"up",
"since":"2026-01-02T03:04:04Z","interval_ms":300,"timeout_ms":900},"last_error":null,"vnet":null,
"family":"ipv4","own":"192.168.15.18","peer":"192.168.15.17","peer_asn":65001,"own_mac":
"02:ed:00:00:00:01","neighbour_mac":"02:00:00:00:00:01","routes_refused":2,"routes_told":3,
"over_limit":false},{"circuit":"contoso","peering":"private","link":null,"state":"open-sent","since":
null,"routes":0,"limit":100,"bfd":null,"last_error":"the connection failed: refused","vnet":"hub",
"family":"ipv6","own":"fd00::1","peer":"fd00::2","peer_asn":65515,"own_mac":"02:ed:00:00:00:02",
"neighbour_mac":null,"routes_refused":0,"routes_told":0,"over_limit":true}]}"#;

    #[test]
    fn the_json_is_pinned() {
        let document = DOCUMENT.replace('\n', "");
        let sessions: Sessions = serde_json::from_str(&document).unwrap();
        let is_up: Vec<bool> = sessions.sessions.iter().map(SessionStatus::is_up).collect();
        assert_eq!(is_up, [true, false]);
        assert_eq!(serde_json::to_string(&sessions).unwrap(), document);
    }

    #[test]
    fn names_are_those_of_the_documents() {
        use LivenessState as Bfd;
        use SessionState as Bgp;
        for state in [
            Bgp::Unknown,
            Bgp::Down,
            Bgp::Idle,
            Bgp::Passive,
            Bgp::Connect,
            Bgp::Active,
            Bgp::OpenSent,
            Bgp::OpenConfirm,
            Bgp::Established,
            Bgp::Closing,
        ] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for state in [Bfd::AdminDown, Bfd::Down, Bfd::Init, Bfd::Up] {
            assert_eq!(serde_json::to_value(state).unwrap(), state.as_str());
        }
        for address in ["10.0.0.1", "fd00::1"] {
            let family = RouteFamily::of(address.parse().unwrap());
            assert_eq!(serde_json::to_value(family).unwrap(), family.as_str());
        }
    }
}
