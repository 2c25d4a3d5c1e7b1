//! The tests' executables: the modules that send traffic in time, and those that only compute.

use std::{env, path::Path, process::Command};

use anyhow::{Result, ensure};

use crate::{
    arch::Arch,
    executables::{Executable, build_programs, build_tests},
    lane::Job,
    step,
};

/// Executables of which one module runs after the other: some judge rates, which others would
/// disturb.
const BY_MODULE: [&str; 3] = ["edge_user", "kernel", "netns"];
/// Modules of these that judge rates; those of `netns` do, too.
const JUDGING: [&str; 2] = ["edge_user::lab", "kernel::policer_rate"];

/// Builds the tests, and returns the jobs that send traffic and those that only compute.
pub(super) fn built(root: &Path) -> Result<(Vec<Job>, Vec<Job>)> {
    if !step::is_root() {
        println!(
            "NOT ROOT: tests that load programs or make namespaces are skipped; all of them: \
             sudo --preserve-env env \"PATH=$PATH\" cargo xtask test"
        );
    }
    let built = build_tests(root, Arch::host())?;
    build_programs(root, Arch::host())?;
    let mut all = Vec::new();
    for executable in &built {
        all.extend(test_jobs(executable)?);
    }
    let (mut computing, sending): (Vec<_>, Vec<_>) =
        all.into_iter().partition(|job| only_compute(&job.name));
    computing.push(Job {
        name: "examples in the documentation".to_owned(),
        program: env::var_os("CARGO").unwrap_or_else(|| "cargo".into()).into(),
        words: ["test", "--doc", "--workspace", "--exclude", "edge-ebpf"].map(Into::into).into(),
        directory: root.to_owned(),
        env: Vec::new(),
    });
    Ok((sending, computing))
}

/// Runs jobs one after the other, up to the first that fails.
pub(super) fn run(jobs: Vec<Job>) -> Result<()> {
    jobs.into_iter().try_for_each(|Job { name, program, words, directory, env }| {
        step::run(&name, Command::new(program).args(words).current_dir(directory).envs(env))
    })
}

/// Whether the tests of an executable or a module only compute: they run beside those that send traffic.
fn only_compute(name: &str) -> bool {
    let is_by_module = name.starts_with("edge_user::") || name.starts_with("kernel::");
    let is_whole = ["edge_common", "host", "model"].contains(&name);
    is_whole || is_by_module && !JUDGING.contains(&name)
}

/// The tests of an executable, all at once or by module.
fn test_jobs(test: &Executable) -> Result<Vec<Job>> {
    if !BY_MODULE.contains(&test.name.as_str()) {
        return Ok(vec![test_job(test, None)]);
    }
    let modules = test.modules()?;
    ensure!(!modules.is_empty(), "{} has no tests", test.name);
    Ok(modules.iter().map(|module| test_job(test, Some(module))).collect())
}

fn test_job(test: &Executable, module: Option<&str>) -> Job {
    let mut env = vec![
        // It builds nothing: all that it runs is there.
        ("CARGO".to_owned(), "true".to_owned()),
        ("CARGO_MANIFEST_DIR".to_owned(), test.package.display().to_string()),
    ];
    if step::is_root() {
        // Tests that can run must: a run that skipped everything proves nothing.
        env.push(("EDGE_REQUIRE_ROOT".to_owned(), "1".to_owned()));
    }
    Job {
        name: module.map_or(test.name.clone(), |module| format!("{}::{module}", test.name)),
        program: test.path.clone(),
        words: module.map(|module| format!("{module}::")).into_iter().collect(),
        directory: test.package.clone(),
        env,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_judges_rates_or_sends_traffic_is_not_disturbed() {
        for name in ["edge_user::lab", "kernel::policer_rate", "netns::tcp", "netns::api", "faults"]
        {
            assert!(!only_compute(name), "{name}");
        }
        for name in ["edge_user::billing", "kernel::differential", "host", "model", "edge_common"] {
            assert!(only_compute(name), "{name}");
        }
    }
}
