//! The edge's addresses, and those of its neighbours, over all links.

use std::{collections::BTreeMap, net::IpAddr};

use toml_span::Span;

use super::{
    super::{Circuit, LinkEnds, PeeringKind, ServiceNetwork, error::Errors, schema::RawCircuit},
    peering_links::networks,
    service_network::RawServiceNetwork,
};

/// The two ends of a link in one family.
#[derive(Clone, Copy)]
struct PlacedEnds<'a> {
    own: IpAddr,
    peer: IpAddr,
    /// The key that `own` comes from, and the one of `peer`.
    at: [Span; 2],
    /// `None`: it is the service network.
    circuit: Option<&'a str>,
    /// The peering that a link belongs to.
    kind: PeeringKind,
}

/// Reports addresses of the edge that another link's neighbour has. The kernel drops frames from an address
/// that is one of its own, on whichever device they come (`fib_validate_source`), and BIRD before 2.18 tells
/// sessions apart by addresses alone. `circuits` are the checked ones of `raw`; `None` where one is wrong.
pub(super) fn check(
    raw: &[RawCircuit],
    circuits: &[Option<Circuit>],
    services: Option<(&RawServiceNetwork, &ServiceNetwork)>,
    errors: &Errors<'_>,
) {
    let mut all = all_ends(raw, circuits);
    if let Some((raw, own)) = services {
        let [v4, v6] = raw.link.places();
        all.extend(placed(own.v4, v4, (None, PeeringKind::Microsoft)));
        all.extend(placed(own.v6, v6, (None, PeeringKind::Microsoft)));
    }
    let mut own: BTreeMap<IpAddr, Vec<PlacedEnds<'_>>> = BTreeMap::new();
    for ends in &all {
        let known = own.entry(ends.own).or_default();
        // The first in each of two domains is enough to find one in another domain than any neighbour's.
        if known.len() < 2 && known.iter().all(|other| !ends.shares_domain(other)) {
            known.push(*ends);
        }
    }
    for ends in &all {
        // Within one domain, the two links' networks overlap, which is reported already.
        let elsewhere = |owner: &&PlacedEnds<'_>| !ends.shares_domain(owner);
        let owner = own.get(&ends.peer).and_then(|owners| owners.iter().find(elsewhere)).copied();
        if let Some(owner) = owner {
            report(&owner, ends, errors);
            // One mistake is one error, however many links have it.
            own.remove(&ends.peer);
        }
    }
}

impl PlacedEnds<'_> {
    fn shares_domain(&self, other: &Self) -> bool {
        (self.circuit, self.kind) == (other.circuit, other.kind)
    }
}

fn report(own: &PlacedEnds<'_>, peer: &PlacedEnds<'_>, errors: &Errors<'_>) {
    let (own_at, peer_at) = (own.at[0], peer.at[1]);
    let address = peer.peer;
    let (at, message, other_at, other) = if own_at.start < peer_at.start {
        let what = format!("the neighbour's address {address} is the edge's own on another link");
        (peer_at, what, own_at, own.circuit)
    } else {
        let what = format!("the edge's address {address} is a neighbour's on another link");
        (own_at, what, peer_at, peer.circuit)
    };
    let message =
        format!("{message}, and one routing namespace can't have both; give another network");
    let other = other.map_or("[service_network]".to_owned(), |name| format!("circuit {name:?}"));
    errors.add_claimed(at, &message, other_at, &other);
}

fn all_ends<'a>(raw: &[RawCircuit], circuits: &'a [Option<Circuit>]) -> Vec<PlacedEnds<'a>> {
    let mut all = Vec::new();
    for (raw, circuit) in raw.iter().zip(circuits) {
        let Some(circuit) = circuit else { continue };
        for (raw, peering) in raw.peerings.iter().flatten().zip(&circuit.peerings) {
            let owner = (Some(circuit.name.as_str()), peering.kind);
            let networks = networks(&raw.routed);
            let links = peering.routed.iter().flat_map(|routed| &routed.links);
            for own in links {
                let networks = networks.iter().find(|networks| networks.link == own.link);
                let v4 = networks.and_then(|networks| networks.v4.as_ref()).map(|v4| [v4.at; 2]);
                let v6 = networks.and_then(|networks| networks.v6.as_ref()).map(|v6| [v6.at; 2]);
                all.extend(placed(own.v4, v4, owner));
                all.extend(placed(own.v6, v6, owner));
            }
        }
        for (raw, own) in raw.vnet_links.iter().flatten().zip(&circuit.vnet_links) {
            // VNets are in the domain of the private peering.
            let owner = (Some(circuit.name.as_str()), PeeringKind::Private);
            let [v4, v6] = raw.link.places();
            all.extend(placed(own.v4, v4, owner));
            all.extend(placed(own.v6, v6, owner));
        }
    }
    all
}

fn placed<A: Into<IpAddr>>(
    ends: Option<LinkEnds<A>>,
    at: Option<[Span; 2]>,
    (circuit, kind): (Option<&str>, PeeringKind),
) -> Option<PlacedEnds<'_>> {
    let LinkEnds { own, peer, .. } = ends?;
    Some(PlacedEnds { own: own.into(), peer: peer.into(), at: at?, circuit, kind })
}
