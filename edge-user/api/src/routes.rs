//! The routes of a peering, from several points of view.

use std::{net::IpAddr, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RouteHops;

/// The routes of a peering. `edge routes CIRCUIT PEERING --json` prints this document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Routes {
    /// The circuit's name.
    pub circuit: String,
    /// `private`, `public` or `microsoft`.
    pub peering: String,
    /// The view, and its routes.
    #[serde(flatten)]
    pub listing: RouteListing,
}

/// A point of view on the routes of a peering.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RoutesView {
    /// Routes that peers told, refused ones included.
    Received,
    /// Routes that peers are told.
    Advertised,
    /// The forwarding table, read back from the tables that frames are forwarded by.
    #[default]
    Forwarding,
    /// Addresses whose way differs between the kernel's routing table and the forwarding table.
    Diff,
}

/// The routes of one view.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "view", rename_all = "kebab-case")]
pub enum RouteListing {
    /// Routes that peers told, by link and prefix.
    Received {
        /// The routes.
        routes: Vec<ReceivedRoute>,
    },
    /// Routes that peers are told, by link and prefix.
    Advertised {
        /// The routes.
        routes: Vec<BgpRoute>,
    },
    /// The forwarding table, by side and address. Addresses without a route are left out.
    Forwarding {
        /// The intervals.
        routes: Vec<ForwardingRoute>,
    },
    /// Addresses whose way differs, by side and address; none: the tables agree.
    Diff {
        /// The intervals.
        routes: Vec<RouteDifference>,
    },
}

/// A route as BGP has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BgpRoute {
    /// The prefix, such as `10.1.0.0/16`.
    pub prefix: String,
    /// `primary` or `secondary`; null where the peer is a virtual network's gateway.
    pub link: Option<String>,
    /// The virtual network, where the peer is its gateway.
    pub vnet: Option<String>,
    /// The next hop; null where the speaker does not tell it.
    #[schema(value_type = Option<String>)]
    pub next_hop: Option<IpAddr>,
    /// The AS path: numbers with spaces between them, sets in braces.
    pub as_path: Option<String>,
    /// The local preference.
    pub local_preference: Option<u32>,
    /// The multi-exit discriminator.
    pub med: Option<u32>,
    /// Communities, such as `12076:51002`.
    pub communities: Vec<String>,
    /// The time of its last change.
    pub since: Option<Timestamp>,
}

/// A route that a peer told, and the edge's use of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReceivedRoute {
    /// The route.
    #[serde(flatten)]
    pub route: BgpRoute,
    /// The edge's use of it.
    pub standing: RouteStanding,
}

/// The edge's use of a route that a peer told.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RouteStanding {
    /// Frames are forwarded by it.
    Used,
    /// Another route to the prefix is better.
    Spare,
    /// The edge refused it by its rules: for example, a prefix that is not among the peering's
    /// `advertised_prefixes`.
    Refused,
}

/// A side of a routing domain.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum RouteSide {
    /// The customer's: destinations of frames from the core.
    Customer,
    /// Virtual networks and services: destinations of frames from the customer.
    Cloud,
}

/// An interval of addresses of one side that have one way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ForwardingRoute {
    /// The side that the addresses are on.
    pub side: RouteSide,
    /// The interval as a prefix, where it is one.
    pub prefix: Option<String>,
    /// Its first address.
    #[schema(value_type = String)]
    pub first: IpAddr,
    /// Its last address.
    #[schema(value_type = String)]
    pub last: IpAddr,
    /// The way of frames to it.
    #[serde(flatten)]
    pub way: RouteHops,
}

/// An interval of addresses whose way differs between two tables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RouteDifference {
    /// The side that the addresses are on.
    pub side: RouteSide,
    /// The interval as a prefix, where it is one.
    pub prefix: Option<String>,
    /// Its first address.
    #[schema(value_type = String)]
    pub first: IpAddr,
    /// Its last address.
    #[schema(value_type = String)]
    pub last: IpAddr,
    /// The way that the kernel's routing table has; null: it has no route.
    pub kernel: Option<RouteHops>,
    /// The way that the forwarding table has; null: it has no route.
    pub forwarding: Option<RouteHops>,
}

impl RoutesView {
    /// Every view.
    pub const ALL: [Self; 4] = [Self::Received, Self::Advertised, Self::Forwarding, Self::Diff];

    /// Its name in documents and requests.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Received => "received",
            Self::Advertised => "advertised",
            Self::Forwarding => "forwarding",
            Self::Diff => "diff",
        }
    }
}

impl FromStr for RoutesView {
    /// A sentence with the names that there are.
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let view = Self::ALL.into_iter().find(|view| view.as_str() == name);
        view.ok_or_else(|| "give received, advertised, forwarding or diff".to_owned())
    }
}

impl RouteListing {
    /// The view that it is of.
    #[must_use]
    pub const fn view(&self) -> RoutesView {
        match self {
            Self::Received { .. } => RoutesView::Received,
            Self::Advertised { .. } => RoutesView::Advertised,
            Self::Forwarding { .. } => RoutesView::Forwarding,
            Self::Diff { .. } => RoutesView::Diff,
        }
    }
}

impl RouteStanding {
    /// Its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Used => "used",
            Self::Spare => "spare",
            Self::Refused => "refused",
        }
    }
}

impl RouteSide {
    /// Its name in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Customer => "customer",
            Self::Cloud => "cloud",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BGP: &str = r#""prefix":"10.9.0.0/16","link":"primary","vnet":null,"next_hop":
"192.168.15.17","as_path":"65001 {65002}","local_preference":100,"med":null,"communities":
["12076:51002"],"since":"2026-01-02T03:04:05Z""#;
    const INTERVAL: &str =
        r#""side":"cloud","prefix":"10.1.0.0/16","first":"10.1.0.0","last":"10.1.255.255""#;
    const WAY: &str = r#""action":"forward","hops":[{"next_hop":"10.1.255.6","port":"core0","link":
null,"vnet":"hub","owner":"contoso/private","neighbour_mac":null,"live":true}]"#;

    #[test]
    fn the_json_of_each_view_is_pinned() {
        for (view, route) in [
            ("received", format!(r#"{{{BGP},"standing":"refused"}}"#)),
            ("advertised", format!("{{{BGP}}}")),
            ("forwarding", format!("{{{INTERVAL},{WAY}}}")),
            (
                "diff",
                format!(
                    r#"{{{INTERVAL},"kernel":null,"forwarding":{{"action":"local","hops":[]}}}}"#
                ),
            ),
        ] {
            let json = format!(
                r#"{{"circuit":"contoso","peering":"private","view":"{view}","routes":[{route}]}}"#
            );
            let json = json.replace('\n', "");
            let routes: Routes = serde_json::from_str(&json).unwrap();
            assert_eq!(routes.listing.view().as_str(), view);
            assert_eq!(serde_json::to_string(&routes).unwrap(), json);
        }
    }

    #[test]
    fn names_are_those_of_the_documents() {
        for view in RoutesView::ALL {
            assert_eq!(serde_json::to_value(view).unwrap(), view.as_str());
            assert_eq!(view.as_str().parse(), Ok(view));
        }
        let error = "received ".parse::<RoutesView>().unwrap_err();
        assert_eq!(error, "give received, advertised, forwarding or diff");
        for standing in [RouteStanding::Used, RouteStanding::Spare, RouteStanding::Refused] {
            assert_eq!(serde_json::to_value(standing).unwrap(), standing.as_str());
        }
        for side in [RouteSide::Customer, RouteSide::Cloud] {
            assert_eq!(serde_json::to_value(side).unwrap(), side.as_str());
        }
    }
}
