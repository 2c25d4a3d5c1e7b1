//! Wrong values of `[routing]`.

use super::{ROUTED, check, check_cases};

#[test]
fn wrong_values() {
    check_cases(&[
        ("daemon = \"bird\"", "daemon = \"frr\"", &[("daemon", "give \"bird\" or \"none\"")]),
        ("daemon = \"bird\"", "daemon = true", &[("daemon", "is true")]),
        (
            "command = \"/usr/sbin/bird\"",
            "command = \"bird\"",
            &[("command", "not an absolute path")],
        ),
        ("command = \"/usr/sbin/bird\"", "command = 1", &[("command", "give a string")]),
        ("\"edge-routing\"", "\"\"", &[("netns", "give a name such as \"edge-routing\"")]),
        ("\"edge-routing\"", "\"a/b\"", &[("netns", "without '/' and blanks")]),
        ("\"edge-routing\"", "\"a b\"", &[("netns", "without '/' and blanks")]),
        ("\"edge-routing\"", "\"..\"", &[("netns", "without '/' and blanks")]),
        ("\"edge-routing\"", "\"-x\"", &[("netns", "without '/' and blanks")]),
        (
            "asn = 12076\n",
            "",
            &[(
                "[routing]",
                "[routing] has no `asn`, which BGP needs; add your own, such as `asn = 12076`",
            )],
        ),
        ("asn = 12076\n", "asn = 0\n", &[("asn = 0", "nobody's")]),
        ("asn = 12076\n", "asn = 23456\n", &[("asn = 23456", "(RFC 6793)")]),
        ("asn = 12076\n", "asn = 65535\n", &[("asn = 65535", "is reserved")]),
        ("asn = 12076\n", "asn = \"12076\"\n", &[("asn = \"", "without quotes")]),
        (
            "router_id = \"192.0.2.1\"\n",
            "",
            &[("[routing]", "has no `router_id`, which BGP needs")],
        ),
        (
            "router_id = \"192.0.2.1\"",
            "router_id = \"0.0.0.0\"",
            &[("router_id", "BGP identifier in the form of")],
        ),
        ("router_id = \"192.0.2.1\"", "router_id = \"::1\"", &[("router_id", "BGP identifier")]),
        ("router_id = \"192.0.2.1\"", "router_id = 1", &[("router_id", "BGP identifier")]),
        ("table = 1000", "table = 255", &[("table", "a table's number from 256")]),
        (
            "table = 1000",
            "table = 2000000001",
            &[("table", "a table's number from 256 to 2000000000")],
        ),
        ("table = 1000", "table = 256", &[]),
        (
            "multiplier = 3",
            "multiplier = 0",
            &[("bfd = { interval = \"300ms\"", "a number from 2 to 50")],
        ),
        ("\"300ms\"", "\"0ms\"", &[("bfd = { interval = \"0ms\"", "give \"10ms\" to \"10s\"")]),
        (
            "graceful_restart = \"120s\"",
            "graceful_restart = \"4096s\"",
            &[("graceful_restart", "whole seconds up to \"4095s\"")],
        ),
        (
            "graceful_restart = \"120s\"",
            "graceful_restart = \"1.5s\"",
            &[("graceful_restart", "whole seconds")],
        ),
        (
            "graceful_restart = \"120s\"",
            "graceful_restart = 120",
            &[("graceful_restart", "give a time such as")],
        ),
        ("graceful_restart = \"120s\"", "graceful_restart = \"0s\"", &[]),
        (
            "icmp_rate = 100",
            "icmp_rate = -1",
            &[("icmp_rate", "answers a second, from 0 (none) to 100000")],
        ),
        ("icmp_rate = 100", "icmp_rate = 100001", &[("icmp_rate", "answers a second")]),
        ("icmp_rate = 100", "icmp_rate = 0", &[]),
        (
            "punt_rate = 1000",
            "punt_rate = 9",
            &[("punt_rate", "frames a second, from 10 to 100000")],
        ),
        ("punt_rate = 1000", "punt_rate = 100001", &[("punt_rate", "frames a second")]),
        ("punt_rate = 1000", "punt_rates = 1000", &[("punt_rates", "did you mean `punt_rate`?")]),
        ("punt_rate = 1000", "site = \"amsterdam\"", &[("site", "[routing] has no key `site`")]),
    ]);
}

#[test]
fn the_table_itself() {
    let from = ROUTED.find("[routing]").expect("there");
    let (before, rest) = ROUTED.split_at(from);
    let circuits = &rest[rest.find("[[circuit]]").expect("there")..];
    let without = format!("{before}{circuits}");
    let line =
        |source: &str, text: &str| source.lines().position(|line| line == text).expect("there") + 1;
    let peering = line(&without, "[[circuit.peering]]");
    check(
        &without,
        &[(
            peering,
            "the peering is routed, and there is no [routing]; add it, with the edge's `asn`",
        )],
    );
    check(&format!("routing = 5\n{without}"), &[(1, "`routing` is 5; write [routing], once")]);
    // Of two mistakes in it, both are told, and none that follows from them.
    let both = ROUTED.replace("asn = 12076\n", "").replace("table = 1000", "table = 1");
    check(
        &both,
        &[
            (line(&both, "[routing]"), "has no `asn`"),
            (line(&both, "table = 1"), "a table's number"),
        ],
    );
    // It may be there for peerings that come later.
    check(&format!("{before}{}", &rest[..rest.find("[[circuit]]").expect("there")]), &[]);
}
