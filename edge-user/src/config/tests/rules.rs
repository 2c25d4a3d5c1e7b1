//! One case for each thing that can be wrong.

use edge_common::class::MAX_CLASSES;

use super::{CIRCUIT, MINIMAL, check};

/// What to replace in [`MINIMAL`] and [`CIRCUIT`], by what, and the errors it makes, each by its
/// line and words of its message.
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
        ("s_tag = 100", "s_tag = 100\nburst = \"11s\"", &[(15, "longer than 10 s")]),
        ("s_tag = 100", "s_tag = 100\nburst = 2666", &[(15, "at least 2667 bytes")]),
        ("s_tag = 100", "s_tag = 100\nburst = 2667", &[]),
        ("s_tag = 100", "s_tag = 100\nburst = 0", &[(15, "no full frame fits")]),
        ("s_tag = 100", "s_tag = 100\nenabled = 1", &[(15, "true or false")]),
        ("s_tag = 100", "s_tag = 100\necn = \"drop\"", &[]),
        ("s_tag = 100", "s_tag = 100\necn = \"mark\"", &[(15, "not yet supported")]),
        ("s_tag = 100", "s_tag = 100\necn = \"x\"", &[(15, "\"drop\" or \"mark\"")]),
        ("s_tag = 100", "s_tag = 100\nfairness = \"none\"", &[]),
        ("s_tag = 100", "s_tag = 100\nfairness = \"flow\"", &[(15, "not yet supported")]),
        ("s_tag = 100", "s_tag = 100\naccounting = \"l2\"", &[]),
        ("s_tag = 100", "s_tag = 100\naccounting = \"mef\"", &[(15, "not yet supported")]),
        ("s_tag = 100", "s_tag = 100\naccounting = \"l4\"", &[(15, "`accounting` is \"l4\"")]),
        ("s_tag = 100", "s_tag = 100\npolicing = \"peering-link\"", &[]),
        ("s_tag = 100", "stag = 100", &[(14, "did you mean `s_tag`?")]),
        ("[[circuit.peering]]\nkind = \"private\"\nc_tag = 10\n", "", &[(11, "no peering")]),
        ("[[circuit.peering]]", "[circuit.peering]", &[(15, "write [[circuit.peering]]")]),
        ("\"private\"", "\"secret\"", &[(16, "\"private\" or \"public\" or \"microsoft\"")]),
        ("c_tag = 10\n", "", &[(15, "has no `c_tag`")]),
        ("c_tag = 10", "c_tag = \"100-199\"", &[(17, "not yet supported")]),
        ("c_tag = 10", "c_tag = \"any\"", &[(17, "not yet supported")]),
        ("c_tag = 10", "c_tag = \"10\"", &[(17, "without quotes")]),
        ("c_tag = 10", "c_tag = 10\nbandwidth = \"1 Gbps\"", &[(18, "not yet supported")]),
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
fn profiles() {
    check_cases(&[
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.expressroute]\nclasses=[]",
            &[(18, "no classes"), (18, "built in")],
        ),
        ("c_tag = 10", "c_tag = 10\n[qos.own]", &[(18, "no classes")]),
        ("c_tag = 10", "c_tag = 10\n[qos.own]\nclasses = 5", &[(19, "`classes` is 5")]),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=[1]}]",
            &[(18, "is the default")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=['default','default']}]",
            &[(19, "two default")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=['default']},{name='b',dscp=['default']}]",
            &[(19, "(also claimed at f:19:28 by class \"a\")")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=['default',1]},{name='b',dscp=[1]}]",
            &[(19, "DSCP 1 is listed twice")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=['default']},{name='a',dscp=[1]}]",
            &[(19, "class name \"a\" is taken")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=[64]}]",
            &[(19, "from 0 to 63")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=[]}]",
            &[(19, "`dscp` is empty")],
        ),
        ("c_tag = 10", "c_tag = 10\n[qos.own]\nclasses = [{name='a'}]", &[(19, "no `dscp`")]),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=['default'],mark=64}]",
            &[(19, "`mark` is 64")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=['default'],burst_share=0}]",
            &[(19, "`burst_share`")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=['default'],burst_share=1.1}]",
            &[(19, "`burst_share`")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=['default'],match='x'}]",
            &[(19, "not yet supported")],
        ),
        (
            "c_tag = 10",
            "c_tag = 10\n[qos.own]\nclasses = [{name='a',dscp=['default'],bandwidth='1 Mbps'}]",
            &[(19, "not yet supported")],
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

#[test]
fn nine_classes_are_too_many() {
    let class = |n: usize| format!("{{name='c{n}',dscp=[{n}]}},");
    let classes: String = (1..MAX_CLASSES).map(class).collect();
    let profile = |more: &str| {
        format!("{MINIMAL}[qos.own]\nclasses=[{classes}{{name='d',dscp=['default']}}{more}]")
    };
    check(&profile(""), &[]);
    check(&profile(",{name='e',dscp=[60]}"), &[(11, "has 9 classes; give at most 8")]);
}

fn check_cases(cases: &[Case]) {
    let source = format!("{MINIMAL}{CIRCUIT}");
    for (old, new, expected) in cases {
        assert!(source.contains(old), "{old}");
        check(&source.replacen(old, new, 1), expected);
    }
}
