//! From a configuration and its plan to the plan of the routing engine.

use std::{collections::BTreeMap, net::IpAddr};

use edge_api::LinkUse;

use super::{
    settings::{speaker_account, speaker_directory},
    speaker::speaker_plan,
};
use crate::{
    config::{Config, LinkEnds, RoutingDaemon, SourceCheck},
    daemon::{drains::Drains, error::Result},
    model::PeeringKind,
    plan::{DomainInterface, DomainPlan, InterfacePlan, Plan, RouteLimits, ServicePlan},
    routing::{
        bird::model::DomainSide,
        engine::plan::{
            DomainLimits, EngineInterface, InterfaceEnds, RouterDomain, RouterPlan,
            ServiceCustomer, ServicePart, SourceRule, SpeakerSettings,
        },
        store::TableLimits,
    },
};

/// The plan of the engine for `config` in the tables of `plan`, with these links out of use.
pub(super) fn engine_plan(config: &Config, plan: &Plan, drains: &Drains) -> Result<RouterPlan> {
    let Some(routing) = &config.routing else { return Ok(RouterPlan::default()) };
    let command = match &routing.daemon {
        RoutingDaemon::Bird { command, .. } => command.clone(),
        RoutingDaemon::None => None,
    };
    let speaker = match speaker_plan(config, plan, drains)? {
        Some(plan) => Some(SpeakerSettings {
            command,
            directory: speaker_directory(config),
            account: speaker_account()?,
            plan,
        }),
        None => None,
    };
    let planned: BTreeMap<u32, &InterfacePlan> =
        plan.interfaces.iter().map(|interface| (interface.index, interface)).collect();
    let interface = plan.services.as_ref().map(|services| services.link.index);
    let domains = plan.domains.iter().map(|domain| RouterDomain {
        services: match interface {
            Some(interface) if domain.peering != PeeringKind::Private => {
                ServicePart::Reaches { interface, prefixes: domain.services.clone() }
            }
            _ => ServicePart::None,
        },
        ..router_domain(domain, &planned, drains)
    });
    let services = plan.services.iter().filter_map(|services| {
        Some(service_domain(services, &plan.domains, planned.get(&services.link.index)?))
    });
    Ok(RouterPlan { domains: domains.chain(services).collect(), speaker })
}

/// The domain of the service network.
fn service_domain(
    services: &ServicePlan,
    domains: &[DomainPlan],
    planned: &InterfacePlan,
) -> RouterDomain {
    let customers = domains.iter().filter(|domain| domain.peering != PeeringKind::Private);
    let customers = customers.map(|domain| ServiceCustomer {
        table: domain.kernel_table,
        registered: domain.registered.clone(),
    });
    RouterDomain {
        name: services.link.key.to_string(),
        table: services.kernel_table,
        interfaces: vec![interface(&services.link, planned, DomainSide::Cloud, true)],
        sources: SourceRule::Any,
        limits: DomainLimits {
            customer: limits(services.customer_limits),
            cloud: limits(services.link.limits),
        },
        services: ServicePart::Shared(customers.collect()),
    }
}

fn router_domain(
    domain: &DomainPlan,
    planned: &BTreeMap<u32, &InterfacePlan>,
    drains: &Drains,
) -> RouterDomain {
    let customer = domain.customer.iter().map(|link| (link, DomainSide::Customer));
    let cloud = domain.cloud.iter().map(|link| (link, DomainSide::Cloud));
    let interfaces = customer.chain(cloud).filter_map(|(link, side)| {
        let is_up = domain.is_enabled && drains.use_of_key(&link.key) != LinkUse::Drained;
        Some(interface(link, planned.get(&link.index)?, side, is_up))
    });
    RouterDomain {
        name: format!("{}/{}", domain.circuit, domain.peering.as_str()),
        table: domain.kernel_table,
        interfaces: interfaces.collect(),
        sources: match domain.source_check {
            SourceCheck::Off => SourceRule::Any,
            SourceCheck::Advertised => SourceRule::Side,
            SourceCheck::Strict => SourceRule::Link,
            SourceCheck::Registered => SourceRule::Prefixes(domain.registered.clone()),
        },
        limits: DomainLimits {
            customer: limits(domain.customer_limits()),
            cloud: limits(domain.cloud_limits()),
        },
        services: ServicePart::None,
    }
}

fn interface(
    link: &DomainInterface,
    planned: &InterfacePlan,
    side: DomainSide,
    is_up: bool,
) -> EngineInterface {
    EngineInterface {
        index: link.index,
        side,
        v4: link.v4.map(ends),
        v6: link.v6.map(ends),
        mtu_bytes: planned.next_hops[0].mtu_bytes,
        is_up,
        static_routes: link.static_routes.clone(),
        is_taken_over: !planned.is_new,
    }
}

fn ends<A: Into<IpAddr>>(ends: LinkEnds<A>) -> InterfaceEnds<A> {
    InterfaceEnds { own: ends.own, peer: ends.peer, prefix_len: ends.prefix_len_bits }
}

fn limits(limits: RouteLimits) -> TableLimits {
    TableLimits { v4: limits.v4, v6: limits.v6 }
}
