//! The changes that a reload makes.

use std::path::Path;

use edge_api::Difference;

use super::{Config, difference, parse, source::circuits};

fn config(source: &str) -> Config {
    parse(source, Path::new("f")).expect("correct")
}

fn between(old: &str, new: &str) -> Difference {
    difference(&config(old), &config(new))
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn each_kind_of_change_is_in_a_list() {
    let none = Difference::default;
    let old = circuits(
        "s_tag=1 / service_key='k1' + c_tag=10 | s_tag=2 / service_key='k2' + c_tag=10 \
         | s_tag=3 + c_tag=10 | s_tag=4 / service_key='k2' + c_tag=10",
    );
    assert_eq!(between(&old, &old), none());
    for (from, to, expected) in [
        (
            "name='c1'",
            "name='c9'",
            Difference { circuits_renamed: vec![("c1".into(), "c9".into())], ..none() },
        ),
        // Without a key, or with one that another has, it is another circuit.
        (
            "name='c3'",
            "name='c9'",
            Difference {
                circuits_removed: names(&["c3"]),
                circuits_added: names(&["c9"]),
                ..none()
            },
        ),
        ("s_tag=3", "s_tag=33", Difference { circuits_changed: names(&["c3"]), ..none() }),
        (
            "s_tag=3",
            "s_tag=3\nenabled=false",
            Difference { circuits_changed: names(&["c3"]), ..none() },
        ),
        (
            "name='c2'\nbandwidth=1000000",
            "name='c2'\nbandwidth='2 Gbps'",
            Difference { bandwidths: vec![("c2".into(), 1_000_000, 2_000_000_000)], ..none() },
        ),
        (
            "\"eth1\"",
            "\"eth9\"",
            Difference { ports_moved: vec![("p1".into(), "eth1".into(), "eth9".into())], ..none() },
        ),
        (
            "side = \"core\"",
            "side = \"core\"\nlink='secondary'",
            Difference { ports_changed: names(&["p1"]), ..none() },
        ),
        (
            "name = \"p1\"",
            "name = \"p9\"",
            Difference {
                ports_removed: names(&["p1"]),
                circuits_changed: names(&["c1", "c2", "c3", "c4"]),
                ports_added: names(&["p9"]),
                ..none()
            },
        ),
        (
            "[edge]",
            "[ledger]\ncheckpoint='5s'\n[qos.own]\nclasses=[{name='all',dscp=['default']}]\n[edge]",
            Difference { tables_changed: names(&["[ledger]", "[qos.own]"]), ..none() },
        ),
        (
            "[edge]",
            "[edge]\nunmatched='pass'",
            Difference { tables_changed: names(&["[edge]"]), ..none() },
        ),
    ] {
        assert!(old.contains(from), "{from}");
        assert_eq!(between(&old, &old.replacen(from, to, 1)), expected);
    }
}

#[test]
fn both_of_a_key_that_two_have_are_gone_and_added() {
    let old =
        circuits("s_tag=1 / service_key='k' + c_tag=10 | s_tag=2 / service_key='k' + c_tag=10");
    let new = old.replace("name='c1'", "name='x1'").replace("name='c2'", "name='x2'");
    let expected = Difference {
        circuits_removed: names(&["c1", "c2"]),
        circuits_added: names(&["x1", "x2"]),
        ..Difference::default()
    };
    assert_eq!(between(&old, &new), expected);
}
