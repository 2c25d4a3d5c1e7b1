//! The prefixes of public services that lead from a peering to the service network.

use ipnet::IpNet;

use crate::{
    config::{Circuit, Config, Peering, RoutedPeering, ServiceNetwork},
    model::PeeringKind,
};

/// Prefixes that a peering's customer is told, of families that the network's link has addresses of.
pub(super) fn told_prefixes(
    config: &Config,
    circuit: &Circuit,
    peering: &Peering,
    routed: &RoutedPeering,
) -> Vec<IpNet> {
    let Some(ServiceNetwork { v4, v6, .. }) = &config.service_network else { return Vec::new() };
    if peering.kind == PeeringKind::Private {
        return Vec::new();
    }
    let groups = config.told_groups(circuit, routed);
    let all = groups.iter().flat_map(|group| group.prefixes).copied();
    let has_way = |net: &IpNet| if net.addr().is_ipv4() { v4.is_some() } else { v6.is_some() };
    all.filter(has_way).collect()
}
