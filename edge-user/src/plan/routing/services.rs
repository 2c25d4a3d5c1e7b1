//! The network of public services: one link, by which all public and Microsoft peerings reach it.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::domain::{DomainInterface, DomainPlan, RouteLimits, count, of_families};
use crate::{
    config::{Config, RoutedKey},
    model::PeeringKind,
    plan::slots::SlotClaim,
};

/// The domain of the service network. Its frames find the customer whose route leads to their destination, whichever
/// peering that is, as a prefix is registered to one alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePlan {
    /// Its table in the kernel, which no other domain has.
    pub kernel_table: u32,
    /// The interface of its link, to which all prefixes of services lead.
    pub link: DomainInterface,
    /// The most routes that can lead to customers, together.
    pub customer_limits: RouteLimits,
}

/// The domain of the service network, where the configuration has one, beside these domains of customers.
pub(in crate::plan) fn service_plan(
    config: &Config,
    domains: &[DomainPlan],
    claims: &BTreeMap<RoutedKey, SlotClaim>,
) -> Option<ServicePlan> {
    let (routing, network) = config.routing.as_ref().zip(config.service_network.as_ref())?;
    let groups = config.service_groups();
    let all: Vec<IpNet> = groups.iter().flat_map(|group| group.prefixes).copied().collect();
    let static_routes = of_families(&all, network.v4.is_some(), network.v6.is_some());
    let index = claims[&RoutedKey::Services].index;
    let customers = domains.iter().filter(|domain| domain.peering != PeeringKind::Private);
    let none = RouteLimits::default();
    Some(ServicePlan {
        kernel_table: routing.table.saturating_add(index),
        link: DomainInterface {
            index,
            key: RoutedKey::Services,
            port: network.port.clone(),
            v4: network.v4,
            v6: network.v6,
            limits: count(&static_routes),
            static_routes,
        },
        customer_limits: customers.fold(none, |sum, domain| sum.and(domain.customer_limits())),
    })
}
