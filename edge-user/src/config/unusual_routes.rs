//! Warnings of routed peerings that are correct but perhaps not meant.

use super::{Circuit, Config, Peering, PeeringKind, RoutedPeering, SourceCheck};

/// Warnings of a configuration's routed peerings, one sentence each.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for circuit in &config.circuits {
        for peering in &circuit.peerings {
            if let Some(routed) = &peering.routed {
                warnings.extend(of_peering(circuit, peering, routed));
                if config.service_network.is_some() {
                    warnings.extend(without_filter(circuit, peering, routed));
                }
            }
        }
    }
    warnings
}

fn of_peering(circuit: &Circuit, peering: &Peering, routed: &RoutedPeering) -> Vec<String> {
    let name = format!("circuit {:?}: its {} peering", circuit.name, peering.kind.as_str());
    let mut warnings = Vec::new();
    if let [only] = routed.links.as_slice() {
        let link = only.link.as_str();
        warnings.push(format!(
            "{name} has the {link} link alone, so one cut ends it, and it has no SLA"
        ));
    }
    if routed.session.as_ref().is_some_and(|session| session.bfd.is_none()) {
        warnings.push(format!(
            "{name} has no BFD, so a cut that takes no carrier away is noticed only when BGP's hold \
             time is over"
        ));
    }
    let has_default = routed.static_routes.iter().any(|route| route.prefix_len() == 0);
    let is_by_routes = matches!(routed.source_check, SourceCheck::Advertised | SourceCheck::Strict);
    if has_default && is_by_routes {
        warnings.push(format!(
            "{name} has a static default route, so `source_check = {:?}` lets every source pass",
            routed.source_check.as_str()
        ));
    }
    if peering.kind == PeeringKind::Private && circuit.vnet_links.is_empty() {
        warnings.push(format!(
            "{name} reaches nothing: give the circuit a `vnet_link` for each virtual network"
        ));
    }
    warnings
}

/// The warning of a peering that could reach services and asks for none.
fn without_filter(circuit: &Circuit, peering: &Peering, routed: &RoutedPeering) -> Option<String> {
    (peering.kind != PeeringKind::Private && routed.route_filter.is_empty()).then(|| {
        format!(
            "circuit {:?}: its {} peering reaches nothing: give it a `route_filter` with the communities of regions and \
             services",
            circuit.name,
            peering.kind.as_str()
        )
    })
}
