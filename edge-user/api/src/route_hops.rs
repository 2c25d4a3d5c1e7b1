//! The way of frames to some addresses.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The way of frames to some addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteHops {
    /// The fate of the frames.
    pub action: RouteAction,
    /// Next hops, where they are forwarded. Flows are spread over those that are live.
    pub hops: Vec<NextHopStatus>,
}

/// The fate of frames to some addresses.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RouteAction {
    /// They are sent to a next hop.
    Forward,
    /// The address is the edge's own.
    Local,
    /// They are dropped, and nobody is told.
    Blackhole,
}

/// A neighbour that frames can be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NextHopStatus {
    /// Its address.
    #[schema(value_type = String)]
    pub next_hop: IpAddr,
    /// The port that it is behind.
    pub port: String,
    /// `primary` or `secondary`; null for a virtual network's gateway.
    pub link: Option<String>,
    /// The virtual network, where it is one's gateway.
    pub vnet: Option<String>,
    /// The circuit and the peering that police and meter the frames, such as `contoso/private`.
    pub owner: String,
    /// Its MAC address; null: it has not answered (ARP, neighbour discovery).
    pub neighbour_mac: Option<String>,
    /// Whether its link is up. Frames go to no other next hops while there is one.
    pub live: bool,
}

impl RouteAction {
    /// Its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Local => "local",
            Self::Blackhole => "blackhole",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_documents() {
        for action in [RouteAction::Forward, RouteAction::Local, RouteAction::Blackhole] {
            assert_eq!(serde_json::to_value(action).unwrap(), action.as_str());
        }
    }
}
