//! TPIDs that tags leave with.

use std::path::Path;

use super::{
    TAGS_AND_CLASSES, check, parse,
    source::{circuits, place},
};

#[test]
fn of_tags_that_are_there() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        // Outermost.
        ("s_tag=1 / s_tpid='0x9100' / core_s_tpid='0x9200' + c_tag=10", &[]),
        (" + c_tag=10 / c_tpid='0x9100' / core_c_tpid='0x9200'", &[]),
        ("s_tag=1 / core_s_tag=0 + c_tag=10 / core_c_tpid='0x9200'", &[]),
        ("core_s_tag=1 / core_s_tpid='0x9100' + c_tag=10 / c_tpid='0x9100'", &[]),
        ("s_tag=1 / core_s_tpid='0x9100' + c_tag=10 / core_c_tag=0", &[]),
        // Inner.
        ("s_tag=1 + c_tag=10 / c_tpid='0x8100' / core_c_tpid='0x88a8'", &[]),
        (
            "s_tag=1 + c_tag=10 / c_tpid='0x9100' #a / core_c_tpid='0x9200' #b",
            &[
                (
                    "#a",
                    "`c_tpid` is 0x9100, which nobody takes for a tag behind an S-tag; give \
                     \"0x8100\" or \"0x88a8\"",
                ),
                ("#b", "`core_c_tpid` is 0x9200, which nobody takes"),
            ],
        ),
        (
            "core_s_tag=1 + c_tag=10 / c_tpid='0x9100' / core_c_tpid='0x9100' #b",
            &[("#b", "`core_c_tpid` is 0x9100")],
        ),
        // Not there.
        (
            "s_tpid='0x88a8' #a / core_s_tpid='0x88a8' #b + c_tag=10",
            &[
                (
                    "#a",
                    "`s_tpid` is for an S-tag towards the customer, and there is none; give an \
                     `s_tag`, or remove it",
                ),
                (
                    "#b",
                    "`core_s_tpid` is for an S-tag towards the core, and there is none; give \
                     a `core_s_tag` from 1 to 4094, or remove it",
                ),
            ],
        ),
        (
            "s_tag=1 / core_s_tag=0 / s_tpid='0x88a8' / core_s_tpid='0x88a8' #b + c_tag=10",
            &[("#b", "`core_s_tpid` is for an S-tag towards the core")],
        ),
        (
            "s_tag=1 + c_tag=10 / core_c_tag=0 / c_tpid='0x88a8' / core_c_tpid='0x9100' #b",
            &[(
                "#b",
                "`core_c_tpid` is for a C-tag towards the core, and there is none; give another \
                 `core_c_tag`, or remove it",
            )],
        ),
        // Not known.
        (
            "s_tag=0 #a / s_tpid='0x88a8' / core_s_tpid='0x88a8' + c_tag=10 / c_tpid='0x9100'",
            &[("#a", "`s_tag` is 0")],
        ),
    ];
    for (text, expected) in cases {
        let source = circuits(text);
        let expected: Vec<_> =
            expected.iter().map(|(mark, words)| (place(&source, mark).line, *words)).collect();
        check(&source, &expected);
    }
}

#[test]
fn that_a_port_would_not_know() {
    let warnings = |old: &str, new: &str| {
        assert!(TAGS_AND_CLASSES.contains(old), "{old}");
        let source = TAGS_AND_CLASSES.replacen(old, new, 1);
        parse(&source, Path::new("f")).expect("correct").warnings()
    };
    let of_port = |circuit: &str, key: &str, tpid: &str, port: &str| {
        vec![format!(
            "circuit {circuit:?}: `{key}` is {tpid}, which is none of the `tpids` of port \
             {port:?}: a frame that comes back with it is untagged there"
        )]
    };
    let untagged = "c_tag = 10\ncore_c_tag = 0";
    let tagged =
        TAGS_AND_CLASSES.replacen(untagged, "c_tag = 10", 1).replacen(", \"0x9100\"]", "]", 1);
    let found = parse(&tagged, Path::new("f")).expect("correct").warnings();
    assert_eq!(found, of_port("c1", "core_s_tpid", "0x9100", "p1"));
    assert_eq!(
        warnings("s_tpid = \"0x88a8\"", "s_tpid = \"0x9100\""),
        of_port("c1", "s_tpid", "0x9100", "p0")
    );
    assert_eq!(
        warnings(untagged, "c_tag = 10\nc_tpid = \"0x9200\""),
        of_port("c2", "c_tpid", "0x9200", "p0")
    );
    // An inner tag's is no port's business.
    let only_s = "tpids = [\"0x9100\"]";
    let found = warnings("tpids = [\"0x8100\", \"0x88a8\", \"0x9100\"]", only_s);
    assert_eq!(found, Vec::<String>::new());
    // Nothing leaves by a port that none forwards to.
    assert_eq!(warnings("forward = \"p1\"\n", "").len(), 0);
}
