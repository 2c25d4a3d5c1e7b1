//! The tests' executables, and the `edge` that they run.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    arch::{Arch, cargo},
    build, step,
};

/// An executable of tests.
pub(crate) struct Executable {
    /// The name of its file in `tests`, or of the library or program whose unit tests it has.
    pub(crate) name: String,
    /// Its path.
    pub(crate) path: PathBuf,
    /// The directory of its package.
    pub(crate) package: PathBuf,
    /// Whether it has integration tests, in a file of its own.
    pub(crate) is_integration: bool,
}

/// Builds them, as `cargo test` does: after that there is nothing left to do for the machine's own
/// architecture.
pub(crate) fn build_tests(root: &Path, arch: Arch) -> Result<Vec<Executable>> {
    let what = format!("tests for {}", arch.name());
    let words = "test --workspace --exclude edge-ebpf --no-run --message-format=json";
    let output = step::step(&what, || {
        let output =
            cargo(root, arch, words).stderr(Stdio::inherit()).output().context("starting cargo")?;
        ensure!(output.status.success(), "building the tests for {} failed", arch.name());
        Ok(output)
    })?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let built: Vec<Executable> = messages.lines().filter_map(executable).collect();
    ensure!(!built.is_empty(), "cargo tells of no test executable");
    Ok(built)
}

/// Builds `edge`, and the one with another layout, which tests run.
pub(crate) fn build_edges(root: &Path, arch: Arch) -> Result<Vec<PathBuf>> {
    for (bin, features) in
        [("edge", ""), ("edge-other-layout", " --features edge-user/other-layout")]
    {
        let words = format!("build --package edge-user --bin {bin}{features}");
        step::run(&format!("{bin} for {}", arch.name()), &mut cargo(root, arch, &words))?;
    }
    let mut target = build::target_dir(root);
    if arch != Arch::host() {
        target.push(arch.rust());
    }
    Ok(["edge", "edge-other-layout"].map(|bin| target.join("debug").join(bin)).to_vec())
}

/// The executable that a line of cargo's messages tells of.
fn executable(line: &str) -> Option<Executable> {
    let message: serde_json::Value = serde_json::from_str(line).ok()?;
    if message["profile"]["test"] != true {
        return None;
    }
    Some(Executable {
        name: message["target"]["name"].as_str()?.to_owned(),
        path: PathBuf::from(message["executable"].as_str()?),
        package: Path::new(message["manifest_path"].as_str()?).parent()?.to_owned(),
        is_integration: message["target"]["kind"][0] == "test",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_executable_is_told_from_other_messages() {
        let line = |test: bool| {
            format!(
                r#"{{"manifest_path":"/e/tests/Cargo.toml","target":{{"kind":["test"],"name":"wire"}},
                "profile":{{"test":{test}}},"executable":"/e/target/debug/deps/wire-1"}}"#
            )
        };
        let wire = executable(&line(true)).unwrap();
        assert_eq!((wire.name.as_str(), wire.is_integration), ("wire", true));
        assert_eq!(wire.package, Path::new("/e/tests"));
        assert!(executable(&line(false)).is_none());
        assert!(executable(r#"{"reason":"build-finished","success":true}"#).is_none());
    }
}
