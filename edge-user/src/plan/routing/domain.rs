//! Routing domains: the links that know each other's routes, and no others.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;

use super::told::told_prefixes;
use crate::{
    config::{
        Circuit, CircuitVnet, Config, LinkEnds, Peering, RoutedKey, RoutedPeering, SourceCheck,
        VnetLink, VnetRoutes,
    },
    model::PeeringKind,
    plan::slots::SlotClaim,
};

/// A routed peering, with all VNets that it reaches. Its customer's routes are told to the cloud, and the reverse; a
/// destination is looked up among the routes of the other side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainPlan {
    /// The circuit's name.
    pub circuit: String,
    /// The peering.
    pub peering: PeeringKind,
    /// Whether the circuit's frames are forwarded at all.
    pub is_enabled: bool,
    /// Its table in the kernel, which no other domain has. It is that of the domain's first interface, and stays the
    /// same while that is there.
    pub kernel_table: u32,
    /// Interfaces of its peering-links: the customer's side. At least one.
    pub customer: Vec<DomainInterface>,
    /// Interfaces of its VNet links: the cloud's side.
    pub cloud: Vec<DomainInterface>,
    /// Sources that frames from the customer may have. Those from a VNet have to be among its own routes.
    pub source_check: SourceCheck,
    /// Registered prefixes, the only ones that the customer may announce and send from; empty on a private peering.
    pub registered: Vec<IpNet>,
    /// Prefixes of public services that lead to the service network, of families that its link has addresses of; empty on a
    /// private peering.
    pub services: Vec<IpNet>,
}

/// An interface, as its domain has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DomainInterface {
    /// The interface's index.
    pub index: u32,
    /// The link.
    pub key: RoutedKey,
    /// Name of the port that it is on.
    pub port: String,
    /// IPv4 addresses of the edge and its neighbour.
    pub v4: Option<LinkEnds<Ipv4Addr>>,
    /// IPv6 addresses likewise.
    pub v6: Option<LinkEnds<Ipv6Addr>>,
    /// Prefixes that lead to the neighbour without being announced, all of families that the link has addresses of.
    /// A prefix that several interfaces of a side have leads to all of them alike.
    pub static_routes: Vec<IpNet>,
    /// The most routes that can lead to the neighbour.
    pub limits: RouteLimits,
}

/// Numbers of routes at the most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteLimits {
    /// Of IPv4.
    pub v4: u32,
    /// Of IPv6.
    pub v6: u32,
}

impl RouteLimits {
    /// Together with those of others.
    #[must_use]
    pub const fn and(self, more: Self) -> Self {
        Self { v4: self.v4.saturating_add(more.v4), v6: self.v6.saturating_add(more.v6) }
    }
}

impl DomainPlan {
    /// The most routes that can lead to the customer.
    #[must_use]
    pub fn customer_limits(&self) -> RouteLimits {
        sum(&self.customer)
    }

    /// The most routes that can lead to the cloud.
    #[must_use]
    pub fn cloud_limits(&self) -> RouteLimits {
        sum(&self.cloud).and(count(&self.services))
    }

    /// All its interfaces, the customer's first.
    pub fn interfaces(&self) -> impl Iterator<Item = &DomainInterface> {
        self.customer.iter().chain(&self.cloud)
    }
}

fn sum(interfaces: &[DomainInterface]) -> RouteLimits {
    interfaces.iter().fold(RouteLimits::default(), |sum, interface| sum.and(interface.limits))
}

/// The domains of a configuration, in its order, whose links have these indices.
pub(in crate::plan) fn domains(
    config: &Config,
    claims: &BTreeMap<RoutedKey, SlotClaim>,
) -> Vec<DomainPlan> {
    let Some(routing) = &config.routing else { return Vec::new() };
    let circuits = config.circuits.iter();
    let routed = circuits.flat_map(|circuit| {
        let peerings = circuit.peerings.iter();
        peerings.filter_map(move |peering| Some((circuit, peering, peering.routed.as_ref()?)))
    });
    let domains = routed.map(|(circuit, peering, routed)| DomainPlan {
        services: told_prefixes(config, circuit, peering, routed),
        ..domain(circuit, peering, routed, routing.table, claims)
    });
    domains.collect()
}

fn domain(
    circuit: &Circuit,
    peering: &Peering,
    routed: &RoutedPeering,
    first_table: u32,
    claims: &BTreeMap<RoutedKey, SlotClaim>,
) -> DomainPlan {
    let customer = routed.links.iter().map(|link| {
        let key = RoutedKey::Peering {
            circuit: circuit.name.clone(),
            peering: peering.kind,
            link: link.link,
        };
        let static_routes =
            of_families(&routed.static_routes, link.v4.is_some(), link.v6.is_some());
        let session = routed.session.as_ref();
        let announced = session.map_or_else(RouteLimits::default, |session| RouteLimits {
            v4: if link.v4.is_some() { session.max_routes } else { 0 },
            v6: if link.v6.is_some() { session.max_routes_v6 } else { 0 },
        });
        DomainInterface {
            index: claims[&key].index,
            key,
            port: link.port.clone(),
            v4: link.v4,
            v6: link.v6,
            limits: announced.and(count(&static_routes)),
            static_routes,
        }
    });
    let customer: Vec<_> = customer.collect();
    let vnets = if peering.kind == PeeringKind::Private { &circuit.vnet_links[..] } else { &[] };
    let cloud = vnets.iter().map(|link| vnet(circuit, link, claims)).collect();
    let first = customer.iter().map(|interface| interface.index).min();
    DomainPlan {
        circuit: circuit.name.clone(),
        peering: peering.kind,
        is_enabled: circuit.enabled,
        kernel_table: first_table.saturating_add(first.unwrap_or(0)),
        customer,
        cloud,
        source_check: routed.source_check,
        registered: routed.advertised_prefixes.clone(),
        services: Vec::new(),
    }
}

fn vnet(
    circuit: &Circuit,
    link: &VnetLink,
    claims: &BTreeMap<RoutedKey, SlotClaim>,
) -> DomainInterface {
    let key = CircuitVnet { circuit, link }.key();
    let static_routes = of_families(link.prefixes(), link.v4.is_some(), link.v6.is_some());
    DomainInterface {
        index: claims[&key].index,
        key,
        port: link.port.clone(),
        v4: link.v4,
        v6: link.v6,
        limits: match &link.routes {
            VnetRoutes::Static(_) => count(&static_routes),
            VnetRoutes::Bgp { .. } => RouteLimits {
                v4: if link.v4.is_some() { VnetLink::MAX_ROUTES } else { 0 },
                v6: if link.v6.is_some() { VnetLink::MAX_ROUTES_V6 } else { 0 },
            },
        },
        static_routes,
    }
}

pub(super) fn of_families(routes: &[IpNet], has_v4: bool, has_v6: bool) -> Vec<IpNet> {
    let of_these = |route: &&IpNet| if route.addr().is_ipv4() { has_v4 } else { has_v6 };
    routes.iter().filter(of_these).copied().collect()
}

pub(super) fn count(routes: &[IpNet]) -> RouteLimits {
    let v4 = routes.iter().filter(|route| route.addr().is_ipv4()).count();
    let size = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    RouteLimits { v4: size(v4), v6: size(routes.len() - v4) }
}
