//! The tests' executables by what they need: time without disturbance, other ends that answer, or a CPU.

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
/// Modules of these that judge rates; others of `netns` do, too.
const JUDGING: [&str; 2] = ["edge_user::lab", "kernel::policer_rate"];
/// Modules that wait for peers and clients most of the time, and lose nothing on a busy machine.
const WAITING: &[&str] = &[
    "netns::api",
    "netns::applying",
    "netns::books",
    "netns::circuit_life",
    "netns::clients",
    "netns::conditions",
    "netns::confirming",
    "netns::demo",
    "netns::dropping",
    "netns::packaged",
    "netns::page",
    "netns::routing",
    "netns::sandbox",
    "netns::setup",
    "netns::slots_again",
    "netns::snapshots",
    "netns::speaker",
    "netns::support",
    "netns::timed_bandwidth",
    "netns::trace",
];

/// The jobs of all tests.
#[derive(Default)]
pub(super) struct Jobs {
    /// Faults under traffic.
    pub(super) faults: Vec<Job>,
    /// They run beside these.
    pub(super) waiting: Vec<Job>,
    /// They run when both are over.
    pub(super) judging: Vec<Job>,
    /// They run beside all others.
    pub(super) computing: Vec<Job>,
}

/// Builds the tests, and returns their jobs.
pub(super) fn built(root: &Path) -> Result<Jobs> {
    if !step::is_root() {
        println!(
            "NOT ROOT: tests that load programs or make namespaces are skipped; all of them: \
             sudo --preserve-env env \"PATH=$PATH\" cargo xtask test"
        );
    }
    let built = build_tests(root, Arch::host())?;
    build_programs(root, Arch::host())?;
    let mut jobs = Jobs::default();
    for executable in &built {
        for job in test_jobs(executable)? {
            jobs.of(&job.name).push(job);
        }
    }
    jobs.computing.push(Job {
        name: "examples in the documentation".to_owned(),
        program: env::var_os("CARGO").unwrap_or_else(|| "cargo".into()).into(),
        words: ["test", "--doc", "--workspace", "--exclude", "edge-ebpf"].map(Into::into).into(),
        directory: root.to_owned(),
        env: Vec::new(),
    });
    Ok(jobs)
}

impl Jobs {
    /// The jobs that an executable or a module joins.
    fn of(&mut self, name: &str) -> &mut Vec<Job> {
        if name == "faults" {
            &mut self.faults
        } else if WAITING.contains(&name) {
            &mut self.waiting
        } else if only_compute(name) {
            &mut self.computing
        } else {
            &mut self.judging
        }
    }
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
        let mut jobs = Jobs::default();
        let names = ["netns::tcp", "faults", "netns::routing", "kernel::policer_rate", "host"];
        for name in names {
            let (program, directory) = ("true".into(), "/".into());
            let (words, env) = (Vec::new(), Vec::new());
            jobs.of(name).push(Job { name: name.to_owned(), program, words, directory, env });
        }
        let counts = [&jobs.faults, &jobs.waiting, &jobs.judging, &jobs.computing].map(Vec::len);
        assert_eq!(counts, [1, 1, 2, 1]);
    }
}
