//! Wrong sessions of routed peerings.

use super::check_cases;

const PEERING: &str = "peer_asn = 65001\nprimary";

#[test]
fn as_numbers() {
    check_cases(&[
        (PEERING, "peer_asn = 0\nprimary", &[("peer_asn = 0", "nobody's (RFC 7607)")]),
        (PEERING, "peer_asn = 23456\nprimary", &[("peer_asn = 23456", "(RFC 6793)")]),
        (PEERING, "peer_asn = 65535\nprimary", &[("peer_asn = 65535", "(RFC 7300)")]),
        (PEERING, "peer_asn = 4294967295\nprimary", &[("peer_asn = 4", "(RFC 7300)")]),
        (
            PEERING,
            "peer_asn = 4294967296\nprimary",
            &[("peer_asn = 4", "the customer's AS number")],
        ),
        (PEERING, "peer_asn = -1\nprimary", &[("peer_asn = -1", "`peer_asn` is -1; give the")]),
        (PEERING, "peer_asn = 65515\nprimary", &[("peer_asn = 65515", "Azure keeps for gateways")]),
        (PEERING, "peer_asn = 65520\nprimary", &[("peer_asn = 65520", "Azure keeps for gateways")]),
        (PEERING, "peer_asn = 65514\nprimary", &[]),
        (PEERING, "peer_asn = 65521\nprimary", &[]),
        (PEERING, "peer_asn = 4294967294\nprimary", &[]),
        (PEERING, "peer_asn = \"65001\"\nprimary", &[("peer_asn = \"", "without quotes")]),
        (PEERING, "peer_asn = 1.5\nprimary", &[("peer_asn = 1.5", "floating-point number 1.5")]),
        (PEERING, "peer_asn = true\nprimary", &[("peer_asn = true", "is true; give")]),
        (PEERING, "peer_asn = 12076\nprimary", &[("peer_asn = 12076", "the edge's own AS")]),
        (
            PEERING,
            "peer_as = 65001\nprimary",
            &[
                ("peer_as =", "did you mean `peer_asn`?"),
                ("key_file", "is for a BGP session"),
                ("max_routes =", "is for a BGP"),
                ("max_routes_v6", "is for a BGP"),
                ("bfd = { interval = \"50ms\"", "is for a BGP"),
                ("passive", "is for a BGP"),
                (
                    "ttl_security",
                    "is for a BGP session, and the peering has static routes alone; give `peer_asn`",
                ),
            ],
        ),
    ]);
}

#[test]
fn sessions() {
    check_cases(&[
        ("max_routes = 4000", "max_routes = 0", &[("max_routes = 0", "a number from 1 to 32000")]),
        ("max_routes = 4000", "max_routes = 32001", &[("max_routes = 3", "from 1 to 32000")]),
        ("max_routes = 4000", "max_routes = \"4000\"", &[("max_routes = \"", "without quotes")]),
        ("max_routes = 4000", "max_routes = 15999", &[]),
        (
            "max_routes = 4000",
            "max_routes = 16000",
            &[(
                "max_routes = 16000",
                "the peering can have 32001 IPv4 routes (max_routes on each link, and static ones), and its table has room for 32000",
            )],
        ),
        ("max_routes_v6 = 100", "max_routes_v6 = 2001", &[("max_routes_v6", "from 1 to 2000")]),
        (
            "max_routes_v6 = 100",
            "max_routes_v6 = 1000",
            &[("max_routes_v6", "can have 2001 IPv6 routes")],
        ),
        ("max_routes_v6 = 100", "max_routes_v6 = -1", &[("max_routes_v6", "from 1 to 2000")]),
        ("passive = false", "passive = \"no\"", &[("passive", "true or false, without quotes")]),
        ("ttl_security = true", "ttl_security = 255", &[("ttl_security", "true or false")]),
        (
            "bfd = { interval = \"50ms\" }",
            "bfd = \"on\"",
            &[("bfd = \"on\"", "give true, false or { interval = \"300ms\", multiplier = 3 }")],
        ),
        (
            "bfd = { interval = \"50ms\" }",
            "bfd = { interval = \"9ms\" }",
            &[("bfd = { interval = \"9ms\"", "give \"10ms\" to \"10s\"")],
        ),
        (
            "bfd = { interval = \"50ms\" }",
            "bfd = { interval = \"11s\" }",
            &[("bfd = { interval = \"11s\"", "give \"10ms\" to \"10s\"")],
        ),
        (
            "bfd = { interval = \"50ms\" }",
            "bfd = { interval = \"50.5ms\" }",
            &[("bfd = { interval = \"50.5ms\"", "in whole ms")],
        ),
        (
            "bfd = { interval = \"50ms\" }",
            "bfd = { interval = 50 }",
            &[("bfd = { interval = 50", "give a time such as")],
        ),
        (
            "bfd = { interval = \"50ms\" }",
            "bfd = { interval = \"50ms\", multiplier = 1 }",
            &[("bfd = { interval = \"50ms\"", "a number from 2 to 50")],
        ),
        (
            "bfd = { interval = \"50ms\" }",
            "bfd = { interval = \"50ms\", multiplier = 51 }",
            &[("bfd = { interval = \"50ms\"", "a number from 2 to 50")],
        ),
        (
            "bfd = { interval = \"50ms\" }",
            "bfd = { intervall = \"50ms\" }",
            &[("bfd = { intervall", "bfd has no key `intervall`; did you mean `interval`?")],
        ),
        (
            "key_file = \"/etc/edge/keys/contoso\"",
            "key_file = \"keys/contoso\"",
            &[("key_file", "not an absolute path")],
        ),
        (
            "key_file = \"/etc/edge/keys/contoso\"",
            "key_file = \"/etc\\u0000\"",
            &[("key_file", "a control character")],
        ),
        ("key_file = \"/etc/edge/keys/contoso\"", "key_file = 5", &[("key_file", "give a string")]),
        ("key_file =", "key =", &[("key =", "has no key `key`")]),
    ]);
}

#[test]
fn static_routes_alone_have_no_session() {
    let expected: &[(&str, &str)] = &[
        (
            "key_file",
            "`key_file` is for a BGP session, and the peering has static routes alone; give `peer_asn`, or remove it",
        ),
        ("max_routes =", "`max_routes` is for a BGP session"),
        ("max_routes_v6", "`max_routes_v6` is for a BGP session"),
        ("bfd = { interval = \"50ms\"", "`bfd` is for a BGP session"),
        ("passive", "`passive` is for a BGP session"),
        ("ttl_security", "`ttl_security` is for a BGP session"),
    ];
    check_cases(&[(PEERING, "primary", expected)]);
}
