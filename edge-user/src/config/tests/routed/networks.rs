//! Wrong networks of peerings, and ports of their links.

use super::check_cases;

#[test]
fn networks() {
    const PRIMARY: &str = "primary = \"192.168.15.16/30\"";
    const PRIMARY_V6: &str = "primary_v6 = \"fd00:15::10/126\"";
    const NETWORK: &str = "network = \"192.168.15.24/29\"";
    check_cases(&[
        (PRIMARY, "primary = \"192.168.15.16/29\"", &[("primary", "give a /30 such as")]),
        (PRIMARY, "primary = \"192.168.15.16/31\"", &[("primary", "give a /30")]),
        (PRIMARY, "primary = \"192.168.15.16\"", &[("primary", "give a /30")]),
        (
            PRIMARY,
            "primary = \"192.168.15.17/30\"",
            &[("primary", "which has bits behind the prefix; write \"192.168.15.16/30\"")],
        ),
        (PRIMARY, "primary = \"192.168.15.256/30\"", &[("primary", "give a /30")]),
        (PRIMARY, "primary = \"192.168.015.16/30\"", &[("primary", "give a /30")]),
        (PRIMARY, "primary = \"192.168.15.16/030\"", &[("primary", "give a /30")]),
        (PRIMARY, "primary = \"\"", &[("primary", "is \"\"; give a /30")]),
        (PRIMARY, "primary = 30", &[("primary", "is 30; give a /30")]),
        (PRIMARY, "primary = [\"192.168.15.16/30\"]", &[("primary", "is an array; give a /30")]),
        (
            PRIMARY,
            "primary = \"fd00:15::20/126\"",
            &[("primary", "give IPv4 here, and IPv6 in the key that ends in `_v6`")],
        ),
        (PRIMARY, "primary = \"127.0.0.0/30\"", &[("primary", "a host's own (RFC 1122)")]),
        (PRIMARY, "primary = \"169.254.0.0/30\"", &[("primary", "without routers (RFC 3927)")]),
        (PRIMARY, "primary = \"0.0.0.0/30\"", &[("primary", "this network alone")]),
        (PRIMARY, "primary = \"224.0.0.0/30\"", &[("primary", "is multicast")]),
        (PRIMARY, "primary = \"255.255.255.252/30\"", &[("primary", "is reserved")]),
        (PRIMARY_V6, "primary_v6 = \"fd00:15::10/127\"", &[("primary_v6", "give a /126")]),
        (
            PRIMARY_V6,
            "primary_v6 = \"fd00:15::11/126\"",
            &[("primary_v6", "write \"fd00:15::10/126\"")],
        ),
        (PRIMARY_V6, "primary_v6 = \"192.168.15.32/30\"", &[("primary_v6", "give IPv6 here")]),
        (
            PRIMARY_V6,
            "primary_v6 = \"fe80::10/126\"",
            &[("primary_v6", "without routers (RFC 4291)")],
        ),
        (PRIMARY_V6, "primary_v6 = \"ff02::10/126\"", &[("primary_v6", "is multicast")]),
        (PRIMARY_V6, "primary_v6 = \"::/126\"", &[("primary_v6", "a host's own, or none")]),
        (NETWORK, "network = \"192.168.15.24/30\"", &[("network =", "give a /29 such as")]),
        (NETWORK, "network = \"192.168.15.28/29\"", &[("network =", "write \"192.168.15.24/29\"")]),
        (
            "network_v6 = \"fd00:15::18/125\"",
            "network_v6 = \"fd00:15::18/126\"",
            &[("network_v6", "give a /125")],
        ),
        (
            NETWORK,
            "network = \"192.168.15.24/29\"\nprimary = \"192.168.15.32/30\"",
            &[(
                "primary = \"192.168.15.32",
                "the peering has `primary` and `network`, which is split into both links' networks; remove one (`network` is at f:",
            )],
        ),
        (
            NETWORK,
            "network = \"192.168.15.24/29\"\nsecondary = \"192.168.15.32/30\"",
            &[("secondary = \"192.168.15.32", "`secondary` and `network`")],
        ),
        (
            "network_v6 = \"fd00:15::18/125\"",
            "network_v6 = \"fd00:15::18/125\"\nprimary_v6 = \"fd00:15::20/126\"",
            &[("primary_v6 = \"fd00:15::20", "`primary_v6` and `network_v6`")],
        ),
        (
            "network_v6 = \"fd00:15::18/125\"",
            "network_v6 = \"fd00:15::18/125\"\nsecondary_v6 = \"fd00:15::20/126\"",
            &[("secondary_v6 = \"fd00:15::20", "`secondary_v6` and `network_v6`")],
        ),
        (
            "[[circuit.peering]]\nkind = \"microsoft\"\nc_tag = 20\npeer_asn = 65001\nnetwork = \"192.168.15.24/29\"\nnetwork_v6 = \"fd00:15::18/125\"\n",
            "[[ circuit.peering]]\nkind = \"microsoft\"\nc_tag = 20\npeer_asn = 65001\n",
            &[(
                "[[ circuit",
                "a routed peering has a network on each link, and this one has none; add `primary`",
            )],
        ),
        // One family, one link, or IPv4 of one and IPv6 of the other are enough.
        ("network = \"192.168.15.24/29\"\n", "", &[]),
        ("network_v6 = \"fd00:15::18/125\"\n", "", &[]),
        (
            "primary = \"192.168.15.16/30\"\nsecondary = \"192.168.15.20/30\"\n",
            "secondary = \"192.168.15.20/30\"\n",
            &[],
        ),
    ]);
}

#[test]
fn ports_of_links() {
    check_cases(&[
        ("ports = [\"customer0\", \"customer1\"]\n", "", &[]),
        (
            "link = \"secondary\"\n",
            "",
            &[
                (
                    "primary = ",
                    "`primary` is for the primary link, and the circuit is on 2 customer-side ports with `link = \"primary\"` (\"customer0\", \"customer1\"), of which its addresses can be on one",
                ),
                (
                    "secondary = ",
                    "the circuit is on no customer-side port with `link = \"secondary\"`; give a port that `link`",
                ),
                ("network = ", "`network` is for the primary link"),
                ("network = ", "`network` is for the secondary link"),
            ],
        ),
        (
            "ports = [\"customer0\", \"customer1\"]",
            "ports = [\"customer0\"]",
            &[
                ("secondary = ", "on no customer-side port with `link = \"secondary\"`"),
                ("network = ", "`network` is for the secondary link"),
            ],
        ),
        (
            "ports = [\"customer0\", \"customer1\"]",
            "ports = [\"core0\"]",
            &[
                ("primary = ", "on no customer-side port"),
                ("secondary = ", "on no customer-side port"),
                ("network = ", "`network` is for the primary link"),
                ("network = ", "`network` is for the secondary link"),
            ],
        ),
        // A port that is wrong could be the right one.
        ("link = \"secondary\"", "link = \"second\"", &[("link", "`link` is \"second\"")]),
        (
            "ports = [\"customer0\", \"customer1\"]",
            "ports = [\"customer0\", \"customer9\"]",
            &[
                ("ports", "`ports` names the unknown port \"customer9\""),
                ("secondary = ", "on no customer-side"),
                ("network = ", "secondary link"),
            ],
        ),
    ]);
}
