//! The licences of others' code in the binary, as their packages have them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::stage::output;
use crate::step;

/// Our crates that are in the binary: the eBPF object is inside it.
const ROOTS: [&str; 2] = ["edge-user", "edge-ebpf"];
/// Beginnings of the names of files that licences ask to be passed on.
const FILES: [&str; 6] = ["COPYING", "COPYRIGHT", "LICENCE", "LICENSE", "NOTICE", "UNLICENSE"];
const HEAD: &str = "\
This program has code by others: Rust's standard library (https://www.rust-lang.org, MIT or Apache-2.0), SQLite (in the
public domain), and these packages, with their licences and the numbers of the texts below. Where there is a choice, any of
the texts holds. Some of them only take part in the build.
";

/// The packages with their licences, and each text once.
pub(super) fn notices(root: &Path) -> Result<String> {
    notices_by(step::cargo(), root)
}

fn notices_by(mut cargo: Command, root: &Path) -> Result<String> {
    let version = output(Command::new("rustc").arg("-vV").current_dir(root))?;
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).context("no host")?;
    cargo.current_dir(root).args(["metadata", "--format-version", "1", "--locked"]);
    let metadata = output(cargo.args(["--filter-platform", host]))?;
    of(&serde_json::from_str(&metadata)?)
}

fn of(metadata: &Value) -> Result<String> {
    let packages = list(&metadata["packages"])?;
    let packages: BTreeMap<&str, &Value> = packages
        .iter()
        .map(|package| Ok((text(&package["id"])?, package)))
        .collect::<Result<_>>()?;
    let mut used: Vec<&Value> = used(metadata, &packages)?
        .into_iter()
        .filter_map(|id| packages.get(id).copied())
        .filter(|package| !package["source"].is_null())
        .collect();
    used.sort_by_key(|package| (package["name"].as_str(), package["version"].as_str()));
    ensure!(!used.is_empty(), "cargo knows of no packages by others");

    let mut lines = String::from(HEAD);
    let mut texts: Vec<String> = Vec::new();
    for package in used {
        let (name, version) = (text(&package["name"])?, text(&package["version"])?);
        let licence = package["license"].as_str().unwrap_or("its own text");
        let mut numbers = Vec::new();
        let directory = Path::new(text(&package["manifest_path"])?).parent();
        for text in texts_in(directory.context("a package without a directory")?)? {
            let place = texts.iter().position(|known| *known == text).unwrap_or_else(|| {
                texts.push(text);
                texts.len() - 1
            });
            numbers.push((place + 1).to_string());
        }
        ensure!(
            !numbers.is_empty() || package["license"].is_string(),
            "{name} {version} has neither a licence nor its text"
        );
        let numbers = if numbers.is_empty() { "no text".to_owned() } else { numbers.join(", ") };
        write!(lines, "\n{name} {version}: {licence} ({numbers})")?;
    }
    for (number, text) in (1..).zip(&texts) {
        write!(lines, "\n\n\n======== Text {number}\n\n{}", text.trim_end())?;
    }
    lines.push('\n');
    Ok(lines)
}

/// The ids of the packages that ours use, themselves or by others, but for builds and tests alone.
fn used<'a>(
    metadata: &'a Value,
    packages: &BTreeMap<&str, &'a Value>,
) -> Result<BTreeSet<&'a str>> {
    let nodes = list(&metadata["resolve"]["nodes"])?;
    let nodes: BTreeMap<&str, &Value> =
        nodes.iter().map(|node| Ok((text(&node["id"])?, node))).collect::<Result<_>>()?;
    let is_root = |package: &&&Value| {
        package["source"].is_null() && ROOTS.iter().any(|root| package["name"] == *root)
    };
    let roots = packages.values().filter(is_root).filter_map(|package| package["id"].as_str());
    let mut left: Vec<&str> = roots.collect();
    ensure!(left.len() == ROOTS.len(), "{ROOTS:?} are not all among cargo's packages");
    let mut used = BTreeSet::new();
    while let Some(id) = left.pop() {
        if used.insert(id) {
            for dependency in
                list(&nodes.get(id).context("a package that is not resolved")?["deps"])?
            {
                if list(&dependency["dep_kinds"])?.iter().any(|kind| kind["kind"].is_null()) {
                    left.push(text(&dependency["pkg"])?);
                }
            }
        }
    }
    Ok(used)
}

/// The texts in a package's directory, in the order of their names.
fn texts_in(directory: &Path) -> Result<Vec<String>> {
    let cannot = || format!("reading the licences in {}", directory.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let name = entry.file_name().to_string_lossy().to_ascii_uppercase();
        if FILES.iter().any(|begin| name.starts_with(begin)) && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    let read =
        |path| Ok(String::from_utf8_lossy(&fs::read(path).with_context(cannot)?).into_owned());
    files.into_iter().map(read).collect()
}

fn text(value: &Value) -> Result<&str> {
    value.as_str().context("cargo's metadata lacks a text")
}

fn list(value: &Value) -> Result<&Vec<Value>> {
    value.as_array().context("cargo's metadata lacks a list")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_package_in_the_binary_is_named_with_its_texts() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
        // Tests may be told that there is no cargo: they are to build nothing.
        let cargo = Command::new(env!("CARGO"));
        let notices = notices_by(cargo, root).expect("notices");
        let (head, texts) = notices.split_once("\n======== Text 1\n").expect("texts");
        let line = |name: &str| head.lines().find(|line| line.starts_with(name));
        for name in ["aya 0.", "aya-ebpf 0.", "rusqlite 0.", "tokio 1."] {
            assert!(line(name).is_some(), "{name}: {head}");
        }
        // For tests alone, and ours.
        assert_eq!((line("loom "), line("edge-common ")), (None, None));
        // Each number is that of a text.
        let tokio = line("tokio 1.").and_then(|line| line.split_once(" ("));
        let (licence, numbers) = tokio.expect("numbers");
        assert!(licence.ends_with(": MIT"), "{licence}");
        for number in numbers.trim_end_matches(')').split(", ") {
            assert!(number == "1" || texts.contains(&format!("\n======== Text {number}\n")));
        }
    }
}
