//! The files of the Debian package: its unit, its scripts and its sample.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use edge_user::config;

/// The worst exposure that `systemd-analyze security` may find, of ten.
const MAX_EXPOSURE: f64 = 2.5;

fn contrib(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the workspace")
        .join("contrib")
        .join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(contrib(path)).expect("a file of the package")
}

#[test]
fn the_units_sandbox_is_tight() {
    let mut analyze = Command::new("systemd-analyze");
    analyze.args(["security", "--offline=yes"]).arg(contrib("edge.service"));
    let Ok(output) = analyze.output() else {
        eprintln!("SKIPPED: there is no systemd-analyze here: the_units_sandbox_is_tight");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    let last = said.lines().rfind(|line| line.contains("exposure level")).expect("a verdict");
    let exposure = last.split_whitespace().find_map(|word| word.parse::<f64>().ok());
    assert!(exposure.is_some_and(|exposure| exposure <= MAX_EXPOSURE), "{said}");
}

#[test]
fn the_unit_gives_three_capabilities_and_no_more() {
    let unit = read("edge.service");
    for key in ["CapabilityBoundingSet=", "AmbientCapabilities="] {
        let values: Vec<&str> = unit.lines().filter_map(|line| line.strip_prefix(key)).collect();
        assert_eq!(values, ["CAP_BPF CAP_NET_ADMIN CAP_PERFMON"], "{key}");
    }
}

/// A drop-in that keeps a mount of the sandbox would hide the routing namespace from the host.
#[test]
fn the_drop_in_for_routed_circuits_takes_every_mount_back() {
    let (unit, drop_in) = (read("edge.service"), read("debian/routed.conf"));
    let keys = unit.lines().filter_map(|line| Some(line.split_once('=')?.0));
    let mounts = keys.filter(|key| {
        let is_path = ["BindPaths", "ReadOnlyPaths", "ReadWritePaths", "TemporaryFileSystem"];
        is_path.contains(key) || key.starts_with("Protect") || key.starts_with("Private")
    });
    let mut taken_back = 0;
    for key in mounts {
        let is_off = |line: &str| line == format!("{key}=") || line == format!("{key}=no");
        assert!(drop_in.lines().any(is_off), "{key}");
        taken_back += 1;
    }
    assert!(taken_back > 10);
}

#[test]
fn the_scripts_are_scripts_of_a_shell() {
    for script in ["postinst", "prerm", "postrm"] {
        let path = contrib("debian").join(script);
        let status = Command::new("sh").arg("-n").arg(&path).status();
        assert!(status.expect("a shell").success(), "{script}");
        assert!(fs::read_to_string(&path).expect("a script").starts_with("#!/bin/sh\nset -e\n"));
    }
}

#[test]
fn the_catalogue_is_valid_in_any_file() {
    let file = read("debian/edge.toml") + &read("catalogue.toml");
    let config = config::parse(&file, Path::new("edge.toml"));
    let catalogue = config.unwrap_or_else(|errors| panic!("{errors}")).catalogue;
    assert!(catalogue.regions.len() >= 10 && catalogue.locations.len() >= 10);
    assert_eq!(catalogue.providers.len(), 5);
}

#[test]
fn the_sample_is_valid() {
    let sample = read("debian/edge.toml");
    let config = config::parse(&sample, Path::new("edge.toml"));
    let config = config.unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(config.warnings(), Vec::<String>::new());
}
