//! Checks of all links with routes together.

use toml_span::Span;

use super::{
    super::{
        Circuit, RoutedPeering, ServiceNetwork,
        error::Errors,
        keys::Field,
        schema::{RawCircuit, RawPeering},
    },
    around::Around,
    domain, ends,
    nesting::nested,
    peering_links::networks,
    service_network::RawServiceNetwork,
};

/// Peering-links of an edge, each of which has a device and a BGP session for each family.
const MAX_PEERING_LINKS: usize = 4_000;
/// Routes that customers may have together: 4,000 links with the usual limits fit, and their forwarding tables
/// into 0.4 GB.
const MAX_ROUTES: u64 = 20_000_000;

/// Reports links that don't go together. `circuits` are the checked ones of `raw`; `None` where one is wrong. `services` is
/// the link to the service network, as far as that is correct.
pub(in super::super) fn check(
    raw: &[RawCircuit],
    circuits: &[Option<Circuit>],
    services: Option<(&RawServiceNetwork, &ServiceNetwork)>,
    around: &Around<'_>,
) {
    let errors = around.errors;
    check_routing_is_there(raw, around);
    for circuit in raw {
        check_core_tags(circuit, errors);
        domain::check(circuit, errors);
    }
    check_number(raw, errors);
    check_routes(raw, circuits, errors);
    ends::check(raw, circuits, services, errors);
    check_registered(raw, errors);
}

fn routed(raw: &[RawCircuit]) -> impl Iterator<Item = (&RawCircuit, &RawPeering)> {
    raw.iter().flat_map(|circuit| {
        let routed = circuit.peerings.iter().flatten().filter(|own| own.routed.is_routed());
        routed.map(move |peering| (circuit, peering))
    })
}

fn check_routing_is_there(raw: &[RawCircuit], around: &Around<'_>) {
    if let (Field::Absent, Some((_, peering))) = (around.routing, routed(raw).next()) {
        let message = "the peering is routed, and there is no [routing]; add it, with the edge's `asn` \
                       and `router_id`, or with `daemon = \"none\"`";
        around.errors.add(peering.at, message.into());
    }
}

/// Reports keys for tags towards the core of a circuit without wires.
fn check_core_tags(circuit: &RawCircuit, errors: &Errors<'_>) {
    let peerings = circuit.peerings.as_deref().unwrap_or_default();
    if peerings.is_empty() || !peerings.iter().all(|peering| peering.routed.is_routed()) {
        return;
    }
    let keys = [
        ("core_s_tag", circuit.core_s_tag.given().map(|tag| tag.span)),
        ("core_s_tpid", circuit.core_s_tpid.given().map(|tpid| tpid.span)),
    ];
    for (key, at) in keys.into_iter().filter_map(|(key, at)| Some((key, at?))) {
        let message = format!(
            "`{key}` is for wires, and the circuit has none; remove it: `vnet_link` has the tags \
             towards the core"
        );
        errors.add(at, message);
    }
}

fn check_number(raw: &[RawCircuit], errors: &Errors<'_>) {
    let links = routed(raw).flat_map(|(_, peering)| {
        let links = networks(&peering.routed).into_iter();
        links.filter(|link| link.v4.is_some() || link.v6.is_some()).map(|_| peering.at)
    });
    let links: Vec<Span> = links.collect();
    if let Some(at) = links.get(MAX_PEERING_LINKS) {
        let message = format!(
            "the edge has {} peering-links, and can have {MAX_PEERING_LINKS}; move circuits to \
             another edge",
            links.len()
        );
        errors.add(*at, message);
    }
}

fn check_routes(raw: &[RawCircuit], circuits: &[Option<Circuit>], errors: &Errors<'_>) {
    let mut all = 0;
    for (raw, circuit) in raw.iter().zip(circuits) {
        let before = all;
        for peering in circuit.iter().flat_map(|circuit| &circuit.peerings) {
            let (v4, v6) = peering.routed.as_ref().map_or((0, 0), RoutedPeering::most_routes);
            all += v4 + v6;
        }
        if before <= MAX_ROUTES && all > MAX_ROUTES {
            let message = format!(
                "with this circuit, customers can have {all} routes, and the edge has room for \
                 {MAX_ROUTES}; lower `max_routes` of peerings"
            );
            errors.add(raw.at, message);
        }
    }
}

/// Reports registered prefixes that two peerings have: frames from the services could go to either.
fn check_registered(raw: &[RawCircuit], errors: &Errors<'_>) {
    let all = routed(raw).enumerate().flat_map(|(number, (circuit, peering))| {
        let name = circuit.name.given().map_or("", |name| &name.value);
        let prefixes = peering.routed.advertised_prefixes.given();
        let prefixes = prefixes.map_or(&[][..], |prefixes| &prefixes.value).iter();
        prefixes.map(move |prefix| (prefix.value, (number, prefix, name)))
    });
    nested(all.collect(), |outer, inner| {
        let (first, second) =
            if outer.1.span.start <= inner.1.span.start { (outer, inner) } else { (inner, outer) };
        // A prefix that one list has twice is reported there.
        if first.0 == second.0 && first.1.value == second.1.value {
            return;
        }
        let (taken, prefix, owner) = (first.1.value, second.1.value, first.2);
        let message = format!(
            "the registered prefix {prefix} overlaps {taken}, and a prefix belongs to one peering once; \
             remove one"
        );
        let owner = format!("circuit {owner:?}");
        errors.add_claimed(second.1.span, &message, first.1.span, &owner);
    });
}
