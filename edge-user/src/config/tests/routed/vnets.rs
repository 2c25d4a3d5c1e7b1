//! Wrong VNet links, one mistake at a time.

use super::{ROUTED, check, check_cases};

const HUB: &str = "vnet = \"hub\"";
const SPOKE: &str = "[[circuit.vnet_link]]\nvnet = \"spoke\"";
const ONCE_MORE: &str = "[[ circuit.vnet_link]]\nvnet = \"spoke\"";

#[test]
fn names_ports_and_tags() {
    check_cases(&[
        (HUB, "vnet = \"\"", &[("vnet = \"\"", "`vnet` is empty")]),
        (HUB, "vnet = \"a\\nb\"", &[("vnet = \"a", "a control character")]),
        (HUB, "vnet = 5", &[("vnet = 5", "give a string")]),
        (
            "[[circuit.vnet_link]]\nvnet = \"spoke\"",
            "[[ circuit.vnet_link]]",
            &[("[[ circuit", "vnet_link has no `vnet`")],
        ),
        (
            "vnet = \"spoke\"",
            "vnet = \"hub\" #",
            &[(
                "vnet = \"hub\" #",
                "two links to the VNet \"hub\"; remove one, or name it otherwise (first at f:",
            )],
        ),
        (
            "port = \"core0\"\ns_tag",
            "port = \"core9\"\ns_tag",
            &[("port = \"core9\"", "the unknown port \"core9\"; did you mean \"core0\"?")],
        ),
        (
            "port = \"core0\"\ns_tag",
            "port = \"stack\"\ns_tag",
            &[("port = \"stack\"", "the unknown port \"stack\"")],
        ),
        (
            "port = \"core0\"\ns_tag",
            "port = \"customer0\"\ns_tag",
            &[(
                "port = \"customer0\"",
                "leads to customers, and a VNet is behind a port with `side = \"core\"`",
            )],
        ),
        (
            "[[circuit.vnet_link]]\nvnet = \"spoke\"\nport = \"core1\"",
            "[[ circuit.vnet_link]]\nvnet = \"spoke\"",
            &[("[[ circuit", "vnet_link has no `port`")],
        ),
        ("s_tag = 2001", "s_tag = 4095", &[("s_tag = 4095", "1 to 4094")]),
        ("c_tag = 7", "c_tag = 0", &[("c_tag = 0", "1 to 4094")]),
        ("c_tag = 7", "c_tag = \"7-8\"", &[("c_tag = \"7-8\"", "1 to 4094")]),
        (
            "[[circuit.vnet_link]]\nvnet = \"spoke\"\nport = \"core1\"\nc_tag = 7",
            "[[ circuit.vnet_link]]\nvnet = \"spoke\"\nport = \"core1\"",
            &[("[[ circuit", "the VNet link has no tag; add `c_tag`, or `s_tag` and `c_tag`")],
        ),
        ("c_tag = 7", "s_tag = 7", &[]),
        (
            "c_tag = 7",
            "vxlan = { vni = 7001, remote = \"10.0.9.1\" }",
            &[(
                "vxlan",
                "`vxlan` is not supported yet: this version reaches a VNet by VLAN tags alone; give `s_tag`, `c_tag` or both",
            )],
        ),
        (
            "c_tag = 7",
            "c_tag = 7
vlan = 7",
            &[("vlan", "vnet_link has no key `vlan`")],
        ),
    ]);
}

#[test]
fn addresses() {
    const OWN: &str = "own = \"10.2.255.5/30\"";
    const GATEWAY: &str = "gateway = \"10.2.255.6\"";
    const OWN_V6: &str = "own_v6 = \"fd00:1:ff::5/126\"";
    const GATEWAY_V6: &str = "gateway_v6 = \"fd00:1:ff::6\"";
    check_cases(&[
        (
            OWN,
            "own = \"10.2.255.5\"",
            &[("own = \"10.2", "an address with its prefix's length, such as")],
        ),
        (OWN, "own = \"10.2.255.5/32\"", &[("own = \"10.2", "a length from /8 to /31")]),
        (OWN, "own = \"10.2.255.5/7\"", &[("own = \"10.2", "a length from /8 to /31")]),
        (OWN, "own = \"fd00:2::5/126\"", &[("own = \"fd00", "give IPv4 here")]),
        (OWN, "own = \"127.0.0.1/30\"", &[("own = \"127", "a host's own")]),
        (
            OWN,
            "own = \"10.2.255.4/30\"",
            &[("own = \"10.2", "that of the whole network; give a host's")],
        ),
        (
            OWN,
            "own = \"10.2.255.7/30\"",
            &[("own = \"10.2", "that of the whole network; give a host's")],
        ),
        (
            OWN,
            "own = \"10.2.255.6/30\"",
            &[("gateway = \"10.2", "the edge's own address; give the gateway's")],
        ),
        (
            OWN,
            "own = \"10.2.255.9/30\"",
            &[("gateway = \"10.2", "which is not in 10.2.255.8/30, the network of `own`")],
        ),
        (OWN, "own = \"10.2.255.7/31\"", &[]),
        (OWN, "own = \"10.2.200.7/16\"", &[]),
        (
            GATEWAY,
            "gateway = \"10.2.255.7\"",
            &[("gateway = \"10.2", "which stands for all of 10.2.255.4/30")],
        ),
        (
            GATEWAY,
            "gateway = \"10.2.255.4\"",
            &[("gateway = \"10.2", "which stands for all of 10.2.255.4/30")],
        ),
        (
            GATEWAY,
            "gateway = \"10.2.255.6/30\"",
            &[("gateway = \"10.2", "an IPv4 address without a length")],
        ),
        (
            GATEWAY,
            "gateway = \"fd00::1\"",
            &[("gateway = \"fd00", "an IPv4 address without a length")],
        ),
        (GATEWAY, "gateway = \"224.0.0.5\"", &[("gateway = \"224", "is multicast")]),
        (OWN_V6, "own_v6 = \"fd00:1:ff::5\"", &[("own_v6", "an address with its prefix's length")]),
        (OWN_V6, "own_v6 = \"fd00:1:ff::5/128\"", &[("own_v6", "a length from /16 to /127")]),
        (OWN_V6, "own_v6 = \"10.1.255.5/30\"", &[("own_v6", "give IPv6 here")]),
        (OWN_V6, "own_v6 = \"fe80::5/126\"", &[("own_v6", "without routers")]),
        (OWN_V6, "own_v6 = \"fd00:1:ff::4/126\"", &[("own_v6", "that of the whole network")]),
        (OWN_V6, "own_v6 = \"fd00:1:ff::7/126\"", &[]),
        (GATEWAY_V6, "gateway_v6 = \"fd00:1:ff::4\"", &[("gateway_v6", "stands for all of")]),
        (
            GATEWAY_V6,
            "gateway_v6 = \"fd00:1:ff::9\"",
            &[("gateway_v6", "which is not in fd00:1:ff::4/126, the network of `own_v6`")],
        ),
        (
            GATEWAY_V6,
            "gateway_v6 = \"10.1.255.6\"",
            &[("gateway_v6", "an IPv6 address without a length")],
        ),
        (
            "[[circuit.vnet_link]]\nvnet = \"spoke\"\nport = \"core1\"\nc_tag = 7\nown = \"10.2.255.5/30\"\n",
            "[[ circuit.vnet_link]]\nvnet = \"spoke\"\nport = \"core1\"\nc_tag = 7\n",
            &[("[[ circuit", "the VNet link has `gateway` and no `own`; add `own = …`")],
        ),
        (
            "own_v6 = \"fd00:1:ff::5/126\"\n",
            "",
            &[("[[circuit.vnet_link]]", "has `gateway_v6` and no `own_v6`")],
        ),
        (
            "gateway_v6 = \"fd00:1:ff::6\"\n",
            "",
            &[("[[circuit.vnet_link]]", "has `own_v6` and no `gateway_v6`")],
        ),
        (
            "[[circuit.vnet_link]]\nvnet = \"spoke\"\nport = \"core1\"\nc_tag = 7\nown = \"10.2.255.5/30\"\ngateway = \"10.2.255.6\"\n",
            "[[ circuit.vnet_link]]\nvnet = \"spoke\"\nport = \"core1\"\nc_tag = 7\n",
            &[("[[ circuit", "the VNet link has no addresses; add `own` and `gateway`")],
        ),
    ]);
}

#[test]
fn routes() {
    const PREFIXES: &str = "prefixes = [\"10.1.0.0/16\", \"fd00:1::/32\"]";
    check_cases(&[
        (
            PREFIXES,
            "",
            &[(
                "[[circuit.vnet_link]]",
                "the VNet link has neither `prefixes` nor `asn`; add the VNet's prefixes, or",
            )],
        ),
        (PREFIXES, "prefixes = []", &[("prefixes", "`prefixes` is empty")]),
        (PREFIXES, "prefixes = [\"10.1.0.1/16\"]", &[("prefixes", "write \"10.1.0.0/16\"")]),
        (
            PREFIXES,
            "prefixes = [\"0.0.0.0/0\"]",
            &[("prefixes", "is the default route, which only a customer can have")],
        ),
        (PREFIXES, "prefixes = [\"127.0.0.0/8\"]", &[("prefixes", "a host's own")]),
        (
            PREFIXES,
            "prefixes = [\"10.1.0.0/16\", \"10.1.0.0/16\"]",
            &[("prefixes", "10.1.0.0/16 (a prefix of VNet \"hub\") overlaps 10.1.0.0/16")],
        ),
        (
            PREFIXES,
            "prefixes = [\"10.1.0.0/16\", \"10.1.2.0/24\"]",
            &[("prefixes", "10.1.2.0/24 (a prefix of VNet \"hub\") overlaps 10.1.0.0/16")],
        ),
        (
            PREFIXES,
            "prefixes = [\"10.1.0.0/16\"]\nasn = 65515",
            &[(
                "asn = 65515",
                "`asn`, by which the gateway announces its prefixes, and `prefixes`; remove one",
            )],
        ),
        (
            "asn = 65515",
            "prefixes = [\"10.2.0.0/16\", \"fd00:2::/32\"]",
            &[(
                "prefixes = [\"10.2",
                "the prefix fd00:2::/32 leads nowhere, as the link has no `own_v6` and `gateway_v6`",
            )],
        ),
        ("asn = 65515", "asn = 0", &[("asn = 0", "nobody's")]),
        ("asn = 65515", "asn = 23456", &[("asn = 23456", "(RFC 6793)")]),
        (
            "asn = 65515",
            "asn = 12076 #",
            &[("asn = 12076 #", "the edge's own AS; give the gateway's")],
        ),
        ("asn = 65515", "asn = 64512", &[]),
        (
            PREFIXES,
            "prefixes = [\"10.1.0.0/16\", \"fd00:1::/32\"]\nbfd = true",
            &[("bfd = true", "there is none without `asn`; add that, or remove this")],
        ),
    ]);
    // The name of a key is wrong, and the key is missing.
    let wrong = ROUTED.replace(SPOKE, ONCE_MORE).replace("asn = 65515", "ans = 65515");
    let line = |text: &str| wrong.lines().position(|line| line == text).expect("there") + 1;
    check(
        &wrong,
        &[
            (line("[[ circuit.vnet_link]]"), "neither `prefixes` nor `asn`"),
            (line("ans = 65515"), "vnet_link has no key `ans`; the keys are"),
        ],
    );
}

#[test]
fn a_vnet_has_so_many_prefixes_and_no_more() {
    let with = |v4: u32, v6: u32| {
        let v4 = (0..v4).map(|number| {
            format!("\"{}/32\"", std::net::Ipv4Addr::from_bits(0x0b00_0000 + number))
        });
        let v6 = (0..v6).map(|number| format!("\"fd00:1:{number:x}::/48\""));
        let all: Vec<_> = v4.chain(v6).collect();
        ROUTED.replace("[\"10.1.0.0/16\", \"fd00:1::/32\"]", &format!("[{}]", all.join(", ")))
    };
    let line = ROUTED.lines().position(|line| line.starts_with("prefixes")).expect("there") + 1;
    check(&with(1_000, 100), &[]);
    check(&with(1_001, 100), &[(line, "more than 1000 IPv4 prefixes; give fewer")]);
    check(&with(1_000, 101), &[(line, "more than 100 IPv6 prefixes; give fewer")]);
}

/// The number that an offer has, by bandwidth for premium ones.
#[test]
fn a_circuit_has_as_many_vnets_as_its_offer() {
    let link = |number: usize| {
        format!(
            "[[circuit.vnet_link]]\nvnet = \"more{number}\"\nport = \"core0\"\nc_tag = {}\n\
             own = \"10.3.{number}.1/30\"\ngateway = \"10.3.{number}.2\"\nasn = 65515\n",
            100 + number
        )
    };
    let with = |count: usize| ROUTED.to_owned() + &(0..count).map(link).collect::<String>();
    check(&with(8), &[]);
    let source = with(9);
    let at = source.lines().position(|line| line == "vnet = \"more8\"").expect("there");
    let message = "the circuit has 11 VNet links, and a standard circuit may have 10; remove some, or give \
                   it `sku = \"premium\"`, which at 1 Gbps may have 50";
    check(&source, &[(at, message)]);
    for (bandwidth, most) in [
        ("64 kbps", 20),
        ("50 Mbps", 20),
        ("100 Mbps", 25),
        ("200 Mbps", 25),
        ("499 Mbps", 25),
        ("500 Mbps", 40),
        ("1 Gbps", 50),
        ("2 Gbps", 60),
        ("5 Gbps", 75),
        ("10 Gbps", 100),
        ("100 Gbps", 100),
    ] {
        let as_sold = |source: &str| {
            let sold = format!("bandwidth = \"{bandwidth}\"\nsku = \"premium\"");
            source.replacen("bandwidth = \"1 Gbps\"", &sold, 1)
        };
        check(&as_sold(&with(most - 2)), &[]);
        let source = as_sold(&with(most - 1));
        let last = format!("vnet = \"more{}\"", most - 2);
        let at = source.lines().position(|line| line == last).expect("there");
        let has = format!("the circuit has {} VNet links, and a premium circuit of", most + 1);
        check(&source, &[(at, &has)]);
    }
    // A live change of the bandwidth keeps to it.
    let source = with(38).replacen("bandwidth", "sku = \"premium\"\nbandwidth", 1);
    let config = crate::config::parse(&source, std::path::Path::new("f")).unwrap();
    let name = &config.circuits[0].name;
    assert!(config.circuit_at(name, 500_000_000).is_ok());
    let refused = config.circuit_at(name, 499_000_000).unwrap_err().to_string();
    assert!(refused.contains("it has 40 VNet links, and may have 25"), "{refused}");
}

#[test]
fn vnets_are_behind_a_routed_private_peering() {
    let message = "a VNet is reached by a routed private peering, which the circuit has not";
    let public = ROUTED.replace("kind = \"microsoft\"", "kind = \"public\"");
    let only_public = {
        let from = public.find("[[circuit.peering]]\nkind = \"private\"").expect("there");
        let to = public.find("[[circuit.peering]]\nkind = \"public\"").expect("there");
        format!("{}{}", &public[..from], &public[to..])
    };
    let line = |source: &str| {
        source.lines().position(|line| line == "[[circuit.vnet_link]]").expect("there") + 1
    };
    check(&only_public, &[(line(&only_public), message)]);
    let wire = "[[circuit.peering]]\nkind = \"private\"\nc_tag = 10\n[[circuit.vnet_link]]";
    let beside_a_wire = only_public.replacen("[[circuit.vnet_link]]", wire, 1);
    check(&beside_a_wire, &[(line(&beside_a_wire), message)]);
}

#[test]
fn vnet_links_are_an_array_of_tables() {
    let to = ROUTED.find(SPOKE).expect("there");
    let one = ROUTED[..to].replace("[[circuit.vnet_link]]", "[circuit.vnet_link]");
    let line = one.lines().position(|line| line == "[circuit.vnet_link]").expect("there") + 1;
    let words = "`vnet_link` is a table; write vnet_link = [{ … }] for each one";
    check(&one, &[(line, words)]);
}
