//! The arrows between rooms and files, held against `docs/architecture.md`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

const DOCUMENT: &str = include_str!("../../../docs/architecture.md");

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

#[test]
fn rooms_use_those_to_their_right_alone() {
    for (heading, sources) in [
        ("## Rooms of the packet path", "edge-common/src"),
        ("## Rooms of the daemon", "edge-user/src"),
        ("### Rooms of `kernel`", "edge-user/src/kernel"),
        ("### Rooms of `routing`", "edge-user/src/routing"),
        ("### Rooms of `billing`", "edge-user/src/billing"),
    ] {
        let allowed = table(heading);
        let (within, files) = files_below(&workspace().join(sources));
        let room = |module: &Module| module.strip_prefix(&*within)?.first().cloned();
        let rooms: BTreeSet<String> = files.keys().filter_map(room).collect();
        let known: BTreeSet<String> = allowed.keys().cloned().collect();
        assert_eq!(rooms, known, "{heading}: each room has a row");
        for (module, uses) in &files {
            let Some(own) = room(module) else { continue };
            for used in uses.iter().filter_map(room) {
                assert!(
                    used == own || allowed[&own].contains(&used),
                    "{} uses the room {used}",
                    module.join("::")
                );
            }
        }
    }
}

#[test]
fn the_api_uses_nothing_of_ours() {
    let manifest = fs::read_to_string(workspace().join("edge-user/api/Cargo.toml"));
    let manifest = manifest.expect("a manifest");
    let dependencies = manifest.split("dependencies]\n").skip(1);
    let lines = dependencies.flat_map(|section| section.lines());
    let names: Vec<&str> = lines
        .take_while(|line| *line != "[lints]")
        .filter_map(|line| line.split(['.', ' ']).next())
        .collect();
    assert!(names.contains(&"serde"), "{names:?}");
    for other in ["edge-", "aya", "rusqlite", "clap", "xtask"] {
        assert!(!names.iter().any(|name| name.starts_with(other)), "{names:?}");
    }
}

#[test]
fn no_two_files_use_each_other() {
    for package in ["edge-common", "edge-ebpf", "edge-user", "edge-user/api"] {
        let files = modules(&workspace().join(package).join("src"));
        // Take away what uses nothing that is left, again and again.
        let mut left = files.clone();
        loop {
            let names: BTreeSet<Module> = left.keys().cloned().collect();
            let uses_some = |uses: &BTreeSet<Module>| uses.iter().any(|used| names.contains(used));
            let before = left.len();
            left.retain(|_, uses| uses_some(uses));
            if left.len() == before {
                break;
            }
        }
        assert!(
            files.len() > 5 && left.is_empty(),
            "{package}: among these is a circle: {left:#?}"
        );
    }
}

#[test]
fn steps_have_one_name_and_one_order() {
    let root = workspace();
    let read = |path: &str| fs::read_to_string(root.join(path)).expect("a file");
    let path = read("edge-common/src/path.rs");
    let modules = path.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    // The router's own traffic is behind the steps.
    let steps: Vec<&str> = modules.take_while(|module| *module != "router").collect();
    assert!(steps.len() > 5);
    for (number, step) in (1..).zip(&steps) {
        let header = read(&format!("edge-common/src/path/{step}.rs"));
        assert!(header.starts_with(&format!("//! Step {number}, ")), "{step}");
    }
    let arrows = steps.join(" → ");
    assert!(read("README.md").contains(&arrows));
    assert!(read("edge-common/src/lib.rs").contains(&arrows));
    let numbered: Vec<_> =
        (1..).zip(&steps).map(|(number, step)| format!("{number} {step}")).collect();
    assert!(path.contains(&numbered.join(" → ")));
    let document = read("docs/packet-path.md");
    let section = document.split("## Steps").nth(1).and_then(|rest| rest.split("\n## ").next());
    let bold = section
        .expect("the section")
        .lines()
        .filter_map(|line| Some(line.strip_prefix("* **")?.split_once('.')?.0.to_lowercase()));
    assert_eq!(bold.collect::<Vec<_>>(), steps);
}

/// A module by its path in its crate.
type Module = Vec<String>;

/// The rows of the table below a heading of the document.
fn table(heading: &str) -> BTreeMap<String, BTreeSet<String>> {
    let names = |cell: &str| -> BTreeSet<String> {
        cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
    };
    let below = DOCUMENT.lines().skip_while(|line| *line != heading).skip(1);
    let section = below.take_while(|line| !line.starts_with('#'));
    let rows = section.filter_map(|line| {
        let (room, used) = line.strip_prefix("| `")?.split_once("` |")?;
        Some((room.to_owned(), names(used)))
    });
    rows.collect()
}

/// The files of a room, by their paths in their crate, and the room's own path.
fn files_below(sources: &Path) -> (Module, BTreeMap<Module, BTreeSet<Module>>) {
    let is_crate = |path: &Path| path.ends_with("src");
    let crate_sources = sources.ancestors().find(|path| is_crate(path)).expect("a crate");
    let within = sources.strip_prefix(crate_sources).expect("a path below");
    let within: Module = within.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    let mut files = modules(crate_sources);
    files.retain(|module, _| module.len() > within.len() && module.starts_with(&within));
    (within, files)
}

/// Every file of a crate, with those that it uses.
fn modules(source: &Path) -> BTreeMap<Module, BTreeSet<Module>> {
    let mut texts = BTreeMap::new();
    read(source, &mut Vec::new(), &mut texts);
    let known: BTreeSet<Module> = texts.keys().cloned().collect();
    let of_file = |path: &[String]| {
        let longest = (1..=path.len()).rev().map(|len| path[..len].to_vec());
        longest.into_iter().find(|module| known.contains(module))
    };
    let uses = |(module, text): (&Module, &String)| {
        let used = paths(module, text).into_iter().filter_map(|path| of_file(&path));
        // A module and those in its folder are one thing.
        let others = used.filter(|used| !used.starts_with(module) && !module.starts_with(used));
        (module.clone(), others.collect())
    };
    texts.iter().map(uses).collect()
}

fn read(directory: &Path, module: &mut Module, texts: &mut BTreeMap<Module, String>) {
    for entry in fs::read_dir(directory).expect("a directory").map(|entry| entry.expect("an entry"))
    {
        let path = entry.path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        // Tests may look anywhere.
        if ["lib", "main", "bin", "tests"].contains(&&*name) {
            continue;
        }
        if name != "mod" {
            module.push(name.clone());
        }
        if path.is_dir() {
            read(&path, module, texts);
        } else {
            let text = fs::read_to_string(&path).expect("a source");
            let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default().to_owned();
            texts.insert(module.clone(), text);
        }
        if name != "mod" {
            module.pop();
        }
    }
}

/// The paths in the crate that a file's `use` lines name.
fn paths(module: &Module, text: &str) -> Vec<Vec<String>> {
    let lines = text.split("\nuse ").skip(1).map(|rest| rest.split(';').next().unwrap_or_default());
    let mut found = Vec::new();
    for tree in lines {
        leaves(&mut tree.trim(), &mut Vec::new(), &mut found);
    }
    let absolute = found.into_iter().filter_map(|path| match &*path[0] {
        // The command line is the binary's, and sees the library from outside.
        "crate" | "edge_user" => Some(path[1..].to_vec()),
        "self" => Some([module, &path[1..]].concat()),
        "super" => {
            let up = path.iter().take_while(|part| *part == "super").count();
            Some([&module[..module.len() - up], &path[up..]].concat())
        }
        _ => None,
    });
    absolute.collect()
}

/// The paths of a tree of `use`.
fn leaves(tree: &mut &str, prefix: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let depth = prefix.len();
    loop {
        let end = tree.find(['{', '}', ',', ':']).unwrap_or(tree.len());
        let name = tree[..end].trim().to_owned();
        if !name.is_empty() {
            prefix.push(name);
        }
        *tree = &tree[end..];
        if let Some(rest) = tree.strip_prefix("::") {
            *tree = rest;
            continue;
        }
        if let Some(rest) = tree.strip_prefix('{') {
            *tree = rest;
            while !tree.trim_start().starts_with('}') && !tree.is_empty() {
                leaves(tree, prefix, found);
                *tree = tree.trim_start().trim_start_matches(',');
            }
            *tree = tree.trim_start().strip_prefix('}').unwrap_or(tree);
        } else if prefix.len() > depth {
            found.push(prefix.clone());
        }
        prefix.truncate(depth);
        return;
    }
}

#[test]
fn trees_of_uses_are_read() {
    let text =
        "\nuse crate::{abi::{self, rate::Rate}, env::Word};\nuse super::{tags, mark::mark};\n";
    let module = vec!["path".to_owned(), "admit".to_owned()];
    let found: Vec<String> = paths(&module, text).iter().map(|path| path.join("::")).collect();
    assert_eq!(
        found,
        ["abi::self", "abi::rate::Rate", "env::Word", "path::tags", "path::mark::mark"]
    );
}
