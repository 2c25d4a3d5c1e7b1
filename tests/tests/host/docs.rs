//! The statements of the documents, held against the code.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use edge_common::{Action, Reason, reason::UnmatchedPolicy};
use edge_user::config;

#[test]
fn the_readmes_configuration_is_valid() {
    let readme = include_str!("../../../README.md");
    let block = readme.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next());
    let block = block.expect("README has a configuration");
    let config = config::parse(block, Path::new("README.md"));
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.warnings(), Vec::<String>::new());
    assert!(block.lines().count() <= 5, "a configuration of five lines");
}

#[test]
fn every_reason_has_its_cause_effect_and_cure() {
    let document = include_str!("../../../docs/reasons.md");
    let mut sections = document.split("\n## ").skip(1);
    for reason in Reason::ALL {
        let section = sections.next().expect("a section for each reason");
        let heading = format!("{} `{}`\n", reason.number(), reason.as_str());
        assert!(section.starts_with(&heading), "{heading} comes before {section}");
        for part in ["* **Cause**: ", "* **Effect**: ", "* **To do**: "] {
            assert_eq!(section.matches(part).count(), 1, "{part} of {heading}");
        }
        let is_dropped = reason.action(UnmatchedPolicy::Pass) == Action::Drop;
        let says_so = section.contains("the edge drops") || section.contains("the frame is lost");
        assert_eq!(is_dropped, says_so, "{heading}");
    }
    assert_eq!(sections.next(), None);
}

#[test]
fn a_test_stands_behind_each_sentence_about_billing() {
    check_sentences(include_str!("../../../docs/billing.md"), 30);
}

#[test]
fn a_test_stands_behind_each_sentence_about_interfaces() {
    check_sentences(include_str!("../../../docs/operations.md"), 8);
}

#[test]
fn a_test_stands_behind_each_promise_of_the_service() {
    check_sentences(include_str!("../../../docs/expressroute.md"), 24);
}

#[test]
fn a_test_stands_behind_each_sentence_about_replays() {
    let document = include_str!("../../../docs/replay.md");
    let (told, _) = document.split_once("## A line of").expect("the section after the sentences");
    check_sentences(told, 10);
}

/// A sentence has a subject that a reader can name. Code and program output stay out.
#[test]
fn no_sentence_begins_with_what_or_who() {
    const WORDS: [&str; 6] = ["What", "Who", "Whoever", "Whatever", "How", "Which"];
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let documents = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs"];
    let sources = [
        "edge-common",
        "edge-ebpf",
        "edge-user/src",
        "edge-user/api/src",
        "edge-user/page/src",
        "xtask/src",
        "tests/src",
        "tests/tests",
    ];
    let mut read = 0;
    for place in documents.into_iter().chain(sources) {
        for (path, text) in texts(&root.join(place)) {
            let is_of = |kinds: &[&str]| {
                path.extension().is_some_and(|found| kinds.iter().any(|kind| found == *kind))
            };
            let is_source = is_of(&["rs", "ts"]);
            if !is_source && !is_of(&["md"]) {
                continue;
            }
            for (line, number) in text.lines().zip(1..) {
                let prose =
                    if is_source { line.split_once("//").map_or("", |it| it.1) } else { line };
                let words = prose.split(|c: char| !c.is_alphanumeric());
                let headless = words.into_iter().find(|word| WORDS.contains(word));
                assert_eq!(headless, None, "{}:{number}: {line}", path.display());
                read += 1;
            }
        }
    }
    assert!(read > 40_000, "{read} lines");
}

/// The documents or sources at a path, with their texts. A picture has none.
fn texts(path: &Path) -> Vec<(PathBuf, String)> {
    if path.extension().is_some_and(|extension| extension == "png") {
        return Vec::new();
    }
    if !path.is_dir() {
        return vec![(path.to_owned(), fs::read_to_string(path).expect("a text"))];
    }
    let entries = fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry"));
    entries.flat_map(|entry| texts(&entry.path())).collect()
}

/// Every bullet of the document, and every row of its tables, more than so many of them, names
/// tests that there are.
fn check_sentences(document: &str, more_than: usize) {
    let tests = tests_in(Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace"));
    let mut sentences: Vec<String> = Vec::new();
    for line in document.lines() {
        let is_row = line.starts_with("| ")
            && !line.starts_with("| fault")
            && !line.starts_with("| promise");
        if line.starts_with("* ") || is_row {
            sentences.push(line.to_owned());
        } else if let (Some(rest), Some(sentence)) = (line.strip_prefix("  "), sentences.last_mut())
        {
            sentence.push(' ');
            sentence.push_str(rest);
        }
    }
    assert!(sentences.len() > more_than, "the document has sentences");
    for sentence in sentences {
        let named = sentence.rsplit_once('(').map_or("", |(_, named)| named);
        let named = named.split_once(')').map_or("", |(named, _)| named);
        let named: Vec<&str> = named.split(", ").map(|name| name.trim_matches('`')).collect();
        assert!(named.iter().all(|name| tests.contains(*name)), "{named:?} of: {sentence}");
    }
}

/// Names of all tests in the sources under `path`.
fn tests_in(path: &Path) -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for entry in fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry")) {
        let (path, name) = (entry.path(), entry.file_name());
        let is_source = path.extension().is_some_and(|extension| extension == "rs");
        if path.is_dir() && name != "target" && name != ".git" {
            tests.extend(tests_in(&path));
        } else if is_source {
            let source = fs::read_to_string(&path).expect("a source");
            let mut lines = source.lines().map(str::trim);
            while let Some(line) = lines.next() {
                if line != "#[test]" {
                    continue;
                }
                let function = lines.find_map(|line| line.strip_prefix("fn "));
                let name = function.and_then(|function| function.split('(').next());
                tests.extend(name.map(str::to_owned));
            }
        }
    }
    tests
}
