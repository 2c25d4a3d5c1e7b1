//! One case for each thing that can be wrong.

use std::path::Path;

use super::{CIRCUIT, MINIMAL, MetricsDetail, check, parse};

/// A text in [`MINIMAL`] and [`CIRCUIT`], its replacement, and the errors that this makes, each by
/// its line and words of its message.
type Case = (&'static str, &'static str, &'static [(usize, &'static str)]);

#[test]
fn edge_and_ports() {
    check_cases(&[
        ("name = \"e\"\n", "", &[(1, "[edge] has no `name`")]),
        ("[edge]\nname = \"e\"\n", "", &[(1, "there is no [edge]")]),
        ("[edge]\n", "[[edge]]\n", &[(1, "`edge` is an array; write [edge], once")]),
        ("name = \"e\"", "name = \"e\"\nstate_dir = \"x\"", &[(3, "not an absolute path")]),
        ("name = \"e\"", "name = \"e\"\ncontrol = \"x\"", &[(3, "not an absolute path")]),
        ("name = \"e\"", "name = \"e\"\npin_dir = \"\"", &[(3, "not an absolute path")]),
        ("name = \"e\"", "name = \"e\"\nmetrics = 9478", &[(3, "give a string")]),
        ("name = \"e\"", "name = \"e\"\nmetrics_detail = true", &[(3, "\"circuit\" or \"all\"")]),
        ("name = \"e\"", "name = \"e\"\nunmatched = \"no\"", &[(3, "\"drop\" or \"pass\"")]),
        (
            "[[circuit]]",
            "[[circuits]]",
            &[(11, "did you mean `circuit`?"), (15, "`circuit` is a table")],
        ),
        ("name = \"p1\"", "name = \"p0\"", &[(8, "(also claimed at f:4:8 by port \"p0\")")]),
        ("\"eth1\"", "\"eth0\"", &[(9, "(also claimed at f:5:13 by port \"p0\")")]),
        ("name = \"p1\"", "name = \"stack\"", &[(8, "can't be named \"stack\"")]),
        ("\"eth1\"", "\"eth1/0\"", &[(9, "without '/'")]),
        ("\"eth1\"", "\"interface1234567\"", &[(9, "at most 15")]),
        ("\"core\"", "\"core\"\nforward = \"p1\"", &[(11, "forwards to itself")]),
        ("\"core\"", "\"core\"\nforward = \"p2\"", &[(11, "unknown port \"p2\"")]),
        ("\"core\"", "\"core\"\ntpids = []", &[(11, "`tpids` is empty")]),
        ("\"core\"", "\"core\"\ntpids = \"0x8100\"", &[(11, "give an array")]),
        ("\"core\"", "\"core\"\ntpids = [0x8100, \"0x8100\"]", &[(11, "(first at f:11:10)")]),
        ("\"core\"", "\"core\"\ntpids = [2048]", &[(11, "entry of `tpids` is 2048")]),
        ("\"core\"", "\"core\"\nlink = \"third\"", &[(11, "\"primary\" or \"secondary\"")]),
        ("\"core\"", "\"core\"\nxdp_mode = \"skb\"", &[(11, "\"native\" or")]),
    ]);
}

#[test]
fn metrics_have_every_circuit_in_detail_where_the_file_says_so() {
    let source = format!("{MINIMAL}{CIRCUIT}");
    let source = source.replacen("name = \"e\"", "name = \"e\"\nmetrics_detail = \"all\"", 1);
    let config = parse(&source, Path::new("f")).expect("correct");
    assert_eq!(config.edge.metrics_detail, MetricsDetail::All);
}

#[test]
fn circuits() {
    check_cases(&[
        ("name = \"c1\"", "name = \"\"", &[(12, "is empty")]),
        ("bandwidth = \"1 Gbps\"\n", "", &[(11, "has no `bandwidth`")]),
        ("\"1 Gbps\"", "\"1 kbps\"", &[(13, "64 kbps to 800 Gbps")]),
        ("\"1 Gbps\"", "\"801 Gbps\"", &[(13, "64 kbps to 800 Gbps")]),
        ("\"1 Gbps\"", "-1", &[(13, "`bandwidth` is -1")]),
        ("s_tag = 100", "s_tag = 0", &[(14, "1 to 4094")]),
        ("s_tag = 100", "s_tag = 4095", &[(14, "1 to 4094")]),
        ("s_tag = 100", "s_tag = \"100\"", &[(14, "without quotes")]),
        ("s_tag = 100", "s_tag = 100\nports = []", &[(15, "`ports` is empty")]),
        ("s_tag = 100", "s_tag = 100\nports = [\"x\"]", &[(15, "unknown port \"x\"")]),
        ("s_tag = 100", "s_tag = 100\nports = [\"p0\", \"p0\"]", &[(15, "(first at f:15:10)")]),
        ("s_tag = 100", "s_tag = 100\nburst = \"17s\"", &[(15, "longer than 16 s")]),
        ("s_tag = 100", "s_tag = 100\nburst = 2666", &[(15, "at least 2667 bytes")]),
        ("s_tag = 100", "s_tag = 100\nburst = 2667", &[]),
        ("s_tag = 100", "s_tag = 100\nburst = 0", &[(15, "no full frame fits")]),
        ("s_tag = 100", "s_tag = 100\nenabled = 1", &[(15, "true or false")]),
        ("s_tag = 100", "s_tag = 100\necn = \"drop\"", &[]),
        ("s_tag = 100", "s_tag = 100\necn = \"mark\"", &[]),
        ("s_tag = 100", "s_tag = 100\necn = \"x\"", &[(15, "\"drop\" or \"mark\"")]),
        ("s_tag = 100", "s_tag = 100\nfairness = \"none\"", &[]),
        ("s_tag = 100", "s_tag = 100\nfairness = \"flow\"", &[]),
        ("s_tag = 100", "s_tag = 100\naccounting = \"l2\"", &[]),
        ("s_tag = 100", "s_tag = 100\naccounting = \"mef\"", &[]),
        ("s_tag = 100", "s_tag = 100\naccounting = \"l4\"", &[(15, "`accounting` is \"l4\"")]),
        ("s_tag = 100", "s_tag = 100\npolicing = \"peering-link\"", &[]),
        ("s_tag = 100", "stag = 100", &[(14, "did you mean `s_tag`?")]),
        ("[[circuit.peering]]\nkind = \"private\"\nc_tag = 10\n", "", &[(11, "no peering")]),
        ("[[circuit.peering]]", "[circuit.peering]", &[(15, "write [[circuit.peering]]")]),
        ("\"private\"", "\"secret\"", &[(16, "\"private\" or \"public\" or \"microsoft\"")]),
        ("c_tag = 10\n", "", &[(15, "has no `c_tag`")]),
        ("c_tag = 10", "c_tag = \"100-199\"", &[]),
        ("c_tag = 10", "c_tag = \"any\"", &[]),
        ("c_tag = 10", "c_tag = \"199-100\"", &[(17, "lower end first, \"100-199\"")]),
        ("c_tag = 10", "c_tag = \"0-10\"", &[(17, "1 to 4094, a range such as \"100-199\", or")]),
        ("c_tag = 10", "c_tag = \"all\"", &[(17, "or \"any\"")]),
        ("c_tag = 10", "c_tag = 10\ncore_c_tag = 4095", &[(18, "to 4094, or 0 for no such tag")]),
        ("s_tag = 100", "s_tag = 100\ncore_s_tag = -1", &[(15, "`core_s_tag` is -1; give a VLAN")]),
        ("s_tag = 100", "s_tag = 100\ncore_s_tag = \"0\"", &[(15, "without quotes")]),
        ("s_tag = 100", "s_tag = 100\ns_tpid = \"0x0800\"", &[(15, "`s_tpid` is \"0x0800\"")]),
        (
            "c_tag = 10",
            "c_tag = \"any\"\ncore_c_tag = 10",
            &[(18, "several C-tags, by which alone frames from the core are told apart; remove")],
        ),
        ("c_tag = 10", "c_tag = \"10-11\"\ncore_c_tag = 0", &[(18, "several C-tags")]),
        ("c_tag = 10", "c_tag = \"10-10\"\ncore_c_tag = 0", &[]),
        ("c_tag = 10", "c_tag = \"10\"", &[(17, "without quotes")]),
        ("c_tag = 10", "c_tag = 10\nbandwidth = \"1 Gbps\"", &[]),
        (
            "c_tag = 10",
            "c_tag = 10\nbandwidth = \"1 Mbps\"\nqos = \"q\"\n[qos.q]\nclasses = [{ name = \"a\", \
             dscp = [\"default\"], bandwidth = \"2 Mbps\" }]",
            &[(19, "class \"a\" of profile \"q\" is 2000000 bit/s, more than the 1000000 bit/s")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\nbandwidth = \"1001 Mbps\"",
            &[(
                18,
                "`bandwidth` is 1001000000 bit/s, more than the 1000000000 bit/s of the circuit",
            )],
        ),
        ("c_tag = 10", "c_tag = 10\nqos = \"expresroute\"", &[(18, "mean \"expressroute\"?")]),
        ("c_tag = 10", "c_tag = 10\nqos = \"expressroute-2015\"", &[]),
        ("c_tag = 10", "c_tag = 10\ndscp = \"keep\"", &[(18, "\"trust\"")]),
        (
            "c_tag = 10",
            "c_tag = 10\n[[circuit.peering]]\nkind = \"private\"\nc_tag = 11",
            &[(19, "two private peerings; remove one (first at f:16:8)")],
        ),
    ]);
}

#[test]
fn toml_itself() {
    check_cases(&[
        ("c_tag = 10", "c_tag = = 10", &[(17, "correct the TOML here")]),
        (
            "c_tag = 10",
            "c_tag = 10\nc_tag = 10",
            &[(18, "duplicate key: `c_tag`; keep one of them (first at f:17:1)")],
        ),
        ("c_tag = 10", "c_tag = ten", &[(17, "quoted string")]),
    ]);
}

#[test]
fn what_has_to_be_there() {
    check("", &[(1, "there is no [edge]"), (1, "there is no port")]);
    check("[edge]\nname = 'e'\n", &[(1, "there is no port")]);
    check(MINIMAL, &[]);
    check(&format!("circuit = []\n{MINIMAL}"), &[]);
    check(&format!("circuit = [5]\n{MINIMAL}"), &[(1, "an entry of `circuit` is 5; give a table")]);
    check("port = 5\n[edge]\nname = 'e'", &[(1, "`port` is 5; write [[port]] for each one")]);
}

fn check_cases(cases: &[Case]) {
    let source = format!("{MINIMAL}{CIRCUIT}");
    for (old, new, expected) in cases {
        assert!(source.contains(old), "{old}");
        check(&source.replacen(old, new, 1), expected);
    }
}
