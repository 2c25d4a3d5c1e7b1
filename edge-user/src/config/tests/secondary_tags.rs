//! An S-tag that differs by link.

use std::path::Path;

use super::{CTags, Link, Side, SideTags, check, parse};

/// Two pairs of ports, one of each link, and circuits with what the file says of each, on lines of their own.
fn pairs(circuits: &[&str]) -> String {
    let ports = [
        ("a", "customer", "c", "primary"),
        ("b", "customer", "d", "secondary"),
        ("c", "core", "a", "primary"),
        ("d", "core", "b", "secondary"),
    ];
    let ports = ports.map(|(name, side, forward, link)| {
        format!(
            "[[port]]\nname='{name}'\ninterface='{name}'\nside='{side}'\nforward='{forward}'\nlink='{link}'\n"
        )
    });
    let circuits = (1..).zip(circuits).map(|(number, keys)| {
        let (own, peering) = keys.split_once('+').unwrap_or((keys, "c_tag=10"));
        let lines = |keys: &str| keys.split('/').map(str::trim).collect::<Vec<_>>().join("\n");
        let (own, peering) = (lines(own), lines(peering));
        format!("[[circuit]]\nname='c{number}'\nbandwidth=1000000\n{own}\n[[circuit.peering]]\nkind='private'\n{peering}\n")
    });
    std::iter::once("[edge]\nname='e'\n".to_owned()).chain(ports).chain(circuits).collect()
}

fn line(source: &str, text: &str) -> usize {
    source.lines().position(|line| line == text).expect("the line") + 1
}

#[test]
fn each_link_has_tags_of_its_own() {
    let tags = |s_vid, c_vid| SideTags { s_vid, c_vids: Some(CTags::one(c_vid)) };
    for (circuit, customer, core) in [
        ("s_tag=1", [Some(1); 2], [Some(1); 2]),
        ("s_tag=1 / secondary_s_tag=1", [Some(1); 2], [Some(1); 2]),
        ("s_tag=1 / secondary_s_tag=4094", [Some(1), Some(4094)], [Some(1), Some(4094)]),
        ("s_tag=1 / secondary_s_tag=2 / core_s_tag=3", [Some(1), Some(2)], [Some(3); 2]),
        ("s_tag=1 / secondary_s_tag=2 / core_s_tag=0", [Some(1), Some(2)], [None; 2]),
    ] {
        let config = parse(&pairs(&[circuit]), Path::new("f")).expect("correct");
        let circuit = &config.circuits[0];
        let links = [Link::Primary, Link::Secondary];
        for (place, link) in links.into_iter().enumerate() {
            let of = |side| circuit.tags(&circuit.peerings[0], side, link);
            assert_eq!(of(Side::Customer), tags(customer[place], 10), "{circuit:?}");
            assert_eq!(of(Side::Core), tags(core[place], 10), "{circuit:?}");
        }
    }
}

#[test]
fn tags_are_taken_on_the_ports_of_their_link_alone() {
    let first = "s_tag=100 / secondary_s_tag=200";
    for other in [
        // The reverse, and the same one as elsewhere.
        "s_tag=200 / secondary_s_tag=100",
        "s_tag=200 / secondary_s_tag=201",
        "s_tag=99 / secondary_s_tag=100",
        "s_tag=100 / secondary_s_tag=200 + c_tag=11",
        // One that is on one link alone.
        "s_tag=200 / ports=['a', 'c']",
        "s_tag=100 / ports=['b', 'd']",
        "ports=['a', 'c'] + c_tag=200",
    ] {
        check(&pairs(&[first, other]), &[]);
        check(&pairs(&[other, first]), &[]);
    }
    for (other, at, words) in [
        ("s_tag=200", "c_tag=10", "S-tag 200 with C-tag 10 is taken on port \"b\""),
        ("s_tag=100", "c_tag=10", "S-tag 100 with C-tag 10 is taken on port \"a\""),
        (
            "s_tag=99 / secondary_s_tag=200",
            "c_tag=10",
            "S-tag 200 with C-tag 10 is taken on port \"b\"",
        ),
        (
            "s_tag=99 / secondary_s_tag=98 / core_s_tag=200",
            "core_s_tag=200",
            "S-tag 200 with C-tag 10 is taken on port \"d\"",
        ),
        (
            "+ c_tag=200",
            "c_tag=200",
            "C-tag 200, alone, is the S-tag of other frames on port \"b\"",
        ),
    ] {
        let source = pairs(&[first, other]);
        let last = source.lines().collect::<Vec<_>>();
        let at = last.iter().rposition(|line| *line == at).expect("the line") + 1;
        check(&source, &[(at, words)]);
    }
}

#[test]
fn it_stands_beside_an_s_tag_on_a_circuit_with_a_secondary_port() {
    for (keys, at, words) in [
        ("secondary_s_tag=200", "secondary_s_tag=200", "the circuit has no `s_tag`; add it"),
        (
            "s_tag=100 / secondary_s_tag=200 / ports=['a', 'c']",
            "secondary_s_tag=200",
            "is for ports with `link = \"secondary\"`, and the circuit is on none",
        ),
        ("s_tag=100 / secondary_s_tag=0", "secondary_s_tag=0", "`secondary_s_tag` is 0"),
        ("s_tag=100 / secondary_s_tag=4095", "secondary_s_tag=4095", "`secondary_s_tag` is 4095"),
    ] {
        let source = pairs(&[keys]);
        check(&source, &[(line(&source, at), words)]);
    }
}
