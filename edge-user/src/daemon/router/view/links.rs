//! The links of a configuration, as those see them who look.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use edge_api::RouteFamily;

use crate::{
    config::{
        Config, CustomerSession, LinkEnds, RoutedKey, SERVICE_NETWORK, ServiceNetwork, VnetLink,
        VnetRoutes,
    },
    model::{Link, PeeringKind},
    plan::{DomainInterface, Plan},
    routing::bird::{
        model::{AddressFamily, DomainSide},
        names::SessionName,
    },
};

/// A link of the router, with the names that documents have for it.
#[derive(Clone, Debug)]
pub(super) struct ShownLink {
    pub(super) circuit: String,
    pub(super) peering: PeeringKind,
    /// `None`: it leads to a virtual network.
    pub(super) link: Option<Link>,
    pub(super) vnet: Option<String>,
    pub(super) port: String,
    pub(super) index: u32,
    pub(super) side: DomainSide,
    pub(super) ends: Vec<SeenEnds>,
    pub(super) session: Option<SessionTerms>,
}

/// The addresses of a link in one family.
#[derive(Clone, Copy, Debug)]
pub(super) struct SeenEnds {
    pub(super) own: IpAddr,
    pub(super) peer: IpAddr,
}

/// The terms of a link's BGP sessions.
#[derive(Clone, Copy, Debug)]
pub(super) struct SessionTerms {
    pub(super) peer_asn: u32,
    pub(super) limit_v4: u32,
    pub(super) limit_v6: u32,
}

/// All links of `plan`, domain by domain in the file's order: peering-links before those to virtual networks. That
/// to the service network is the last.
pub(super) fn shown_links(config: &Config, plan: &Plan) -> Vec<ShownLink> {
    let mut terms: BTreeMap<RoutedKey, SessionTerms> = BTreeMap::new();
    for link in config.peering_links() {
        let session = link.routed.session.as_ref().map(customer_terms);
        terms.extend(session.map(|session| (link.key(), session)));
    }
    for vnet in config.vnet_links() {
        terms.extend(gateway_terms(vnet.link).map(|session| (vnet.key(), session)));
    }
    if let Some(asn) = config.service_network.as_ref().and_then(|network| network.asn) {
        let session = SessionTerms {
            peer_asn: asn,
            limit_v4: ServiceNetwork::MAX_ROUTES,
            limit_v6: ServiceNetwork::MAX_ROUTES_V6,
        };
        terms.insert(RoutedKey::Services, session);
    }
    let services = plan.services.iter().map(|services| {
        let session = terms.get(&RoutedKey::Services).copied();
        of_services(&services.link, session)
    });
    let links = plan.domains.iter().flat_map(|domain| {
        let customer = domain.customer.iter().map(|link| (link, DomainSide::Customer));
        let cloud = domain.cloud.iter().map(|link| (link, DomainSide::Cloud));
        customer.chain(cloud).map(|(link, side)| {
            let (number, vnet) = match &link.key {
                RoutedKey::Peering { link, .. } => (Some(*link), None),
                RoutedKey::Vnet { vnet, .. } => (None, Some(vnet.clone())),
                RoutedKey::Services => (None, Some(SERVICE_NETWORK.to_owned())),
            };
            ShownLink {
                circuit: domain.circuit.clone(),
                peering: domain.peering,
                link: number,
                vnet,
                port: link.port.clone(),
                index: link.index,
                side,
                ends: ends(link.v4, link.v6),
                session: terms.get(&link.key).copied(),
            }
        })
    });
    links.chain(services).collect()
}

/// The link to the service network, which belongs to no circuit.
fn of_services(link: &DomainInterface, session: Option<SessionTerms>) -> ShownLink {
    ShownLink {
        circuit: SERVICE_NETWORK.to_owned(),
        peering: PeeringKind::Microsoft,
        link: None,
        vnet: Some(SERVICE_NETWORK.to_owned()),
        port: link.port.clone(),
        index: link.index,
        side: DomainSide::Cloud,
        ends: ends(link.v4, link.v6),
        session,
    }
}

impl ShownLink {
    /// Whether it belongs to this peering.
    pub(super) fn is_of(&self, circuit: &str, peering: PeeringKind) -> bool {
        self.circuit == circuit && self.peering == peering
    }

    /// The name of the session in the speaker's configuration.
    pub(super) fn session_name(&self, family: RouteFamily) -> SessionName {
        let family = match family {
            RouteFamily::Ipv4 => AddressFamily::V4,
            RouteFamily::Ipv6 => AddressFamily::V6,
        };
        SessionName { index: self.index, side: self.side, family }
    }

    /// The addresses of a family.
    pub(super) fn ends_of(&self, family: RouteFamily) -> Option<SeenEnds> {
        self.ends.iter().find(|ends| ends.family() == family).copied()
    }

    /// The name of its peering-link in documents.
    pub(super) fn link_name(&self) -> Option<String> {
        self.link.map(|link| link.as_str().to_owned())
    }

    /// Circuit and peering in one name.
    pub(super) fn owner(&self) -> String {
        format!("{}/{}", self.circuit, self.peering.as_str())
    }
}

impl SeenEnds {
    /// Their family.
    pub(super) fn family(self) -> RouteFamily {
        RouteFamily::of(self.peer)
    }
}

impl SessionTerms {
    /// The highest number of routes of a family.
    pub(super) fn limit(self, family: RouteFamily) -> u32 {
        match family {
            RouteFamily::Ipv4 => self.limit_v4,
            RouteFamily::Ipv6 => self.limit_v6,
        }
    }
}

fn ends(v4: Option<LinkEnds<Ipv4Addr>>, v6: Option<LinkEnds<Ipv6Addr>>) -> Vec<SeenEnds> {
    let v4 = v4.map(|ends| SeenEnds { own: ends.own.into(), peer: ends.peer.into() });
    let v6 = v6.map(|ends| SeenEnds { own: ends.own.into(), peer: ends.peer.into() });
    v4.into_iter().chain(v6).collect()
}

fn customer_terms(session: &CustomerSession) -> SessionTerms {
    SessionTerms {
        peer_asn: session.peer_asn,
        limit_v4: session.max_routes,
        limit_v6: session.max_routes_v6,
    }
}

fn gateway_terms(vnet: &VnetLink) -> Option<SessionTerms> {
    match vnet.routes {
        VnetRoutes::Bgp { asn, .. } => Some(SessionTerms {
            peer_asn: asn,
            limit_v4: VnetLink::MAX_ROUTES,
            limit_v6: VnetLink::MAX_ROUTES_V6,
        }),
        VnetRoutes::Static(_) => None,
    }
}
