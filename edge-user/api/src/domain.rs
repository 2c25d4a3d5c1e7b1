//! The status of routing domains and of the sessions in them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::RouteFamily;

/// Numbers of BGP sessions. Each has one address family.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SessionCounts {
    /// Sessions of the configuration.
    pub configured: u32,
    /// Sessions that are established.
    pub up: u32,
    /// The reason why the BGP speaker has not told which are; `up` is 0 then.
    #[serde(default)]
    pub fault: Option<String>,
}

/// A routing domain: a routed peering of a circuit, with the virtual networks that it reaches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DomainStatus {
    /// The circuit's name.
    pub circuit: String,
    /// `private`, `public` or `microsoft`.
    pub peering: String,
    /// IPv4 routes that frames are forwarded by, of both sides.
    pub routes_v4: u32,
    /// IPv6 routes likewise.
    pub routes_v6: u32,
    /// Lines of 64 bytes that its forwarding tables have in memory. Equal tables of several domains
    /// share their lines, and each domain counts them.
    pub tree_lines: u32,
    /// Times that a forwarding table of it was replaced since the daemon's start.
    pub generation: u64,
    /// Seconds since the last replacement; null: its tables are as an earlier daemon left them, or
    /// have not been filled yet.
    pub age_s: Option<f64>,
    /// The reason why the forwarding tables are not as the routes are, and its remedy. Frames are
    /// forwarded by the tables from before.
    pub fault: Option<String>,
    /// Seconds for which the forwarding tables have been behind the routes; 0: they are not.
    pub lag_s: f64,
    /// BGP sessions of the configuration, of both families.
    pub sessions: u32,
    /// The neighbours that its frames are sent to.
    pub neighbours: Vec<NeighbourStatus>,
    /// The links of its peering. With one, it has no SLA.
    #[serde(default)]
    pub links: Vec<LinkStatus>,
}

/// A link of a routed peering.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LinkStatus {
    /// `primary` or `secondary`.
    pub link: String,
    /// `up`, `down`, `planned` or `unknown`.
    pub state: String,
    /// The reason: `up`, `disabled`, `drained`, `carrier`, `session`, `bfd`, `neighbour` or `unseen`.
    pub reason: String,
    /// Percentage of the last minute in which the neighbour was known by ARP or neighbour discovery, with a carrier.
    pub arp_availability_percent: Option<f64>,
    /// Percentage of the last minute in which a BGP session was established; null: nobody tells, or the link has none.
    pub bgp_availability_percent: Option<f64>,
}

/// A neighbour in one address family: the customer's router on a link, or a virtual network's
/// gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct NeighbourStatus {
    /// `primary` or `secondary`; null for a virtual network's gateway.
    pub link: Option<String>,
    /// The virtual network, where the neighbour is its gateway.
    pub vnet: Option<String>,
    /// The port that it is behind.
    pub port: String,
    /// The family of its address.
    pub family: RouteFamily,
    /// Its address.
    #[schema(value_type = String)]
    pub address: IpAddr,
    /// Its MAC address; null: it has not answered (ARP, neighbour discovery).
    pub mac: Option<String>,
    /// The edge's MAC address towards it.
    pub own_mac: String,
    /// Whether the port has a carrier and the link is in use.
    pub link_up: bool,
}

impl NeighbourStatus {
    /// Whether frames reach it: it has answered, and the link is up.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        self.link_up && self.mac.is_some()
    }
}

impl SessionCounts {
    /// Whether there is something that an operator should look into.
    #[must_use]
    pub const fn is_alarming(&self) -> bool {
        self.fault.is_some() || self.up < self.configured
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = r#"{"circuit":"contoso","peering":"private","routes_v4":12,"routes_v6":0,
"tree_lines":9,"generation":3,"age_s":1.5,"fault":"no room","lag_s":0.25,"sessions":2,"neighbours":[{
"link":"primary","vnet":null,"port":"customer0","family":"ipv4","address":"192.168.15.17","mac":
"02:00:00:00:00:01","own_mac":"02:ed:00:00:00:01","link_up":true}],"links":[{"link":"primary","state":"up","reason":"up",
"arp_availability_percent":100.0,"bgp_availability_percent":null}]}"#;

    #[test]
    fn the_json_is_pinned() {
        let document = DOCUMENT.replace('\n', "");
        let domain: DomainStatus = serde_json::from_str(&document).unwrap();
        assert_eq!(serde_json::to_string(&domain).unwrap(), document);
        let counts = SessionCounts { configured: 2, up: 2, fault: None };
        let json = r#"{"configured":2,"up":2,"fault":null}"#;
        assert_eq!(serde_json::to_string(&counts).unwrap(), json);
        assert!(!counts.is_alarming());
        assert!(SessionCounts { up: 1, ..counts.clone() }.is_alarming());
        assert!(SessionCounts { fault: Some("silent".to_owned()), ..counts }.is_alarming());
    }

    #[test]
    fn a_neighbour_is_up_while_it_answers_on_a_link_that_is_up() {
        let domain: DomainStatus = serde_json::from_str(&DOCUMENT.replace('\n', "")).unwrap();
        let neighbour = &domain.neighbours[0];
        assert!(neighbour.is_up());
        assert!(!NeighbourStatus { mac: None, ..neighbour.clone() }.is_up());
        assert!(!NeighbourStatus { link_up: false, ..neighbour.clone() }.is_up());
    }
}
