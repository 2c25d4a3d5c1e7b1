//! The tags that each peering has on each port.

use std::path::Path;

use super::{
    CTags, Link, Side, SideTags, check, parse,
    source::{circuits, place},
};

/// Circuits as [`circuits`] has them, and what is wrong: the mark of the line, words of the
/// message, and the mark of the other line.
type Case = (&'static str, &'static [(&'static str, &'static str, &'static str)]);

#[test]
fn on_the_customers_side() {
    check_cases(&[
        // QinQ and QinQ.
        ("s_tag=100 + c_tag=10 | s_tag=100 + c_tag=11", &[]),
        ("s_tag=100 + c_tag=10 | s_tag=101 + c_tag=10", &[]),
        (
            "s_tag=100 + c_tag=10 #a | s_tag=100 + c_tag=10 #b",
            &[("#b", "S-tag 100 with C-tag 10 is taken on port \"p0\"; choose another", "#a")],
        ),
        ("s_tag=100 / ports=['p0'] + c_tag=10 | s_tag=100 / ports=['p1'] + c_tag=10", &[]),
        (
            "s_tag=100 / ports=['p1'] + c_tag=10 #a | s_tag=100 + c_tag=10 #b",
            &[("#b", "on port \"p1\"", "#a")],
        ),
        ("s_tag=100 + c_tag=10 #a + c_tag=10 #b", &[("#b", "with C-tag 10 is taken", "#a")]),
        // Dot1Q and Dot1Q.
        (" + c_tag=10 | + c_tag=11", &[]),
        (
            " + c_tag=10 #a | + c_tag=10 #b",
            &[("#b", "C-tag 10 is taken on port \"p0\"; choose another", "#a")],
        ),
        ("ports=['p0'] + c_tag=10 | ports=['p1'] + c_tag=10", &[]),
        (" + c_tag=10 #a + c_tag=10 #b", &[("#b", "C-tag 10 is taken", "#a")]),
        // Both.
        (" + c_tag=10 | s_tag=100 + c_tag=10", &[]),
        (
            " + c_tag=100 #a | s_tag=100 #b + c_tag=10",
            &[("#b", "S-tag 100 is the only tag of other frames on port \"p0\"; choose", "#a")],
        ),
        (
            "s_tag=100 #a + c_tag=10 | + c_tag=100 #b",
            &[("#b", "C-tag 100, alone, is the S-tag of other frames on port \"p0\"", "#a")],
        ),
        ("s_tag=100 / ports=['p0'] + c_tag=10 | ports=['p1'] + c_tag=100", &[]),
        // Each of three with each before it that has a part of what it claims.
        (
            " + c_tag=10 #a | + c_tag=10 #b | + c_tag=10 #c",
            &[("#b", "C-tag 10 is taken", "#a"), ("#c", "C-tag 10 is taken", "#a")],
        ),
    ]);
    // Not known, so not in conflict.
    let source = circuits("s_tag=0 #a + c_tag=10 | + c_tag=10");
    check(&source, &[(place(&source, "#a").line, "`s_tag` is 0")]);
    let source = circuits(" + c_tag=10 | + c_tag=10").replace("\"core\"", "\"left\"");
    check(&source, &[(10, "`side` is \"left\""), (24, "on port \"p0\"")]);
}

#[test]
fn ranges() {
    check_cases(&[
        // Touching.
        ("s_tag=1 + c_tag='100-199' + c_tag='200-299' + c_tag=99", &[]),
        (" + c_tag='100-199' | + c_tag='200-299' | + c_tag=99", &[]),
        (" + c_tag='101-199' | s_tag=100 + c_tag='any' | s_tag=200 + c_tag='any'", &[]),
        // Overlapping.
        (
            "s_tag=1 + c_tag='100-199' #a + c_tag='199-299' #b",
            &[("#b", "S-tag 1 with C-tag 199 is taken on port \"p0\"; choose another", "#a")],
        ),
        (
            " + c_tag='100-199' #a | + c_tag='150-160' #b",
            &[("#b", "C-tags 150-160 are taken on port \"p0\"; choose another", "#a")],
        ),
        (
            " + c_tag=5 #a | + c_tag=7 #b | + c_tag='1-7' #c",
            &[("#c", "C-tag 5 is taken", "#a"), ("#c", "C-tag 7 is taken", "#b")],
        ),
        // The rest of a range that overlaps is taken, too.
        (
            " + c_tag='1-5' #a | + c_tag='5-9' #b | + c_tag=8 #c",
            &[("#b", "C-tag 5 is taken", "#a"), ("#c", "C-tag 8 is taken", "#b")],
        ),
        // No fallback.
        (
            "s_tag=1 + c_tag=10 #a + c_tag='any' #b",
            &[("#b", "S-tag 1 with C-tag 10 is taken", "#a")],
        ),
        (
            "s_tag=1 + c_tag='any' #a | s_tag=1 + c_tag=10 #b",
            &[("#b", "S-tag 1 with C-tag 10 is taken", "#a")],
        ),
        ("s_tag=1 + c_tag='any' | s_tag=2 + c_tag='any'", &[]),
        (
            "s_tag=1 #a + c_tag=10 | s_tag=4094 #b + c_tag=10 | + c_tag='any' #c",
            &[("#c", "C-tag 1, alone,", "#a"), ("#c", "C-tag 4094, alone,", "#b")],
        ),
        (
            " + c_tag='any' #a | s_tag=1 #b + c_tag=10",
            &[("#b", "S-tag 1 is the only tag of other frames", "#a")],
        ),
    ]);
}

#[test]
fn towards_the_core() {
    check_cases(&[
        // Translated, popped and pushed, and free.
        ("s_tag=1 / core_s_tag=2 + c_tag=10 | s_tag=2 / core_s_tag=1 + c_tag=10", &[]),
        ("s_tag=1 / core_s_tag=0 + c_tag=10 | s_tag=2 / core_s_tag=0 + c_tag=11", &[]),
        ("core_s_tag=1 + c_tag=10 | core_s_tag=2 + c_tag=11", &[]),
        ("s_tag=1 + c_tag=10 / core_c_tag=11 + c_tag=11 / core_c_tag=10", &[]),
        ("s_tag=1 + c_tag=10 / core_c_tag=0 | s_tag=2 + c_tag=10 / core_c_tag=0", &[]),
        ("s_tag=1 / core_s_tag=0 + c_tag=10 / core_c_tag=0 | s_tag=2 + c_tag=10", &[]),
        ("core_s_tag=0 + c_tag=10", &[]),
        // The S-tag that both get.
        (
            "s_tag=1 + c_tag=10 #a | s_tag=2 / core_s_tag=1 #b + c_tag=10",
            &[("#b", "S-tag 1 with C-tag 10 is taken on port \"p1\"", "#a")],
        ),
        (
            "s_tag=1 / core_s_tag=9 #a + c_tag=10 + c_tag=11 | core_s_tag=9 #b + c_tag='10-20'",
            &[("#b", "S-tag 9 with C-tag 10 is taken on port \"p1\"", "#a")],
        ),
        // The S-tag that neither has left.
        (
            "s_tag=1 / core_s_tag=0 #a + c_tag=10 | s_tag=2 / core_s_tag=0 #b + c_tag=10",
            &[("#b", "C-tag 10 is taken on port \"p1\"", "#a")],
        ),
        (
            "s_tag=1 / core_s_tag=0 #a + c_tag=10 | s_tag=10 #b + c_tag=10",
            &[("#b", "S-tag 10 is the only tag of other frames on port \"p1\"", "#a")],
        ),
        // The C-tag.
        (
            "s_tag=1 + c_tag=10 #a + c_tag=11 / core_c_tag=10 #b",
            &[("#b", "S-tag 1 with C-tag 10 is taken on port \"p1\"", "#a")],
        ),
        (
            " + c_tag=10 / core_c_tag=9 #a | + c_tag=11 / core_c_tag=9 #b",
            &[("#b", "C-tag 9 is taken on port \"p1\"", "#a")],
        ),
        // The S-tag alone.
        (
            "s_tag=1 + c_tag=10 / core_c_tag=0 #a + c_tag=11 / core_c_tag=0 #b",
            &[("#b", "S-tag 1 is taken on port \"p1\"", "#a")],
        ),
        (
            "core_s_tag=1 + c_tag=10 / core_c_tag=0 #a + c_tag=11 / core_c_tag=0 #b",
            &[("#b", "S-tag 1 is taken on port \"p1\"", "#a")],
        ),
        (
            "s_tag=1 #a + c_tag=10 + c_tag=11 / core_c_tag=0 #b",
            &[("#b", "S-tag 1, alone, is the S-tag of other frames on port \"p1\"", "#a")],
        ),
        (
            "s_tag=1 #b + c_tag=11 / core_c_tag=0 #a + c_tag=10",
            &[("#b", "S-tag 1 is the only tag of other frames on port \"p1\"", "#a")],
        ),
        (
            " + c_tag=7 #a | s_tag=1 / core_s_tag=7 #b + c_tag=10 / core_c_tag=0",
            &[("#b", "S-tag 7 is taken on port \"p1\"", "#a")],
        ),
        // No tag.
        (
            " + c_tag=10 / core_c_tag=0 #a | s_tag=1 / core_s_tag=0 + c_tag=10 / core_c_tag=0 #b",
            &[(
                "#b",
                "the untagged frames of port \"p1\" are taken; leave one peering a tag",
                "#a",
            )],
        ),
        (
            " + c_tag=10 / core_c_tag=0 #a + c_tag=11 / core_c_tag=0 #b",
            &[("#b", "the untagged frames of port \"p1\" are taken", "#a")],
        ),
        ("ports=['p0'] + c_tag=10 / core_c_tag=0 | + c_tag=11 / core_c_tag=0", &[]),
        // On both sides, each for a reason of its own.
        (
            "s_tag=1 + c_tag=10 #a | s_tag=1 / core_s_tag=1 #c + c_tag=10 #b",
            &[("#c", "on port \"p1\"", "#a"), ("#b", "on port \"p0\"", "#a")],
        ),
    ]);
}

#[test]
fn tags_by_side() {
    let both = |s_vid, first, last| SideTags { s_vid, c_vids: Some(CTags { first, last }) };
    for (circuit, customer, core) in [
        ("s_tag=1 + c_tag=10", both(Some(1), 10, 10), both(Some(1), 10, 10)),
        ("s_tag=1 + c_tag='any'", both(Some(1), 1, 4094), both(Some(1), 1, 4094)),
        (" + c_tag='10-11'", both(None, 10, 11), both(None, 10, 11)),
        ("core_s_tag=2 + c_tag='10-11'", both(None, 10, 11), both(Some(2), 10, 11)),
        ("s_tag=1 / core_s_tag=2 + c_tag=10", both(Some(1), 10, 10), both(Some(2), 10, 10)),
        ("s_tag=1 / core_s_tag=0 + c_tag=10", both(Some(1), 10, 10), both(None, 10, 10)),
        ("s_tag=1 + c_tag=10 / core_c_tag=20", both(Some(1), 10, 10), both(Some(1), 20, 20)),
        (
            "s_tag=1 + c_tag=10 / core_c_tag=0",
            both(Some(1), 10, 10),
            SideTags { s_vid: Some(1), c_vids: None },
        ),
        (" + c_tag=10 / core_c_tag=0", both(None, 10, 10), SideTags { s_vid: None, c_vids: None }),
    ] {
        let config = parse(&circuits(circuit), Path::new("f")).expect("correct");
        let [circuit] = config.circuits.as_slice() else { panic!("one circuit") };
        let peering = &circuit.peerings[0];
        assert_eq!(circuit.tags(peering, Side::Customer, Link::Primary), customer, "{circuit:?}");
        assert_eq!(circuit.tags(peering, Side::Core, Link::Primary), core, "{circuit:?}");
    }
}

#[test]
fn every_s_tag_with_any_c_tag() {
    let all: Vec<_> = (1..=4094).map(|vid| format!("s_tag={vid} + c_tag='any'")).collect();
    let port = |n| format!("\n[[port]]\nname='p{n}'\ninterface='eth{n}'\nside='core'");
    let ports: String = (2..8).map(port).collect();
    let config = parse(&(circuits(&all.join(" | ")) + &ports), Path::new("f")).expect("correct");
    assert_eq!((config.circuits.len(), config.ports.len()), (4094, 8));
    assert_eq!(config.warnings(), Vec::<String>::new());
    let one_more = circuits(&format!("{} | s_tag=7 + c_tag=1 #b", all.join(" | "))) + &ports;
    check(&one_more, &[(place(&one_more, "#b").line, "S-tag 7 with C-tag 1 is taken")]);
}

fn check_cases(cases: &[Case]) {
    for (text, expected) in cases {
        let source = circuits(text);
        let messages: Vec<_> = expected
            .iter()
            .map(|(at, words, other)| {
                let owner = place(&source, other);
                let claimed = format!(
                    "(also claimed at f:{}:{} by circuit \"{}\")",
                    owner.line, owner.column, owner.circuit
                );
                (place(&source, at).line, *words, claimed)
            })
            .collect();
        let words: Vec<_> = messages.iter().map(|(line, words, _)| (*line, *words)).collect();
        check(&source, &words);
        let claims: Vec<_> =
            messages.iter().map(|(line, _, claimed)| (*line, claimed.as_str())).collect();
        check(&source, &claims);
    }
}
