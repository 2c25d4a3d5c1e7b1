//! Correct files, and their meaning.

use std::{
    net::{Ipv4Addr, Ipv6Addr},
    path::Path,
    time::Duration,
};

use super::{
    super::super::{
        BfdTimers, CTags, Config, CustomerSession, Link, LinkEnds, PeeringKind, RoutedKey,
        RoutedPeering, RoutingDaemon, SideTags, SourceCheck, VnetRoutes,
    },
    ROUTED, check, parse,
};

fn config(source: &str) -> Config {
    parse(source, Path::new("f")).unwrap_or_else(|errors| panic!("{errors}"))
}

/// The routed part of the first circuit's first peering.
fn first(config: &Config) -> &RoutedPeering {
    config.circuits[0].peerings[0].routed.as_ref().expect("routed")
}

fn session(config: &Config) -> &CustomerSession {
    first(config).session.as_ref().expect("a session")
}

fn v4(own: [u8; 4], peer: [u8; 4]) -> LinkEnds<Ipv4Addr> {
    LinkEnds { own: own.into(), peer: peer.into(), prefix_len_bits: 30 }
}

fn v6(own: &str, peer: &str) -> LinkEnds<Ipv6Addr> {
    let address = |text: &str| text.parse().expect("an address");
    LinkEnds { own: address(own), peer: address(peer), prefix_len_bits: 126 }
}

/// A file with one port a side and a circuit with these keys of its private peering.
fn short(keys: &str) -> String {
    format!(
        "[edge]\nname = 'e'\n[[port]]\nname = 'a'\ninterface = 'a'\nside = 'customer'\n[[port]]\n\
         name = 'b'\ninterface = 'b'\nside = 'core'\n[routing]\nasn = 12076\nrouter_id = '192.0.2.1'\n\
         [[circuit]]\nname = 'c'\nbandwidth = '1 Gbps'\n[[circuit.peering]]\nkind = 'private'\n\
         c_tag = 10\n{keys}\n"
    )
}

#[test]
fn every_key_of_a_peering() {
    let config = config(ROUTED);
    let [private, microsoft] = config.circuits[0].peerings.as_slice() else { panic!("two") };
    let routed = private.routed.as_ref().expect("routed");
    let [primary, secondary] = routed.links.as_slice() else { panic!("two links") };
    assert_eq!((primary.link, primary.port.as_str()), (Link::Primary, "customer0"));
    assert_eq!((secondary.link, secondary.port.as_str()), (Link::Secondary, "customer1"));
    // The customer has the first host's address of each network, and the edge the second.
    assert_eq!(primary.v4, Some(v4([192, 168, 15, 18], [192, 168, 15, 17])));
    assert_eq!(secondary.v4, Some(v4([192, 168, 15, 22], [192, 168, 15, 21])));
    assert_eq!(primary.v6, Some(v6("fd00:15::12", "fd00:15::11")));
    assert_eq!(secondary.v6, Some(v6("fd00:15::16", "fd00:15::15")));
    let expected = CustomerSession {
        peer_asn: 65_001,
        key_file: Some("/etc/edge/keys/contoso".into()),
        max_routes: 4_000,
        max_routes_v6: 100,
        bfd: Some(BfdTimers { interval: Duration::from_millis(50), multiplier: 3 }),
        passive: false,
        ttl_security: true,
    };
    assert_eq!(routed.session, Some(expected));
    assert_eq!(routed.source_check, SourceCheck::Advertised);
    let to_customer: Vec<_> = routed.static_routes.iter().map(ToString::to_string).collect();
    assert_eq!(to_customer, ["10.9.0.0/16", "fd00:9::/48"]);
    assert_eq!(routed.most_routes(), (8_001, 201));

    let routed = microsoft.routed.as_ref().expect("routed");
    let links: Vec<_> = routed.links.iter().map(|link| (link.v4, link.v6)).collect();
    let expected = [
        (v4([192, 168, 15, 26], [192, 168, 15, 25]), v6("fd00:15::1a", "fd00:15::19")),
        (v4([192, 168, 15, 30], [192, 168, 15, 29]), v6("fd00:15::1e", "fd00:15::1d")),
    ];
    assert_eq!(links, expected.map(|(v4, v6)| (Some(v4), Some(v6))));
    let prefixes: Vec<_> = routed.advertised_prefixes.iter().map(ToString::to_string).collect();
    assert_eq!(prefixes, ["203.0.113.0/24", "2001:db8:113::/48"]);
}

#[test]
fn every_key_of_a_vnet_link() {
    let config = config(ROUTED);
    let [hub, spoke] = config.circuits[0].vnet_links.as_slice() else { panic!("two links") };
    assert_eq!((hub.vnet.as_str(), hub.port.as_str()), ("hub", "core0"));
    assert_eq!(hub.tags(), SideTags { s_vid: Some(2001), c_vids: Some(CTags::one(1)) });
    assert_eq!(hub.v4, Some(v4([10, 1, 255, 5], [10, 1, 255, 6])));
    assert_eq!(hub.v6, Some(v6("fd00:1:ff::5", "fd00:1:ff::6")));
    let prefixes: Vec<_> = hub.prefixes().iter().map(ToString::to_string).collect();
    assert_eq!(prefixes, ["10.1.0.0/16", "fd00:1::/32"]);
    assert_eq!(spoke.tags(), SideTags { s_vid: None, c_vids: Some(CTags::one(7)) });
    assert_eq!((&spoke.routes, spoke.v6), (&VnetRoutes::Bgp { asn: 65_515, bfd: None }, None));
    assert!(spoke.prefixes().is_empty());
}

/// Without the key, a gateway's session has no BFD; with it, the timers that it leaves out are those of `[routing]`.
#[test]
fn a_gateway_has_bfd_where_the_file_says_so() {
    let config = config(&ROUTED.replace("asn = 65515", "asn = 65515\nbfd = { multiplier = 5 }"));
    let usual = config.routing.expect("given").bfd.expect("on");
    let bfd = Some(BfdTimers { multiplier: 5, ..usual });
    let [_, spoke] = config.circuits[0].vnet_links.as_slice() else { panic!("two links") };
    assert_eq!(spoke.routes, VnetRoutes::Bgp { asn: 65_515, bfd });
}

#[test]
fn every_key_of_routing() {
    let routing = config(ROUTED).routing.expect("given");
    let command = Some("/usr/sbin/bird".into());
    let router_id = Ipv4Addr::new(192, 0, 2, 1);
    assert_eq!(routing.daemon, RoutingDaemon::Bird { command, asn: 12_076, router_id });
    assert_eq!((routing.netns.as_str(), routing.table), ("edge-routing", 1_000));
    assert_eq!(routing.graceful_restart, Duration::from_mins(2));
    assert_eq!((routing.icmp_rate_per_s, routing.punt_rate_per_s), (100, 1_000));
    let usual = BfdTimers { interval: Duration::from_millis(300), multiplier: 3 };
    assert_eq!((routing.bfd, routing.asn()), (Some(usual), Some(12_076)));
}

#[test]
fn what_is_not_given_has_its_default() {
    let config = config(&short("peer_asn = 65001\nprimary = '10.0.0.0/30'"));
    let routing = config.routing.as_ref().expect("given");
    assert_eq!((routing.netns.as_str(), routing.table), ("edge-routing", 1_000));
    assert_eq!((routing.icmp_rate_per_s, routing.punt_rate_per_s), (100, 1_000));
    assert_eq!(routing.graceful_restart, Duration::from_mins(2));
    let RoutingDaemon::Bird { command, .. } = &routing.daemon else { panic!("bird") };
    assert_eq!(command, &None);
    let routed = first(&config);
    assert_eq!(routed.source_check, SourceCheck::Advertised);
    assert!(routed.static_routes.is_empty() && routed.advertised_prefixes.is_empty());
    let expected = CustomerSession {
        peer_asn: 65_001,
        key_file: None,
        max_routes: 4_000,
        max_routes_v6: 100,
        bfd: Some(BfdTimers { interval: Duration::from_millis(300), multiplier: 3 }),
        passive: false,
        ttl_security: false,
    };
    assert_eq!(session(&config), &expected);
}

#[test]
fn limits_and_sources_follow_kind_and_offer() {
    let source = short("peer_asn = 65001\nprimary = '10.0.0.0/30'");
    let of = |source: &str| {
        let config = config(source);
        let session = session(&config);
        (session.max_routes, session.max_routes_v6, first(&config).source_check)
    };
    assert_eq!(of(&source), (4_000, 100, SourceCheck::Advertised));
    for (sku, max_routes) in [("local", 4_000), ("standard", 4_000), ("premium", 10_000)] {
        let source = source.replace("bandwidth", &format!("sku = '{sku}'\nbandwidth"));
        assert_eq!(of(&source).0, max_routes, "{sku}");
    }
    for kind in ["public", "microsoft"] {
        let source = source.replace("'private'", &format!("'{kind}'"));
        let source = format!("{source}advertised_prefixes = ['203.0.113.0/24']\n");
        assert_eq!(of(&source), (200, 200, SourceCheck::Registered), "{kind}");
    }
}

#[test]
fn bfd_is_on_unless_it_is_turned_off() {
    let timers = |routing: &str, peering: &str| {
        let keys = format!("peer_asn = 65001\nprimary = '10.0.0.0/30'\n{peering}");
        let source = short(&keys).replace("[routing]", &format!("[routing]\n{routing}"));
        let config = config(&source);
        session(&config).bfd.map(|bfd| (bfd.interval.as_millis(), bfd.multiplier))
    };
    for (routing, peering, expected) in [
        ("", "", Some((300, 3))),
        ("bfd = true", "", Some((300, 3))),
        ("bfd = false", "", None),
        ("bfd = false", "bfd = true", Some((300, 3))),
        ("bfd = false", "bfd = { multiplier = 5 }", Some((300, 5))),
        ("bfd = { interval = '50ms' }", "", Some((50, 3))),
        ("bfd = { interval = '50ms' }", "bfd = false", None),
        ("bfd = { interval = '50ms' }", "bfd = true", Some((50, 3))),
        ("bfd = { interval = '50ms' }", "bfd = { multiplier = 4 }", Some((50, 4))),
        ("bfd = { interval = '50ms' }", "bfd = { interval = '1s' }", Some((1_000, 3))),
        ("", "bfd = { interval = '10ms', multiplier = 50 }", Some((10, 50))),
    ] {
        assert_eq!(timers(routing, peering), expected, "{routing} {peering}");
    }
}

#[test]
fn a_peering_is_a_wire_without_a_session_and_without_routes() {
    let wire = config(&short(""));
    assert_eq!(wire.circuits[0].peerings[0].routed, None);
    assert_eq!((wire.circuits[0].wires().count(), wire.peering_links().count()), (1, 0));
    let routed = config(&short("static_routes = ['10.9.0.0/16']\nprimary = '10.0.0.0/30'"));
    assert_eq!(first(&routed).session, None);
    assert_eq!((routed.circuits[0].wires().count(), routed.peering_links().count()), (0, 1));
}

#[test]
fn links_have_one_order_and_names_that_stay() {
    let private = |link| RoutedKey::Peering {
        circuit: "contoso".into(),
        peering: PeeringKind::Private,
        link,
    };
    let microsoft = |link| RoutedKey::Peering {
        circuit: "contoso".into(),
        peering: PeeringKind::Microsoft,
        link,
    };
    let both = [Link::Primary, Link::Secondary];
    let config = config(ROUTED);
    let keys: Vec<_> = config.peering_links().map(|link| link.key()).collect();
    assert_eq!(keys, [both.map(private), both.map(microsoft)].concat());
    assert_eq!(keys[1].to_string(), "contoso/private/secondary");
    let first = config.peering_links().next().expect("a link");
    assert_eq!(first.tags(), SideTags { s_vid: Some(100), c_vids: Some(CTags::one(10)) });
    let vnets: Vec<_> = config.vnet_links().map(|link| link.key().to_string()).collect();
    assert_eq!(vnets, ["contoso/hub", "contoso/spoke"]);
    // The order of keys in the file is no matter, and neither are addresses.
    let other = ROUTED.replace(
        "primary = \"192.168.15.16/30\"\nsecondary = \"192.168.15.20/30\"",
        "secondary = \
                  \"172.16.0.4/30\"\nprimary = \"172.16.0.0/30\"",
    );
    let again: Vec<_> = parse(&other, Path::new("f"))
        .expect("correct")
        .peering_links()
        .map(|link| link.key())
        .collect();
    assert_eq!(again, keys);
}

#[test]
fn a_daemon_of_others_needs_neither_as_nor_router_id() {
    let source = short("static_routes = ['10.9.0.0/16']\nprimary = '10.0.0.0/30'");
    let source = source.replace("asn = 12076\nrouter_id = '192.0.2.1'", "daemon = 'none'");
    let routing = config(&source).routing.expect("given");
    assert_eq!((&routing.daemon, routing.asn()), (&RoutingDaemon::None, None));
    // Keys that are there for another day are no mistake.
    let kept = source.replace("'none'", "'none'\nasn = 12076\ncommand = '/usr/sbin/bird'");
    assert_eq!(config(&kept).routing, Some(routing));
}

#[test]
fn customers_may_have_the_same_addresses() {
    let second = &ROUTED[ROUTED.find("[[circuit]]").expect("a circuit")..];
    let second = second
        .replace("contoso", "fabrikam")
        .replace("s_tag = 100", "s_tag = 101")
        .replace("s_tag = 2001", "s_tag = 2002")
        .replace("c_tag = 7", "c_tag = 8")
        .replace("203.0.113.0", "198.51.100.0")
        .replace("2001:db8:113::", "2001:db8:51::");
    let config = config(&format!("{ROUTED}{second}"));
    assert_eq!((config.peering_links().count(), config.vnet_links().count()), (8, 4));
}

#[test]
fn a_circuit_can_have_a_wire_beside_a_domain() {
    let source = ROUTED.replace("peer_asn = 65001\nnetwork =", "#").replace(
        "network_v6 = \"fd00:15::18/125\"\nsource_check = \"registered\"\nadvertised_prefixes",
        "#",
    );
    let config = config(&source);
    let wires: Vec<_> = config.circuits[0].wires().map(|wire| wire.kind).collect();
    assert_eq!(wires, [PeeringKind::Microsoft]);
    assert_eq!(config.peering_links().count(), 2);
}

#[test]
fn routes_of_customers_may_be_around_everything() {
    let routes = |list: &str| ROUTED.replace("[\"10.9.0.0/16\", \"fd00:9::/48\"]", list);
    for list in
        ["[\"0.0.0.0/0\", \"::/0\"]", "[\"10.0.0.0/8\"]", "[\"0.0.0.0/1\", \"128.0.0.0/1\"]"]
    {
        check(&routes(list), &[]);
    }
}
