//! Addresses within one routing domain: there each has one place.

use ipnet::IpNet;
use toml_span::Span;

use super::{
    super::{
        PeeringKind,
        error::Errors,
        schema::{RawCircuit, RawPeering},
    },
    nesting::nested,
    peering_links::{LinkNetworks, networks},
    prefixes::is_default_route,
};

/// A prefix of a domain.
struct Occupied {
    prefix: IpNet,
    at: Span,
    occupant: Occupant,
}

/// The owner of a prefix in its domain.
#[derive(PartialEq, Eq)]
enum Occupant {
    /// A peering-link, by the key of its network.
    Link(&'static str),
    /// The network of a VNet link, by the number of the link.
    VnetNetwork(usize, String),
    /// A prefix of a VNet, likewise.
    Vnet(usize, String),
    /// The customer, by a static route.
    Static,
}

/// Reports prefixes of a circuit's routing domains that have two owners.
pub(super) fn check(circuit: &RawCircuit, errors: &Errors<'_>) {
    for peering in circuit.peerings.iter().flatten() {
        let mut occupied = of_peering(peering);
        if peering.kind.given().is_some_and(|kind| kind.value == PeeringKind::Private) {
            occupied.extend(of_vnets(circuit));
        }
        // Of equal prefixes, a static route is the one within the other.
        occupied.sort_by_key(|one| one.occupant == Occupant::Static);
        let items = occupied.iter().map(|one| (one.prefix, one)).collect();
        nested(items, |outer: &&Occupied, inner: &&Occupied| {
            if clash(&outer.occupant, &inner.occupant) {
                report(outer, inner, errors);
            }
        });
    }
}

fn of_peering(peering: &RawPeering) -> Vec<Occupied> {
    let mut occupied = Vec::new();
    for LinkNetworks { v4, v6, .. } in networks(&peering.routed) {
        let v4 = v4.map(|v4| (IpNet::V4(v4.network), v4.at, v4.key));
        let v6 = v6.map(|v6| (IpNet::V6(v6.network), v6.at, v6.key));
        let networks = v4.into_iter().chain(v6);
        occupied.extend(networks.map(|(prefix, at, key)| Occupied {
            prefix,
            at,
            occupant: Occupant::Link(key),
        }));
    }
    let routes = peering.routed.static_routes.given().map_or(&[][..], |routes| &routes.value);
    occupied.extend(routes.iter().map(|route| Occupied {
        prefix: route.value,
        at: route.span,
        occupant: Occupant::Static,
    }));
    occupied
}

fn of_vnets(circuit: &RawCircuit) -> Vec<Occupied> {
    let mut occupied = Vec::new();
    for (number, link) in circuit.vnet_links.iter().flatten().enumerate() {
        let vnet = link.vnet.given().map_or("", |vnet| &vnet.value);
        let own = link.link.own.given().map(|own| (IpNet::V4(own.value), own.span));
        let own_v6 = link.link.own_v6.given().map(|own| (IpNet::V6(own.value), own.span));
        occupied.extend(own.into_iter().chain(own_v6).map(|(own, at)| Occupied {
            prefix: own.trunc(),
            at,
            occupant: Occupant::VnetNetwork(number, vnet.to_owned()),
        }));
        let prefixes = link.prefixes.given().map_or(&[][..], |prefixes| &prefixes.value);
        // A default route is reported as such.
        let prefixes = prefixes.iter().filter(|prefix| !is_default_route(prefix.value));
        occupied.extend(prefixes.map(|prefix| Occupied {
            prefix: prefix.value,
            at: prefix.span,
            occupant: Occupant::Vnet(number, vnet.to_owned()),
        }));
    }
    occupied
}

/// Whether `inner` may not be within `outer`.
fn clash(outer: &Occupant, inner: &Occupant) -> bool {
    match (outer, inner) {
        // A customer's routes may be around anything, as more specific ones win.
        (Occupant::Static, _) => false,
        // A gateway is in its VNet.
        (Occupant::Vnet(a, _), Occupant::VnetNetwork(b, _))
        | (Occupant::VnetNetwork(a, _), Occupant::Vnet(b, _)) => a != b,
        _ => true,
    }
}

fn report(outer: &Occupied, inner: &Occupied, errors: &Errors<'_>) {
    // The later one in the file is the one to change.
    let (first, second) =
        if outer.at.start <= inner.at.start { (outer, inner) } else { (inner, outer) };
    let help = match second.occupant {
        Occupant::Static => "remove the route",
        Occupant::Link(_) => "give another network",
        Occupant::VnetNetwork(..) => "give other addresses",
        Occupant::Vnet(..) => "remove it, or give other prefixes",
    };
    let message = format!("{} overlaps {}; {help}", shown(second), shown(first));
    let place = errors.place(first.at);
    errors.add(second.at, format!("{message} (first at {place})"));
}

fn shown(occupied: &Occupied) -> String {
    let prefix = occupied.prefix;
    match &occupied.occupant {
        Occupant::Link(key) => format!("{prefix} (a link's network, `{key}`)"),
        Occupant::VnetNetwork(_, vnet) => {
            format!("{prefix} (the network of the link to VNet {vnet:?})")
        }
        Occupant::Vnet(_, vnet) => format!("{prefix} (a prefix of VNet {vnet:?})"),
        Occupant::Static => format!("{prefix} (a static route)"),
    }
}
