//! The changes that a reload makes, in words.

use std::path::Path;

use super::{Config, Difference, parse, source::circuits};

fn config(source: &str) -> Config {
    parse(source, Path::new("f")).expect("correct")
}

fn told(old: &str, new: &str) -> String {
    Difference::between(&config(old), &config(new)).to_string()
}

#[test]
fn each_kind_of_change_is_a_line() {
    let old = circuits(
        "s_tag=1 / service_key='k1' + c_tag=10 | s_tag=2 / service_key='k2' + c_tag=10 \
         | s_tag=3 + c_tag=10 | s_tag=4 / service_key='k2' + c_tag=10",
    );
    assert_eq!(told(&old, &old), "nothing is different");
    for (from, to, expected) in [
        ("name='c1'", "name='c9'", "1 circuit renamed: \"c1\" is \"c9\""),
        // Without a key, or with one that another has, it is another circuit.
        (
            "name='c3'",
            "name='c9'",
            "1 circuit removed, whose frames are unmatched now: \"c3\"\n1 circuit added: \"c9\"",
        ),
        ("s_tag=3", "s_tag=33", "1 circuit otherwise changed: \"c3\""),
        ("s_tag=3", "s_tag=3\nenabled=false", "1 circuit otherwise changed: \"c3\""),
        (
            "name='c2'\nbandwidth=1000000",
            "name='c2'\nbandwidth='2 Gbps'",
            "1 circuit at another bandwidth: \"c2\" from 1 Mbps to 2 Gbps",
        ),
        ("\"eth1\"", "\"eth9\"", "1 port on another interface: \"p1\" from eth1 to eth9"),
        (
            "side = \"core\"",
            "side = \"core\"\nlink='secondary'",
            "1 port otherwise changed: \"p1\"",
        ),
        (
            "name = \"p1\"",
            "name = \"p9\"",
            "1 port removed, whose interfaces have no program now: \"p1\"\n\
             4 circuits otherwise changed: \"c1\", \"c2\", \"c3\", \"c4\"\n1 port added: \"p9\"",
        ),
        (
            "[edge]",
            "[ledger]\ncheckpoint='5s'\n[qos.own]\nclasses=[{name='all',dscp=['default']}]\n[edge]",
            "other settings changed: [ledger], [qos.own]",
        ),
        ("[edge]", "[edge]\nunmatched='pass'", "other settings changed: [edge]"),
    ] {
        assert!(old.contains(from), "{from}");
        assert_eq!(told(&old, &old.replacen(from, to, 1)), expected);
    }
}

#[test]
fn both_of_a_key_that_two_have_are_gone_and_added() {
    let old =
        circuits("s_tag=1 / service_key='k' + c_tag=10 | s_tag=2 / service_key='k' + c_tag=10");
    let new = old.replace("name='c1'", "name='x1'").replace("name='c2'", "name='x2'");
    let told = told(&old, &new);
    assert!(told.contains("2 circuits removed") && told.contains("2 circuits added"), "{told}");
}

#[test]
fn thousands_of_circuits_are_a_few_lines() {
    let all: Vec<String> = (1..=4094).map(|vid| format!("s_tag={vid} + c_tag='any'")).collect();
    let told = told(&circuits(&all.join(" | ")), &circuits(&all[..100].join(" | ")));
    assert_eq!(told.lines().count(), 1, "{told}");
    assert!(told.starts_with("3,994 circuits removed"), "{told}");
    assert!(told.ends_with("\"c109\", \"c110\" and 3,984 more"), "{told}");
}
