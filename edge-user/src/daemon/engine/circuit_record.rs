//! The record of a circuit, which its provider and its customer know.

use std::fmt::Display;

use edge_api::{CircuitRecord, PeeringRecord, VnetLinkRecord};
use ipnet::IpNet;

use crate::config::{Circuit, Link, LinkEnds, Peering, Port, RoutedLink, Side, VnetLink};

/// The record of a circuit on these ports.
pub(super) fn circuit_record(circuit: &Circuit, ports: &[Port]) -> CircuitRecord {
    let state = if circuit.enabled { "Enabled" } else { "Disabled" };
    let has_begun = circuit.s_tag.is_some() || !circuit.peerings.is_empty();
    let of_link = |link| {
        let own = ports.iter().filter(|port| {
            // A circuit that names no port may have any, and has none before its provider has begun.
            has_begun
                && port.side == Side::Customer
                && port.link == link
                && circuit.ports.contains(&port.name)
        });
        own.map(|port| port.name.clone()).collect()
    };
    CircuitRecord {
        name: circuit.name.clone(),
        service_key: circuit.service_key.clone(),
        provider: circuit.provider.clone(),
        location: circuit.location.clone(),
        model: circuit.model.map(|model| model.as_str().to_owned()),
        sku: circuit.sku.as_str().to_owned(),
        billing: circuit.billing.as_str().to_owned(),
        bandwidth_bps: circuit.bandwidth_bps,
        circuit_state: state.to_owned(),
        provider_state: circuit.provisioning.title().to_owned(),
        s_tag: circuit.s_tag,
        secondary_s_tag: circuit.secondary_s_tag,
        primary_ports: of_link(Link::Primary),
        secondary_ports: of_link(Link::Secondary),
        peerings: circuit.peerings.iter().map(|it| peering_record(it, state)).collect(),
        vnet_links: circuit.vnet_links.iter().map(vnet_record).collect(),
    }
}

fn peering_record(peering: &Peering, state: &str) -> PeeringRecord {
    let routed = peering.routed.as_ref();
    let session = routed.and_then(|routed| routed.session.as_ref());
    let networks = |link: Link| {
        let own = routed.and_then(|routed| routed.links.iter().find(|it| it.link == link));
        own.map(networks_of).unwrap_or_default()
    };
    PeeringRecord {
        kind: peering.kind.as_str().to_owned(),
        state: state.to_owned(),
        c_tag: peering.c_tags.to_string(),
        peer_asn: session.map(|session| session.peer_asn),
        primary: networks(Link::Primary),
        secondary: networks(Link::Secondary),
        has_key: session.is_some_and(|session| session.key_file.is_some()),
        advertised_prefixes: routed
            .map(|routed| routed.advertised_prefixes.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
    }
}

fn networks_of(link: &RoutedLink) -> Vec<String> {
    [network(link.v4), network(link.v6)].into_iter().flatten().collect()
}

fn network<A: Copy + Into<std::net::IpAddr>>(ends: Option<LinkEnds<A>>) -> Option<String> {
    let LinkEnds { own, peer: _, prefix_len_bits } = ends?;
    let network = IpNet::new(own.into(), prefix_len_bits).ok()?;
    Some(network.trunc().to_string())
}

fn vnet_record(link: &VnetLink) -> VnetLinkRecord {
    fn gateway<A: Copy + Display>(ends: Option<LinkEnds<A>>) -> Option<String> {
        Some(ends?.peer.to_string())
    }
    VnetLinkRecord {
        vnet: link.vnet.clone(),
        region: link.region.clone(),
        port: link.port.clone(),
        s_tag: link.s_tag,
        c_tag: link.c_tag,
        gateways: [gateway(link.v4), gateway(link.v6)].into_iter().flatten().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        self,
        sample::{Sample, SampleCircuit},
    };

    fn record(circuit: SampleCircuit) -> CircuitRecord {
        let config = config::parse(
            &Sample::lab().circuit(circuit).to_string(),
            std::path::Path::new("sample"),
        )
        .expect("a circuit");
        circuit_record(&config.circuits[0], &config.ports)
    }

    #[test]
    fn a_circuit_has_the_states_of_its_provider_and_its_own() {
        let new = SampleCircuit::new("new", "50 Mbps").key("provisioning", "not-provisioned");
        let new = record(new);
        assert_eq!(new.provider_state, "NotProvisioned");
        assert_eq!((new.s_tag, new.primary_ports.len(), new.peerings.len()), (None, 0, 0));
        let begun = SampleCircuit::new("new", "50 Mbps").key("provisioning", "provisioning");
        let begun = record(begun.s_tag(7));
        assert_eq!((begun.provider_state.as_str(), begun.s_tag), ("Provisioning", Some(7)));
        assert_eq!(begun.primary_ports, ["customer0"]);
        let off = SampleCircuit::new("new", "50 Mbps").s_tag(7).peering("private", 10);
        let off = record(off.key("enabled", false));
        assert_eq!(
            (off.provider_state.as_str(), off.circuit_state.as_str()),
            ("Provisioned", "Disabled")
        );
        let peering = &off.peerings[0];
        assert_eq!((peering.state.as_str(), peering.c_tag.as_str()), ("Disabled", "10"));
        assert!(peering.primary.is_empty() && peering.peer_asn.is_none());
    }
}
