//! Addresses that two have in one routing domain, and tags that two have on one port.

use super::{ROUTED, check, check_cases};

#[test]
fn links_of_one_peering_have_networks_of_their_own() {
    const SECONDARY: &str = "secondary = \"192.168.15.20/30\"";
    check_cases(&[
        (
            SECONDARY,
            "secondary = \"192.168.15.16/30\"",
            &[(
                "secondary",
                "192.168.15.16/30 (a link's network, `secondary`) overlaps 192.168.15.16/30 (a link's network, `primary`); give another network (first at f:",
            )],
        ),
        (
            "secondary_v6 = \"fd00:15::14/126\"",
            "secondary_v6 = \"fd00:15::10/126\"",
            &[("secondary_v6", "overlaps fd00:15::10/126 (a link's network, `primary_v6`)")],
        ),
        // Another peering is another domain.
        ("network = \"192.168.15.24/29\"", "network = \"192.168.15.16/29\"", &[]),
    ]);
}

#[test]
fn vnets_and_links_are_apart() {
    const PRIMARY: &str = "primary = \"192.168.15.16/30\"";
    const PREFIXES: &str = "prefixes = [\"10.1.0.0/16\", \"fd00:1::/32\"]";
    check_cases(&[
        (
            PRIMARY,
            "primary = \"10.1.5.0/30\"",
            &[(
                "prefixes",
                "10.1.0.0/16 (a prefix of VNet \"hub\") overlaps 10.1.5.0/30 (a link's network, `primary`)",
            )],
        ),
        (
            PRIMARY,
            "primary = \"10.2.255.4/30\"",
            &[(
                "own = \"10.2",
                "10.2.255.4/30 (the network of the link to VNet \"spoke\") overlaps 10.2.255.4/30 (a link's network, `primary`)",
            )],
        ),
        (
            PREFIXES,
            "prefixes = [\"192.168.0.0/16\"]",
            &[("prefixes", "overlaps 192.168.15.16/30"), ("prefixes", "overlaps 192.168.15.20/30")],
        ),
        (
            PREFIXES,
            "prefixes = [\"10.1.0.0/16\", \"fd00:15::/64\"]",
            &[("prefixes", "overlaps fd00:15::10/126"), ("prefixes", "overlaps fd00:15::14/126")],
        ),
        (
            "own = \"10.2.255.5/30\"\ngateway = \"10.2.255.6\"",
            "own = \"10.1.255.9/30\"\ngateway = \"10.1.255.10\"",
            &[(
                "own = \"10.1.255.9",
                "10.1.255.8/30 (the network of the link to VNet \"spoke\") overlaps 10.1.0.0/16 (a prefix of VNet \"hub\")",
            )],
        ),
        (
            "own = \"10.2.255.5/30\"\ngateway = \"10.2.255.6\"",
            "own = \"10.1.255.5/29\"\ngateway = \"10.1.255.2\"",
            &[
                ("own = \"10.1.255.5/29", "overlaps 10.1.0.0/16"),
                (
                    "own = \"10.1.255.5/29",
                    "overlaps 10.1.255.4/30 (the network of the link to VNet \"hub\")",
                ),
            ],
        ),
        (
            "asn = 65515",
            "prefixes = [\"10.1.7.0/24\"]",
            &[(
                "prefixes = [\"10.1.7",
                "10.1.7.0/24 (a prefix of VNet \"spoke\") overlaps 10.1.0.0/16 (a prefix of VNet \"hub\")",
            )],
        ),
        (
            "asn = 65515",
            "prefixes = [\"10.1.0.0/16\"]",
            &[("prefixes = [\"10.1.0.0/16\"]", "overlaps 10.1.0.0/16 (a prefix of VNet \"hub\")")],
        ),
        (
            "asn = 65515",
            "prefixes = [\"10.0.0.0/13\"]",
            &[
                ("prefixes = [\"10.0.0.0/13\"]", "overlaps 10.1.0.0/16"),
                (
                    "prefixes = [\"10.0.0.0/13\"]",
                    "overlaps 10.1.255.4/30 (the network of the link to VNet \"hub\")",
                ),
            ],
        ),
        ("asn = 65515", "prefixes = [\"10.2.0.0/16\"]", &[]),
    ]);
}

#[test]
fn static_routes_lead_to_nobody_elses_addresses() {
    const ROUTES: &str = "static_routes = [\"10.9.0.0/16\", \"fd00:9::/48\"]";
    check_cases(&[
        (
            ROUTES,
            "static_routes = [\"10.1.7.0/24\"]",
            &[(
                "prefixes",
                "10.1.0.0/16 (a prefix of VNet \"hub\") overlaps 10.1.7.0/24 (a static route)",
            )],
        ),
        (
            ROUTES,
            "static_routes = [\"10.1.0.0/16\"]",
            &[("prefixes", "overlaps 10.1.0.0/16 (a static route)")],
        ),
        (
            ROUTES,
            "static_routes = [\"192.168.15.16/30\"]",
            &[(
                "static_routes",
                "192.168.15.16/30 (a static route) overlaps 192.168.15.16/30 (a link's network, `primary`); remove the route",
            )],
        ),
        (
            ROUTES,
            "static_routes = [\"192.168.15.17/32\"]",
            &[("static_routes", "192.168.15.17/32 (a static route) overlaps")],
        ),
        (
            ROUTES,
            "static_routes = [\"fd00:1:7::/48\"]",
            &[("prefixes", "overlaps fd00:1:7::/48 (a static route)")],
        ),
        (ROUTES, "static_routes = [\"192.168.0.0/16\", \"192.168.200.0/24\"]", &[]),
    ]);
}

#[test]
fn tags_of_vnet_links_are_nobody_elses() {
    let wire = |tags: &str, ports: &str| {
        format!(
            "{ROUTED}[[circuit]]\nname = \"fabrikam\"\nbandwidth = \"1 Gbps\"\nports = {ports}\n{tags}\n"
        )
    };
    let line =
        |source: &str, text: &str| source.lines().position(|line| line == text).expect("there") + 1;
    let core = "[\"core0\"]";
    let pair = wire("s_tag = 2001\n[[circuit.peering]]\nkind = \"private\"\nc_tag = 1 #", core);
    check(
        &pair,
        &[(
            line(&pair, "c_tag = 1 #"),
            "S-tag 2001 with C-tag 1 is taken on port \"core0\"; choose another (also claimed at f:",
        )],
    );
    check(&wire("s_tag = 2001\n[[circuit.peering]]\nkind = \"private\"\nc_tag = 2", core), &[]);
    let outer = wire("[[circuit.peering]]\nkind = \"private\"\nc_tag = 2001 #", core);
    check(
        &outer,
        &[(
            line(&outer, "c_tag = 2001 #"),
            "C-tag 2001, alone, is the S-tag of other frames on port",
        )],
    );
    let alone = wire("[[circuit.peering]]\nkind = \"private\"\nc_tag = 7 #", "[\"core1\"]");
    check(&alone, &[(line(&alone, "c_tag = 7 #"), "C-tag 7 is taken on port \"core1\"")]);
    let other_port = wire("[[circuit.peering]]\nkind = \"private\"\nc_tag = 7 #", core);
    check(&other_port, &[]);
    // Two VNet links.
    check_cases(&[
        (
            "port = \"core1\"\nc_tag = 7",
            "port = \"core0\"\ns_tag = 2001\nc_tag = 1 #",
            &[("c_tag = 1 #", "S-tag 2001 with C-tag 1 is taken on port \"core0\"")],
        ),
        (
            "port = \"core1\"\nc_tag = 7",
            "port = \"core0\"\ns_tag = 2001 #",
            &[(
                "s_tag = 2001 #",
                "S-tag 2001, alone, is the S-tag of other frames on port \"core0\"",
            )],
        ),
        (
            "port = \"core1\"\nc_tag = 7",
            "port = \"core0\"\nc_tag = 2001 #",
            &[("c_tag = 2001 #", "C-tag 2001, alone, is the S-tag of other frames")],
        ),
        ("port = \"core1\"\nc_tag = 7", "port = \"core0\"\ns_tag = 2001\nc_tag = 2", &[]),
    ]);
}

#[test]
fn a_routed_peering_has_its_tags_towards_customers_alone() {
    // The pair that its peering has towards the customer is another circuit's towards the core.
    let source = format!(
        "{ROUTED}[[circuit]]\nname = \"fabrikam\"\nbandwidth = \"1 Gbps\"\nports = [\"core0\"]\ns_tag = 100\n\
         [[circuit.peering]]\nkind = \"private\"\nc_tag = 10\n"
    );
    check(&source, &[]);
    let source = source.replace("ports = [\"core0\"]", "ports = [\"customer0\"]");
    let line = source.lines().count();
    check(&source, &[(line, "S-tag 100 with C-tag 10 is taken on port \"customer0\"")]);
}

#[test]
fn tags_that_other_frames_would_not_come_back_with_are_refused() {
    // The untagged frames of the port are another circuit's.
    let source = format!(
        "{ROUTED}[[circuit]]\nname = \"untagged\"\nbandwidth = \"1 Gbps\"\nports = [\"core1\"]\n\
         [[circuit.peering]]\nkind = \"private\"\nc_tag = 10\ncore_c_tag = 0\n"
    );
    check(&source, &[]);
    let other =
        source.replace("interface = \"eth3\"", "interface = \"eth3\"\ntpids = [\"0x88a8\"]");
    let line = other.lines().position(|line| line == "vnet = \"spoke\"").expect("there");
    check(
        &other,
        &[(
            line,
            "frames of circuit \"contoso\" can leave by port \"core1\" with TPID 0x8100, which is none of its `tpids`",
        )],
    );
}
