//! Names and sizes: one word has one meaning, and one file one concept.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// Names that mean the same wherever they stand.
const CONVENTIONS: [&str; 3] = [
    // The arguments of the command whose module it is in.
    "Args",   // A room's `Result`, with the room's error.
    "Result", // Adds to a room's errors what was being done.
    "Context",
];

const MOST_LINES: usize = 300;

/// The production sources of the programs, with their texts up to their tests.
fn sources() -> Vec<(PathBuf, String)> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let mut found = Vec::new();
    for package in ["edge-common", "edge-ebpf", "edge-user", "edge-user/api", "xtask"] {
        read(&workspace.join(package).join("src"), &mut found);
    }
    assert!(found.len() > 200, "{}", found.len());
    found
}

fn read(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.file_stem().is_some_and(|stem| stem == "tests") {
            continue;
        }
        if path.is_dir() {
            read(&path, found);
        } else {
            let text = fs::read_to_string(&path).expect("a source");
            let production = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
            found.push((path, production.to_owned()));
        }
    }
}

/// The name of the type that a line of a file's top level defines.
fn defined(line: &str) -> Option<&str> {
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let kinds = ["struct ", "enum ", "union ", "trait ", "type "];
    let rest = kinds.iter().find_map(|kind| line.strip_prefix(kind))?;
    rest.split(|other: char| !other.is_alphanumeric()).next()
}

#[test]
fn no_two_types_share_a_name() {
    let mut places: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (path, text) in sources() {
        // The helper of the workspace is another program.
        if path.to_string_lossy().contains("/xtask/") {
            continue;
        }
        for name in text.lines().filter_map(defined) {
            places.entry(name.to_owned()).or_default().push(path.clone());
        }
    }
    assert!(places.len() > 300, "{}", places.len());
    places.retain(|name, places| places.len() > 1 && !CONVENTIONS.contains(&name.as_str()));
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn definitions_are_found() {
    for (line, name) in [
        ("pub struct Meter {", Some("Meter")),
        ("pub(in crate::kernel) enum Loaded<'a> {", Some("Loaded")),
        ("type Count = (u64, u64);", Some("Count")),
        ("pub trait Env: Lookup {}", Some("Env")),
        ("    type Word = u64;", None),
        ("let type_of = 1;", None),
    ] {
        assert_eq!(defined(line), name, "{line}");
    }
}

#[test]
fn files_are_short() {
    let long: Vec<_> = sources()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MOST_LINES)
        .collect();
    assert!(long.is_empty(), "{long:#?}");
}
