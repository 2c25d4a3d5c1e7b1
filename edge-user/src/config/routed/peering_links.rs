//! The links of a routed peering, from its networks: of a link's four addresses, the customer's router has the
//! first that a host can have, and the edge the second.

use std::net::{Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use toml_span::Span;

use super::{
    super::{
        Link, LinkEnds, RoutedLink,
        error::Errors,
        keys::Field,
        schema::{RawCircuit, RawPeering},
    },
    around::Around,
    keys::RawRouted,
};

/// A network of a link, and the key that it comes from.
pub(super) struct LinkNetwork<N> {
    pub(super) network: N,
    pub(super) key: &'static str,
    pub(super) at: Span,
}

/// The networks of a peering on one link.
pub(super) struct LinkNetworks {
    pub(super) link: Link,
    pub(super) v4: Option<LinkNetwork<Ipv4Net>>,
    pub(super) v6: Option<LinkNetwork<Ipv6Net>>,
}

/// The known networks of both links, the primary one first.
pub(super) fn networks(raw: &RawRouted) -> [LinkNetworks; 2] {
    // The halves of a /29 and of a /125.
    let halves_v4: Vec<Ipv4Net> = halves(&raw.network, |network| network.subnets(30).ok());
    let halves_v6: Vec<Ipv6Net> = halves(&raw.network_v6, |network| network.subnets(126).ok());
    let both_v4 = raw.network.given().map(|network| network.span);
    let both_v6 = raw.network_v6.given().map(|network| network.span);
    let keys = [
        (0, Link::Primary, ("primary", &raw.primary), ("primary_v6", &raw.primary_v6)),
        (1, Link::Secondary, ("secondary", &raw.secondary), ("secondary_v6", &raw.secondary_v6)),
    ];
    keys.map(|(half, link, v4, v6): (usize, _, _, _)| {
        let split_v4 = || Some(("network", both_v4?, *halves_v4.get(half)?));
        let split_v6 = || Some(("network_v6", both_v6?, *halves_v6.get(half)?));
        LinkNetworks {
            link,
            v4: own(v4).or_else(split_v4).map(|(key, at, network)| LinkNetwork {
                network,
                key,
                at,
            }),
            v6: own(v6).or_else(split_v6).map(|(key, at, network)| LinkNetwork {
                network,
                key,
                at,
            }),
        }
    })
}

fn halves<N: Copy, I: Iterator<Item = N>>(
    network: &Field<N>,
    split: impl Fn(N) -> Option<I>,
) -> Vec<N> {
    network.given().and_then(|network| split(network.value)).into_iter().flatten().collect()
}

fn own<N: Copy>((key, network): (&'static str, &Field<N>)) -> Option<(&'static str, Span, N)> {
    network.given().map(|network| (key, network.span, network.value))
}

/// The links of a peering; `None`: there are errors, all of which are reported.
pub(super) fn links(
    around: &Around<'_>,
    circuit: &RawCircuit,
    raw: &RawPeering,
) -> Option<Vec<RoutedLink>> {
    let errors = around.errors;
    let before = errors.count();
    let keys = &raw.routed;
    check_one_way(
        ("network", &keys.network),
        [("primary", &keys.primary), ("secondary", &keys.secondary)],
        errors,
    );
    check_one_way(
        ("network_v6", &keys.network_v6),
        [("primary_v6", &keys.primary_v6), ("secondary_v6", &keys.secondary_v6)],
        errors,
    );
    let mut links = Vec::new();
    for LinkNetworks { link, v4, v6 } in networks(keys) {
        let of_v4 = v4.as_ref().map(|network| (network.key, network.at));
        let of_v6 = || v6.as_ref().map(|network| (network.key, network.at));
        let Some(key) = of_v4.or_else(of_v6) else { continue };
        let port = around.ports.of_link(circuit, link, key, errors);
        let v4 = v4.map(|network| ends_v4(network.network));
        let v6 = v6.map(|network| ends_v6(network.network));
        links.extend(port.map(|port| RoutedLink { link, port: port.to_owned(), v4, v6 }));
    }
    if errors.count() > before || has_bad(keys) {
        return None;
    }
    if links.is_empty() {
        // Without errors, each network has its port, unless that is wrong.
        if networks(keys).iter().all(|link| link.v4.is_none() && link.v6.is_none()) {
            let message = "a routed peering has a network on each link, and this one has none; add \
                           `primary` and `secondary`, or `network`";
            errors.add(raw.at, message.into());
        }
        return None;
    }
    Some(links)
}

/// Reports networks of both links and of one link beside each other.
fn check_one_way<N>(
    (both, network): (&str, &Field<N>),
    of_one: [(&str, &Field<N>); 2],
    errors: &Errors<'_>,
) {
    let Some(network) = network.given() else { return };
    for (key, one) in of_one {
        if let Some(one) = one.given() {
            let place = errors.place(network.span);
            let message = format!(
                "the peering has `{key}` and `{both}`, which is split into both links' networks; \
                 remove one (`{both}` is at {place})"
            );
            errors.add(one.span, message);
        }
    }
}

fn has_bad(keys: &RawRouted) -> bool {
    let v4 = [&keys.primary, &keys.secondary, &keys.network];
    let v6 = [&keys.primary_v6, &keys.secondary_v6, &keys.network_v6];
    v4.iter().any(|field| matches!(field, Field::Bad))
        || v6.iter().any(|field| matches!(field, Field::Bad))
}

fn ends_v4(network: Ipv4Net) -> LinkEnds<Ipv4Addr> {
    let host = |number| Ipv4Addr::from_bits(network.network().to_bits() | number);
    LinkEnds { own: host(2), peer: host(1), prefix_len_bits: network.prefix_len() }
}

fn ends_v6(network: Ipv6Net) -> LinkEnds<Ipv6Addr> {
    let host = |number| Ipv6Addr::from_bits(network.network().to_bits() | number);
    LinkEnds { own: host(2), peer: host(1), prefix_len_bits: network.prefix_len() }
}
