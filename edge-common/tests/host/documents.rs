//! The table of routed circuits in `docs/packet-path.md`, held against the reasons and the tests.

use std::{collections::BTreeSet, fs, path::Path};

use edge_common::{Action, Reason, reason::UnmatchedPolicy};

const DOCUMENT: &str = include_str!("../../../docs/packet-path.md");

fn section() -> &'static str {
    let (_, section) = DOCUMENT.split_once("\n## Routed circuits\n").unwrap();
    section.split("\n## ").next().unwrap()
}

#[test]
fn every_routed_reason_has_a_row_with_its_number_and_verdict() {
    let mut rows =
        section().lines().filter(|line| line.starts_with("| ") && !line.starts_with("| #"));
    for reason in Reason::ALL.into_iter().skip(usize::from(Reason::Punted.number())) {
        let verdict = match reason.action(UnmatchedPolicy::Drop) {
            Action::Punt => "punt",
            Action::Drop => "drop",
            Action::Answer if reason == Reason::Answered => "answer",
            Action::Answer => "answer or drop",
            other => panic!("{other:?}"),
        };
        let expected = format!("| {} | `{}` | {verdict} | ", reason.number(), reason.as_str());
        let row = rows.next().unwrap();
        assert!(row.starts_with(&expected), "{expected} comes before {row}");
    }
    assert_eq!(rows.next(), None);
}

#[test]
fn a_test_stands_behind_each_sentence_about_routed_circuits() {
    let mut sentences: Vec<String> = Vec::new();
    for line in section().lines() {
        if line.starts_with("* ") || line.starts_with("| ") && !line.starts_with("| #") {
            sentences.push(line.to_owned());
        } else if let (Some(rest), Some(sentence)) = (line.strip_prefix("  "), sentences.last_mut())
        {
            sentence.push(' ');
            sentence.push_str(rest);
        }
    }
    assert!(sentences.len() > 20, "{}", sentences.len());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let tests = tests_in(root);
    assert!(tests.len() > 100, "{}", tests.len());
    for sentence in sentences {
        // Names of tests are longer than those of reasons.
        let words = sentence.split('`').skip(1).step_by(2);
        let named: Vec<&str> = words.filter(|word| word.matches('_').count() > 2).collect();
        assert!(!named.is_empty(), "no test behind: {sentence}");
        for name in named {
            assert!(tests.contains(name), "no test {name}");
        }
    }
}

/// Names of all tests in the sources under `path`.
fn tests_in(path: &Path) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for entry in fs::read_dir(path).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests.extend(tests_in(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let source = fs::read_to_string(&path).unwrap();
            let mut lines = source.lines().map(str::trim);
            while lines.by_ref().any(|line| line == "#[test]") {
                let function = lines.by_ref().find_map(|line| line.strip_prefix("fn "));
                tests.extend(
                    function.and_then(|function| function.split('(').next()).map(str::to_owned),
                );
            }
        }
    }
    tests
}
