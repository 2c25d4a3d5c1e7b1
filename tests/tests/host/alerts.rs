//! The alert rules and the dashboard, held against the metrics that there are, and run by `promtool` where that is installed.

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/prometheus")
}

fn read(path: &str) -> String {
    let path = directory().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Words of a text that begin with `edge_`.
fn metrics(text: &str) -> BTreeSet<&str> {
    let words = text.split(|char: char| !char.is_ascii_alphanumeric() && char != '_');
    words.filter(|word| word.starts_with("edge_")).collect()
}

/// The values of a key, one a line.
fn values<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let key = format!("{key}: ");
    text.lines()
        .filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix(&*key))
        .collect()
}

#[test]
fn each_alert_is_of_metrics_that_there_are_and_says_what_to_do() {
    let rules = read("edge.rules.yml");
    let documented = read("../../docs/metrics.md");
    let known = metrics(&documented);
    let unknown: Vec<_> =
        metrics(&rules).into_iter().filter(|name| !known.contains(name)).collect();
    assert_eq!(unknown, [""; 0]);
    let alerts = values(&rules, "alert");
    assert!(alerts.len() > 10, "{alerts:?}");
    for key in ["summary", "action", "labels"] {
        assert_eq!(values(&rules, key).len(), alerts.len(), "{key} of each alert");
    }
    let tested: BTreeSet<_> =
        values(&read("edge.rules.test.yml"), "name").into_iter().map(str::to_owned).collect();
    let untested: Vec<_> = alerts.into_iter().filter(|alert| !tested.contains(*alert)).collect();
    assert_eq!(untested, [""; 0]);
}

#[test]
fn each_panel_is_of_metrics_that_there_are() {
    let dashboard: Value = serde_json::from_str(&read("../grafana/edge.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let queries: Vec<&str> = targets.filter_map(|target| target["expr"].as_str()).collect();
    assert!(queries.len() > 10, "{queries:?}");
    let documented = read("../../docs/metrics.md");
    let known = metrics(&documented);
    for query in queries {
        assert!(metrics(query).iter().all(|name| known.contains(name)), "{query}");
    }
}

#[test]
fn each_alert_fires_when_it_should() {
    for arguments in
        [["check", "rules", "edge.rules.yml"], ["test", "rules", "edge.rules.test.yml"]]
    {
        let run = Command::new("promtool").args(arguments).current_dir(directory()).output();
        match run {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                eprintln!("SKIPPED: there is no promtool, which Debian's package prometheus has");
                return;
            }
            run => {
                let run = run.expect("promtool runs");
                assert!(run.status.success(), "{arguments:?}: {run:?}");
            }
        }
    }
}
