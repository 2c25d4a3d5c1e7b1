//! Mistakes that only all circuits together have.

use super::{ROUTED, check, check_cases};

/// [`ROUTED`], and a circuit with these keys and peerings behind it.
fn beside(circuit: &str) -> String {
    format!(
        "{ROUTED}[[circuit]]\nname = \"fabrikam\"\nbandwidth = \"1 Gbps\"\ns_tag = 101\n{circuit}"
    )
}

fn line(source: &str, text: &str) -> usize {
    source.lines().position(|line| line == text).expect("there") + 1
}

#[test]
fn an_address_of_the_edge_is_no_neighbours() {
    // The gateway of a VNet is the edge on a customer's link.
    check_cases(&[
        (
            "own = \"10.2.255.5/30\"\ngateway = \"10.2.255.6\"",
            "own = \"192.168.15.27/29\"\ngateway = \"192.168.15.26\"",
            &[(
                "gateway = \"192",
                "the neighbour's address 192.168.15.26 is the edge's own on another link, and one routing namespace can't have both; give another network (also claimed at f:",
            )],
        ),
        (
            "own = \"10.2.255.5/30\"\ngateway = \"10.2.255.6\"",
            "own = \"192.168.15.25/29\"\ngateway = \"192.168.15.28\"",
            &[("own = \"192", "the edge's address 192.168.15.25 is a neighbour's on another link")],
        ),
        (
            "own_v6 = \"fd00:1:ff::5/126\"\ngateway_v6 = \"fd00:1:ff::6\"",
            "own_v6 = \"fd00:15::19/126\"\ngateway_v6 = \"fd00:15::1b\"",
            &[("own_v6", "the edge's address fd00:15::19 is a neighbour's on another link")],
        ),
    ]);
    // Of two circuits, the later one is told.
    let source = beside(
        "[[circuit.peering]]\nkind = \"private\"\nc_tag = 10\npeer_asn = 65001\nprimary = \"10.2.255.4/30\"\n\
         ports = []\n",
    )
    .replace("ports = []\n", "");
    let at = line(&source, "primary = \"10.2.255.4/30\"");
    check(
        &source,
        &[
            (at, "the edge's address 10.2.255.6 is a neighbour's on another link"),
            (at, "the neighbour's address 10.2.255.5 is the edge's own on another link"),
        ],
    );
    // Links with one orientation have none of each other's.
    let same = beside(
        "[[circuit.peering]]\nkind = \"private\"\nc_tag = 10\npeer_asn = 65001\nprimary = \"192.168.15.16/30\"\n",
    );
    check(&same, &[]);
}

#[test]
fn a_registered_prefix_is_one_peerings() {
    let of = |prefixes: &str| {
        beside(&format!(
            "[[circuit.peering]]\nkind = \"microsoft\"\nc_tag = 10\npeer_asn = 65002\n\
             primary = \"192.168.15.16/30\"\nadvertised_prefixes = {prefixes}\n"
        ))
    };
    for (prefixes, words) in [
        (
            "[\"203.0.113.0/24\"]",
            "the registered prefix 203.0.113.0/24 overlaps 203.0.113.0/24, and a prefix belongs to one peering once; remove one (also claimed at f:",
        ),
        ("[\"203.0.113.64/26\"]", "203.0.113.64/26 overlaps 203.0.113.0/24"),
        ("[\"203.0.112.0/23\"]", "203.0.112.0/23 overlaps 203.0.113.0/24"),
        ("[\"2001:db8:113:5::/64\"]", "2001:db8:113:5::/64 overlaps 2001:db8:113::/48"),
    ] {
        let source = of(prefixes);
        let at = line(&source, &format!("advertised_prefixes = {prefixes}"));
        check(&source, &[(at, words)]);
        assert!(
            super::parse(&source, std::path::Path::new("f"))
                .expect_err("taken")
                .to_string()
                .contains("by circuit \"contoso\"")
        );
    }
    check(&of("[\"203.0.114.0/24\", \"2001:db8:114::/48\"]"), &[]);
}

/// A file with so many circuits of two peering-links each.
fn many(circuits: usize, keys: &str) -> String {
    let ports = &ROUTED[..ROUTED.find("[[circuit]]").expect("there")];
    let circuits = (0..circuits).map(|number| {
        format!(
            "[[circuit]]\nname = \"c{number}\"\nbandwidth = \"1 Gbps\"\ns_tag = {}\n\
             [[circuit.peering]]\nkind = \"private\"\nc_tag = 10\npeer_asn = 65001\n\
             network = \"192.168.15.16/29\"\n{keys}\n",
            number + 1
        )
    });
    ports.to_owned() + &circuits.collect::<String>()
}

#[test]
fn an_edge_has_four_thousand_peering_links() {
    check(&many(2_000, ""), &[]);
    let source = many(2_001, "");
    let at = source.lines().collect::<Vec<_>>();
    let last = at.iter().rposition(|line| *line == "[[circuit.peering]]").expect("there") + 1;
    check(
        &source,
        &[(
            last,
            "the edge has 4002 peering-links, and can have 4000; move circuits to another edge",
        )],
    );
}

#[test]
fn an_edge_has_room_for_twenty_million_routes() {
    // 32,200 for each circuit.
    check(&many(621, "max_routes = 16000"), &[]);
    let source = many(623, "max_routes = 16000");
    let found = super::parse(&source, std::path::Path::new("f")).expect_err("too many");
    let [only] = found.errors() else { panic!("{found}") };
    let line = source.lines().position(|line| line == "name = \"c621\"").expect("there");
    assert_eq!(only.position.map(|position| position.line), Some(line));
    let words =
        "with this circuit, customers can have 20028400 routes, and the edge has room for 20000000";
    assert!(only.message.contains(words), "{only:?}");
}
