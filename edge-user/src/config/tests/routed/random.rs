//! Random correct configurations, which the parser reads as they were meant.

use std::{net::Ipv4Addr, path::Path, time::Duration};

use ipnet::IpNet;
use proptest::prelude::*;

use super::super::super::{
    BfdTimers, Config, ConfigDigest, CustomerSession, Link, LinkEnds, PeeringKind, RoutedKey,
    RoutedLink, RoutedPeering, SourceCheck, VnetLink, VnetRoutes, changes, parse,
    sample::{Sample, SampleCircuit, SamplePort, Value},
};

/// A routed private peering of a circuit, with its VNets.
#[derive(Clone, Debug)]
struct Meant {
    routed: RoutedPeering,
    vnets: Vec<VnetLink>,
}

fn ends(network: u32) -> LinkEnds<Ipv4Addr> {
    let host = |number| Ipv4Addr::from_bits(network | number);
    LinkEnds { own: host(2), peer: host(1), prefix_len_bits: 30 }
}

fn ends_v6(network: u128) -> LinkEnds<std::net::Ipv6Addr> {
    let host = |number| std::net::Ipv6Addr::from_bits(network | number);
    LinkEnds { own: host(2), peer: host(1), prefix_len_bits: 126 }
}

/// Networks of links are in 192.168.0.0/16 and `fd00:15::/48`, VNets in 10.0.0.0/8, static routes in 172.16.0.0/12.
fn links() -> impl Strategy<Value = Vec<RoutedLink>> {
    let which = prop_oneof![Just([true, false]), Just([false, true]), Just([true, true])];
    (which, any::<u8>(), prop_oneof![Just([true, true]), Just([true, false]), Just([false, true])])
        .prop_map(|(links, number, [has_v4, has_v6])| {
            let all = [(0, Link::Primary, "customer0"), (1, Link::Secondary, "customer1")];
            let chosen = all.into_iter().zip(links).filter(|(_, is_there)| *is_there);
            let link = |((half, link, port), _): ((u32, Link, &str), bool)| RoutedLink {
                link,
                port: port.into(),
                v4: has_v4.then(|| ends(0xc0a8_0000 | u32::from(number) << 3 | half << 2)),
                v6: has_v6.then(|| {
                    let upper = 0xfd00_0015u128 << 96;
                    ends_v6(upper | u128::from(number) << 3 | u128::from(half) << 2)
                }),
            };
            chosen.map(link).collect()
        })
}

fn session() -> impl Strategy<Value = CustomerSession> {
    let asn = prop_oneof![64_512..65_515u32, 1..12_000u32, 4_200_000_000..4_294_967_294u32];
    let bfd = prop::option::of((10..10_000u64, 2..50u8)).prop_map(|bfd| {
        bfd.map(|(ms, multiplier)| BfdTimers { interval: Duration::from_millis(ms), multiplier })
    });
    let key_file = prop::option::of("/[a-z]{1,9}").prop_map(|path| path.map(Into::into));
    (asn, key_file, 1..15_000u32, 1..900u32, bfd, any::<[bool; 2]>()).prop_map(
        |(peer_asn, key_file, max_routes, max_routes_v6, bfd, [passive, ttl_security])| {
            CustomerSession {
                peer_asn,
                key_file,
                max_routes,
                max_routes_v6,
                bfd,
                passive,
                ttl_security,
            }
        },
    )
}

fn vnets() -> impl Strategy<Value = Vec<VnetLink>> {
    let one = (prop::option::of(prop::collection::btree_set(0..200u8, 1..4)), any::<bool>());
    prop::collection::vec(one, 0..5).prop_map(|vnets| {
        let link = |(number, (prefixes, has_c_tag)): (
            u8,
            (Option<std::collections::BTreeSet<u8>>, bool),
        )| {
            let routes = match prefixes {
                None => VnetRoutes::Bgp { asn: 65_515, bfd: None },
                Some(prefixes) => VnetRoutes::Static(
                    prefixes
                        .into_iter()
                        .map(|third| format!("10.{number}.{third}.0/24").parse().expect("a prefix"))
                        .collect(),
                ),
            };
            VnetLink {
                vnet: format!("vnet {number}"),
                region: None,
                port: "core0".into(),
                s_tag: (!has_c_tag).then(|| 2_000 + u16::from(number)),
                c_tag: has_c_tag.then(|| 3_000 + u16::from(number)),
                v4: Some(LinkEnds {
                    own: Ipv4Addr::new(10, number, 255, 1),
                    peer: Ipv4Addr::new(10, number, 255, 2),
                    prefix_len_bits: 29,
                }),
                v6: None,
                routes,
            }
        };
        (0..).zip(vnets).map(link).collect()
    })
}

fn meant() -> impl Strategy<Value = Meant> {
    let statics = prop::collection::btree_set(0..16u8, 0..4);
    let check =
        prop::sample::select(&[SourceCheck::Off, SourceCheck::Advertised, SourceCheck::Strict][..]);
    (links(), prop::option::weighted(0.8, session()), statics, check, vnets()).prop_map(
        |(links, session, statics, source_check, vnets)| {
            let has_v4 = links.iter().all(|link| link.v4.is_some());
            let statics = statics.into_iter().map(|second| {
                if has_v4 {
                    format!("172.{}.0.0/16", 16 + second)
                } else {
                    format!("fd00:{second:x}00::/32")
                }
            });
            let mut static_routes: Vec<IpNet> =
                statics.map(|route| route.parse().expect("a prefix")).collect();
            if session.is_none() && static_routes.is_empty() {
                let only = if has_v4 { "172.31.0.0/16" } else { "fd00:ff00::/32" };
                static_routes.push(only.parse().expect("a prefix"));
            }
            let advertised_prefixes = Vec::new();
            let routed = RoutedPeering {
                session,
                links,
                source_check,
                static_routes,
                advertised_prefixes,
                route_filter: Vec::new(),
            };
            Meant { routed, vnets }
        },
    )
}

fn list<T: ToString>(values: &[T]) -> Value {
    Value::from(values.iter().map(ToString::to_string).collect::<Vec<_>>())
}

fn circuit(meant: &Meant) -> SampleCircuit {
    let kind = "private";
    let RoutedPeering { session, links, source_check, static_routes, .. } = &meant.routed;
    let mut circuit = SampleCircuit::new("contoso", "1 Gbps")
        .s_tag(100)
        .peering(kind, 10)
        .of_peering(kind, "source_check", source_check.as_str());
    for link in links {
        let name = link.link.as_str();
        // The network of a customer's address, which is its first host's.
        if let Some(v4) = link.v4 {
            let network = Ipv4Addr::from_bits(v4.peer.to_bits() - 1);
            circuit = circuit.of_peering(kind, name, format!("{network}/30"));
        }
        if let Some(v6) = link.v6 {
            let network = std::net::Ipv6Addr::from_bits(v6.peer.to_bits() - 1);
            circuit = circuit.of_peering(kind, &format!("{name}_v6"), format!("{network}/126"));
        }
    }
    if !static_routes.is_empty() {
        circuit = circuit.of_peering(kind, "static_routes", list(static_routes));
    }
    if let Some(session) = session {
        let bfd = session.bfd.map_or(Value::from(false), |bfd| {
            let interval = format!("{}ms", bfd.interval.as_millis());
            Value::table([
                ("interval", interval.into()),
                ("multiplier", u32::from(bfd.multiplier).into()),
            ])
        });
        circuit = circuit
            .of_peering(kind, "peer_asn", session.peer_asn)
            .of_peering(kind, "max_routes", session.max_routes)
            .of_peering(kind, "max_routes_v6", session.max_routes_v6)
            .of_peering(kind, "bfd", bfd)
            .of_peering(kind, "passive", session.passive)
            .of_peering(kind, "ttl_security", session.ttl_security);
        if let Some(path) = &session.key_file {
            circuit = circuit.of_peering(kind, "key_file", path.to_str().expect("UTF-8"));
        }
    }
    meant.vnets.iter().fold(circuit, vnet_link)
}

fn vnet_link(circuit: SampleCircuit, link: &VnetLink) -> SampleCircuit {
    let vnet = &link.vnet;
    let v4 = link.v4.expect("IPv4");
    let mut circuit = circuit
        .of_vnet(vnet, "port", link.port.as_str())
        .of_vnet(vnet, "own", format!("{}/{}", v4.own, v4.prefix_len_bits))
        .of_vnet(vnet, "gateway", v4.peer.to_string());
    for (key, tag) in [("s_tag", link.s_tag), ("c_tag", link.c_tag)] {
        if let Some(vid) = tag {
            circuit = circuit.of_vnet(vnet, key, vid);
        }
    }
    match &link.routes {
        VnetRoutes::Static(prefixes) => circuit.of_vnet(vnet, "prefixes", list(prefixes)),
        VnetRoutes::Bgp { asn, .. } => circuit.of_vnet(vnet, "asn", *asn),
    }
}

fn config(meant: &Meant) -> Config {
    let text = Sample::new("lab")
        .port(SamplePort::new("customer0", "customer"))
        .port(SamplePort::new("customer1", "customer").key("link", "secondary"))
        .port(SamplePort::new("core0", "core"))
        .routing("asn", 12_076)
        .routing("router_id", "192.0.2.1")
        .circuit(circuit(meant))
        .to_string();
    parse(&text, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

proptest! {
    #[test]
    fn a_random_peering_is_read_as_it_was_meant(meant in meant()) {
        let config = config(&meant);
        let circuit = &config.circuits[0];
        prop_assert_eq!(circuit.peerings[0].routed.as_ref(), Some(&meant.routed));
        prop_assert_eq!(&circuit.vnet_links, &meant.vnets);
        prop_assert_eq!(circuit.wires().count(), 0);
        let expected = meant.routed.links.iter().map(|link| RoutedKey::Peering {
            circuit: "contoso".into(),
            peering: PeeringKind::Private,
            link: link.link,
        });
        let keys: Vec<_> = config.peering_links().map(|link| link.key()).collect();
        prop_assert_eq!(keys, expected.collect::<Vec<_>>());
        prop_assert_eq!(config.vnet_links().count(), meant.vnets.len());
    }

    #[test]
    fn digest_and_changes_tell_random_peerings_apart(first in meant(), second in meant()) {
        let (first, second) = (config(&first), config(&second));
        let is_same = first == second;
        prop_assert_eq!(ConfigDigest::new(&first) == ConfigDigest::new(&second), is_same);
        let changed = changes(&first, &second);
        prop_assert_eq!(changed.is_empty(), is_same);
        prop_assert!(changed.iter().all(|it| it.name.starts_with("contoso")), "{:?}", changed);
    }
}

#[test]
fn a_change_of_routing_is_a_change_of_its_table() {
    let old = parse(super::ROUTED, Path::new("f")).expect("correct");
    let new = super::ROUTED.replace("icmp_rate = 100", "icmp_rate = 50");
    let new = parse(&new, Path::new("f")).expect("correct");
    let changed: Vec<_> = changes(&old, &new).into_iter().map(|it| it.name).collect();
    assert_eq!(changed, ["[routing]"]);
    assert_ne!(ConfigDigest::new(&old), ConfigDigest::new(&new));
}
