//! The service network's part of the speaker's plan.

use sha2::{Digest as _, Sha256};

use super::{bfd, ends, plain};
use crate::{
    config::{
        Community, Config, PeeringLink, RoutedKey, RoutingConfig, ServiceGroup, ServiceNetwork,
    },
    model::PeeringKind,
    plan::{Plan, ServicePlan},
    routing::{
        bird::model::{
            DomainSide,
            community::BgpCommunity,
            domain::{BgpDomain, ServiceAccess, ServicePrefixes, StaticHop},
            policy::ImportPolicy,
            session::{BeyondLimit, BgpSession, SessionLimits},
        },
        devices::device_name,
    },
};

/// Digits of a group's hash that its name has.
const NAME_LEN: usize = 16;

/// The only communities with one of which the customer of a link is told routes; `None`: nothing limits that.
pub(super) fn only(link: &PeeringLink<'_>) -> Option<Vec<BgpCommunity>> {
    let is_private = link.peering.kind == PeeringKind::Private;
    (!is_private).then(|| link.routed.route_filter.iter().copied().map(community).collect())
}

/// Gives each public and Microsoft peering's domain its way to the service network.
pub(super) fn join(config: &Config, plan: &Plan, planned: &ServicePlan, domains: &mut [BgpDomain]) {
    for (planned_domain, domain) in plan.domains.iter().zip(domains) {
        if planned_domain.peering == PeeringKind::Private {
            continue;
        }
        let mut circuits = config.circuits.iter();
        let circuit = circuits.find(|circuit| circuit.name == planned_domain.circuit);
        let groups = circuit.into_iter().flat_map(|circuit| {
            let mut peerings = circuit.peerings.iter();
            let peering = peerings.find(|peering| peering.kind == planned_domain.peering);
            let routed = peering.and_then(|peering| peering.routed.as_ref());
            routed.map(|routed| config.told_groups(circuit, routed)).unwrap_or_default()
        });
        domain.services = Some(ServiceAccess {
            kernel_table: planned.kernel_table,
            groups: groups.map(|group| name(&group)).collect(),
        });
    }
}

/// The domain of the service network.
pub(super) fn domain(
    config: &Config,
    network: &ServiceNetwork,
    planned: &ServicePlan,
    routing: &RoutingConfig,
) -> BgpDomain {
    let index = planned.link.index;
    let (v4, v6) = (network.v4.map(|it| it.peer.into()), network.v6.map(|it| it.peer.into()));
    let hop = |gateway| StaticHop { gateway, device: device_name(index) };
    let hops: Vec<_> = v4.into_iter().chain(v6).map(hop).collect();
    let groups = config.service_groups().into_iter().map(|group| ServicePrefixes {
        name: name(&group),
        communities: group.communities.iter().copied().map(community).collect(),
        prefixes: group.prefixes.to_vec(),
        hops: hops.clone(),
    });
    let session = network.asn.map(|asn| BgpSession {
        peer_asn: asn,
        v4: network.v4.map(ends),
        v6: network.v6.map(ends),
        limits: SessionLimits {
            v4: ServiceNetwork::MAX_ROUTES,
            v6: ServiceNetwork::MAX_ROUTES_V6,
            beyond: BeyondLimit::Restart,
        },
        bfd: network.bfd.map(bfd),
        import: ImportPolicy::nothing(),
        ..plain(index, &RoutedKey::Services, DomainSide::Cloud, true, routing)
    });
    BgpDomain {
        name: RoutedKey::Services.to_string(),
        kernel_table: planned.kernel_table,
        joins_cloud: false,
        announcements: Vec::new(),
        statics: Vec::new(),
        service_groups: Some(groups.collect()),
        services: None,
        sessions: session.into_iter().collect(),
    }
}

/// The name of a group, which stays the same whatever other groups there are.
fn name(group: &ServiceGroup<'_>) -> String {
    // Names have no control characters.
    let text = format!("{}\n{}", group.region.unwrap_or(""), group.service.unwrap_or(""));
    let hash = format!("{:x}", Sha256::digest(text));
    hash.chars().take(NAME_LEN).collect()
}

fn community(Community { asn, value }: Community) -> BgpCommunity {
    BgpCommunity(asn, value)
}
