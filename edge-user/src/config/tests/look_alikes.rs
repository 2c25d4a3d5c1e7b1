//! Names that people can't tell apart.

use std::path::Path;

use super::{check, parse, source::circuits};

fn warnings(first: &str, second: &str) -> Vec<String> {
    let source = circuits("s_tag=1 + c_tag=10 | s_tag=2 + c_tag=10")
        .replace("name='c1'", &format!("name=\"{first}\""))
        .replace("name='c2'", &format!("name=\"{second}\""));
    parse(&source, Path::new("f")).expect("correct").warnings()
}

#[test]
fn names_that_look_alike_are_told_with_their_difference() {
    for (first, second, difference) in [
        ("contoso", "contoso ", "character 8 is the end and U+0020"),
        (" contoso", "contoso", "character 1 is U+0020 and U+0063"),
        ("con toso", "con  toso", "character 5 is U+0074 and U+0020"),
        ("con toso", "con\\u00a0toso", "character 4 is U+0020 and U+00A0"),
        ("contoso", "con\\u200btoso", "character 4 is U+0074 and U+200B"),
        ("contoso", "\\ufeffcontoso", "character 1 is U+0063 and U+FEFF"),
        ("contoso", "con\\u00adtoso", "character 4 is U+0074 and U+00AD"),
        ("contoso", "c\\u043entoso", "character 2 is U+006F and U+043E"),
        ("contoso", "c\\u03bfntoso", "character 2 is U+006F and U+03BF"),
        ("contoso", "Contoso", "character 1 is U+0063 and U+0043"),
        ("CONTOSO", "C\\u041eNTOSO", "character 2 is U+004F and U+041E"),
        ("contoso", "C\\u041entoso", "character 1 is U+0063 and U+0043"),
        ("caf\\u00e9", "cafe\\u0301", "character 4 is U+00E9 and U+0065"),
        ("contoso", "\\uff43ontoso", "character 1 is U+0063 and U+FF43"),
        ("ams-1", "ams-l", "character 5 is U+0031 and U+006C"),
        ("IX", "lX", "character 1 is U+0049 and U+006C"),
    ] {
        let found = warnings(first, second);
        let [warning] = found.as_slice() else { panic!("{first} {second}: {found:?}") };
        assert!(warning.starts_with("circuits ") && warning.contains("look alike"), "{warning}");
        assert!(warning.contains(difference), "{first} {second}: {warning}");
    }
}

#[test]
fn names_that_differ_are_no_matter() {
    for (first, second) in [
        ("contoso", "contoso-2"),
        ("c1", "c11"),
        ("c10", "c01"),
        ("caf\\u00e9", "cafe"),
        ("\\u043a\\u043e\\u0442", "cat"),
        ("ams-1 primary", "ams-1 secondary"),
    ] {
        assert_eq!(warnings(first, second), Vec::<String>::new(), "{first} {second}");
    }
}

#[test]
fn names_have_no_characters_that_change_the_line() {
    for character in ["\\u0007", "\\u009b", "\\u2028", "\\u2029", "\\u202e", "\\u2066"] {
        let name = format!("name=\"con{character}toso\"");
        let source = circuits("s_tag=1 + c_tag=10").replace("name='c1'", &name);
        let line = source.lines().position(|line| line == name).expect("the name") + 1;
        check(&source, &[(line, "with a control character; remove it")]);
    }
}
