//! The tests' executables, and the `edge` that they run.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, Result, ensure};

use crate::{
    arch::{Arch, cargo},
    build, step,
};

/// An executable of tests.
pub(crate) struct Executable {
    /// The name of its folder in `tests`, or of the library or program whose unit tests it has.
    pub(crate) name: String,
    /// Its path.
    pub(crate) path: PathBuf,
    /// The directory of its package.
    pub(crate) package: PathBuf,
    /// Whether it has integration tests, in a folder of its own.
    pub(crate) is_integration: bool,
}

impl Executable {
    /// The modules of its tests, in order.
    pub(crate) fn modules(&self) -> Result<Vec<String>> {
        let output = Command::new(&self.path)
            .args(["--list", "--format", "terse"])
            .output()
            .with_context(|| format!("starting {}", self.path.display()))?;
        ensure!(output.status.success(), "{} doesn't list its tests", self.path.display());
        Ok(modules(&String::from_utf8_lossy(&output.stdout)))
    }
}

/// Builds the tests, as `cargo test` does, and `edge` in one go: the tests' dependencies give
/// common ones other features, and a separate build of `edge` would compile these once more.
pub(crate) fn build_tests(root: &Path, arch: Arch) -> Result<Vec<Executable>> {
    let what = format!("tests for {}", arch.name());
    let words = "build --workspace --exclude edge-ebpf --tests --examples --bin edge \
                 --message-format=json";
    let output = step::step(&what, || {
        let output =
            cargo(root, arch, words).stderr(Stdio::inherit()).output().context("starting cargo")?;
        ensure!(output.status.success(), "building the tests for {} failed", arch.name());
        Ok(output)
    })?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let built: Vec<Executable> = messages.lines().filter_map(executable).collect();
    ensure!(!built.is_empty(), "cargo has listed no test executable");
    Ok(built)
}

/// Builds the programs that tests run, and returns them: `edge`, which [`build_tests`] has built before, and
/// the one with another layout.
pub(crate) fn build_programs(root: &Path, arch: Arch) -> Result<Vec<PathBuf>> {
    // The example brings the tests' dependencies: with them, common ones have the features that
    // they were compiled with for the tests.
    let words = "build --workspace --exclude edge-ebpf --bin edge-other-layout \
                 --example steered_clock --features edge-user/other-layout";
    step::run(&format!("edge-other-layout for {}", arch.name()), &mut cargo(root, arch, words))?;
    let mut target = build::target_dir(root);
    if arch != Arch::host() {
        target.push(arch.rust());
    }
    Ok(["edge", "edge-other-layout"].map(|bin| target.join("debug").join(bin)).to_vec())
}

/// The executable that a line of cargo's messages names.
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

/// The modules at the top of a list of tests.
fn modules(list: &str) -> Vec<String> {
    let tests = list.lines().filter_map(|line| line.strip_suffix(": test"));
    let mut modules: Vec<String> =
        tests.filter_map(|test| Some(test.split_once("::")?.0.to_owned())).collect();
    modules.dedup();
    modules
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_those_that_have_tests() {
        let list = "growth::tables::one: test\ngrowth::two: test\nupgrade::x: test\nalone: test\n";
        assert_eq!(modules(list), ["growth", "upgrade"]);
    }

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
