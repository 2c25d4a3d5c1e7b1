//! Profiles and their classes.

use std::path::Path;

use edge_common::abi::class::MAX_CLASSES;

use super::{MINIMAL, check, parse};

/// The content of `classes`, at line 12, and the errors it makes.
type Case<'a> = (&'a str, &'a [(usize, &'a str)]);

#[test]
fn profiles() {
    let cases: &[(&str, &[(usize, &str)])] = &[
        ("[qos.expressroute]\nclasses=[]", &[(11, "no classes"), (11, "built in")]),
        ("[qos.own]", &[(11, "no classes")]),
        ("[qos.own]\nclasses = 5", &[(12, "`classes` is 5")]),
    ];
    for (profile, expected) in cases {
        check(&format!("{MINIMAL}{profile}"), expected);
    }
}

#[test]
fn classes() {
    check_cases(&[
        ("{name='a',dscp=[1]}", &[(11, "is the default")]),
        ("{name='a',dscp=['default','default']}", &[(12, "two default")]),
        (
            "{name='a',dscp=['default']},{name='b',dscp=['default']}",
            &[(12, "(also claimed at f:12:26 by class \"a\")")],
        ),
        ("{name='a',dscp=['default',1]},{name='b',dscp=[1]}", &[(12, "DSCP 1 is listed twice")]),
        ("{name='a',dscp=['default']},{name='a',dscp=[1]}", &[(12, "class name \"a\" is taken")]),
        ("{name='a',dscp=[64]}", &[(12, "from 0 to 63")]),
        ("{name='a',dscp=[]}", &[(12, "`dscp` is empty")]),
        ("{name='a'}", &[(12, "no `dscp`; add `dscp = …`, `pcp = …` or `match = …`")]),
        ("{name='a',dscp=['default'],mark=64}", &[(12, "`mark` is 64")]),
        ("{name='a',dscp=['default'],burst_share=0}", &[(12, "`burst_share`")]),
        ("{name='a',dscp=['default'],burst_share=1.1}", &[(12, "`burst_share`")]),
        ("{name='a',dscp=['default'],bandwidth='1 Mbps'}", &[]),
        ("{name='a',dscp=['default'],bandwidth=1}", &[(12, "64 kbps")]),
    ]);
}

#[test]
fn priorities() {
    check_cases(&[
        ("{name='a',dscp=['default']},{name='b',pcp=[0,7],pcp_mark=7}", &[]),
        ("{name='b',pcp=[0]}", &[(11, "is the default")]),
        ("{name='a',dscp=['default'],pcp=[8]}", &[(12, "a PCP from 0 to 7")]),
        ("{name='a',dscp=['default'],pcp=5}", &[(12, "`pcp` is 5; give an array")]),
        ("{name='a',dscp=['default'],pcp=[]}", &[(12, "`pcp` is empty")]),
        ("{name='a',dscp=['default'],pcp_mark=8}", &[(12, "`pcp_mark` is 8")]),
        ("{name='a',dscp=['default'],pcp=[5,5]}", &[(12, "PCP 5 is listed twice")]),
        (
            "{name='a',dscp=['default'],pcp=[5]},{name='b',pcp=[4,5]}",
            &[(
                12,
                "PCP 5 is listed twice in the profile; remove one \
                 (also claimed at f:12:42 by class \"a\")",
            )],
        ),
    ]);
}

#[test]
fn matches() {
    let rule = |rule: &str| format!("{{name='a',dscp=['default'],match={rule}}}");
    let cases: &[Case<'_>] = &[
        ("{proto='udp'}", &[]),
        ("{proto='udp',src_port=1,dst_port='1-2'}", &[]),
        ("{proto=132,dst_port=1}", &[]),
        ("[{proto='esp'},{proto='gre'},{proto=0}]", &[]),
        ("'x'", &[(12, "`match` is \"x\"; write match = { proto = \"udp\" }, or an array")]),
        ("[]", &[(12, "`match` is empty; give at least one entry")]),
        ("[5]", &[(12, "an entry of `match` is 5; give a table")]),
        ("{}", &[(12, "match has no `proto`; add `proto = …`")]),
        ("{dst_port=1}", &[(12, "match has no `proto`")]),
        (
            "{proto='udp',port=1}",
            &[(12, "match has no key `port`; the keys are `proto`, `src_port`")],
        ),
        ("{proto='ospf'}", &[(12, "`proto` is \"ospf\"; give \"tcp\", \"udp\", ")]),
        ("{proto=256}", &[(12, "\"esp\" or an IP protocol's number from 0 to 255")]),
        ("{proto='17'}", &[(12, "from 0 to 255, without quotes")]),
        ("{proto='udp',dst_port=65536}", &[(12, "`dst_port` is 65536; give a port from 0 to")]),
        ("{proto='udp',src_port='2-1'}", &[(12, "give the lower end first, \"1-2\"")]),
        (
            "{proto='icmp',src_port=1,dst_port=2}",
            &[
                (12, "`src_port` needs a `proto` with ports, which \"icmp\" has not; give \"tcp\""),
                (12, "`dst_port` needs"),
            ],
        ),
        ("{proto=89,dst_port=2}", &[(12, "which 89 has not")]),
    ];
    for (text, expected) in cases {
        check_cases(&[(&rule(text), expected)]);
    }
    // With one class that takes only what matches.
    check_cases(&[("{name='a',dscp=['default']},{name='b',match={proto='udp'}}", &[])]);
    check_cases(&[("{name='b',match={proto='udp'}}", &[(11, "is the default")])]);
    check_cases(&[("{name='b',match=5}", &[(11, "is the default"), (12, "`match` is 5")])]);
}

#[test]
fn seventeen_matches_are_too_many() {
    let rules = |count: u16| {
        let rules: Vec<_> = (0..count).map(|n| format!("{{proto='udp',dst_port={n}}}")).collect();
        rules.join(",")
    };
    let classes = |count| {
        format!(
            "{{name='a',dscp=['default'],match=[{}]}},\n{{name='b',match=[{}]}}",
            rules(8),
            rules(count)
        )
    };
    check_cases(&[(&classes(8), &[])]);
    let message = "the classes of the profile have 18 matches; give at most 16";
    check_cases(&[(&classes(10), &[(13, message)])]);
}

#[test]
fn matches_that_take_nothing() {
    let warnings = |classes: &str| {
        let source = format!("{MINIMAL}[qos.own]\nclasses=[{classes}]");
        let mut warnings = parse(&source, Path::new("f")).expect("correct").warnings();
        // That there is no circuit.
        warnings.remove(0);
        warnings
    };
    let found = warnings(
        "{name='a',dscp=['default'],match=[{proto='tcp'},{proto='udp',dst_port='10-20'}]},\
         {name='b',match=[{proto='udp',dst_port='10-21'},{proto=17,src_port=5,dst_port=20}]}",
    );
    assert_eq!(
        found,
        ["profile \"own\": match 2 of class \"b\" gets no packet, as match 2 of class \"a\" \
             takes them all before it"]
    );
    let found =
        warnings("{name='a',dscp=['default'],match=[{proto='tcp',dst_port=1},{proto='tcp'}]}");
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn nine_classes_are_too_many() {
    let class = |n: usize| format!("{{name='c{n}',dscp=[{n}]}},");
    let classes: String = (1..MAX_CLASSES).map(class).collect();
    let all = |more: &str| format!("{classes}{{name='d',dscp=['default']}}{more}");
    check_cases(&[(&all(""), &[])]);
    check_cases(&[(&all(",{name='e',dscp=[60]}"), &[(11, "has 9 classes; give at most 8")])]);
}

fn check_cases(cases: &[Case<'_>]) {
    for (classes, expected) in cases {
        check(&format!("{MINIMAL}[qos.own]\nclasses=[{classes}]"), expected);
    }
}
