//! `cargo xtask test`: what CI runs.
//!
//! ```text
//! format ─┬─▶ the tests are built ─┬─▶ faults ──────────┬─▶ tests that judge rates
//!         │                        ├─▶ tests that wait ─┘
//!         │                        └─▶ tests that only compute, linters, documents, guests
//!         ├─▶ the page, a browser ─┘
//!         └─▶ packages for guests, Miri, dependencies
//! ```
//!
//! Tests that send traffic wait more than they compute, and the compiler ends with one crate at a time. The last line
//! of either has a low priority, and leaves no CPU idle.

mod checks;
mod stage;
mod traffic;

use std::{env, path::Path, time::Instant};

use anyhow::{Context as _, Result};
use clap::Args;

use self::stage::Stage;
use crate::{
    build, build_ebpf, kernels,
    lane::{Job, Lane, Share},
    miri, page,
    setup::{self, Needs},
    step,
};

/// They use the output of no other, so that they run while the tests are built. The first one waits for a
/// network; the last one's tool takes minutes to compile where it is missing.
const WHILE_BUILDING: [Stage; 3] = [Stage::Packages, Stage::Miri, Stage::Deny];
/// They run beside tests that send traffic, in this order: guests have one CPU, and the linter takes all that are free
/// at the end.
const BESIDE_TESTS: [Stage; 4] = [Stage::Kernels, Stage::Lint, Stage::LintEbpf, Stage::Docs];

#[derive(Args)]
pub(crate) struct Options {
    /// Runs one stage.
    #[arg(long, value_enum, value_name = "STAGE")]
    only: Option<Stage>,
    /// Looks for known vulnerabilities, too, which needs the network.
    #[arg(long)]
    advisories: bool,
}

/// Runs all stages, or one.
pub(crate) fn test(root: &Path, options: &Options) -> Result<()> {
    let started = Instant::now();
    let run = Run { root, advisories: options.advisories, started };
    let (stages, skipped) = match options.only {
        Some(stage) => {
            setup::ensure(stage.needs())?;
            (1, run.stage(stage)?)
        }
        // The others are the tests, their format and the page.
        None => (WHILE_BUILDING.len() + BESIDE_TESTS.len() + 3, run.all()?),
    };
    let without_root = if step::is_root() { "" } else { ", without the tests that need root" };
    println!(
        "\nOK: {} stages passed, {skipped} skipped{without_root}, in {:.0} s",
        stages.saturating_sub(skipped),
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

/// A run of the stages.
struct Run<'a> {
    root: &'a Path,
    advisories: bool,
    started: Instant,
}

impl Run<'_> {
    /// Runs all of them, and returns how many were skipped.
    fn all(&self) -> Result<usize> {
        setup::ensure(Needs::Dev)?;
        self.stage(Stage::Format)?;
        let page = self.lane(Vec::new(), &[Stage::Page], "page.log")?;
        let building = self.lane(Vec::new(), &WHILE_BUILDING, "building.log")?;
        println!("\n==== {:?}", Stage::Tests);
        let tested = self.titled(Stage::Tests, || self.tests(Some(page), &BESIDE_TESTS));
        println!("==> beside the compiler");
        let said = building.finish();
        Ok(tested? + skipped(&said?))
    }

    /// Builds the tests and runs them when `page` has a browser, with the stages `beside` them. Returns how many of these
    /// were skipped.
    fn tests(&self, page: Option<Lane>, beside: &[Stage]) -> Result<usize> {
        let built = traffic::built(self.root);
        if let Some(page) = page {
            println!("==> beside the compiler");
            page.finish()?;
        }
        let traffic::Jobs { faults, waiting, judging, computing } = built?;
        let beside = self.lane(computing, beside, "beside.log")?;
        let log = build::target_dir(self.root).join("waiting.log");
        let waiting = Lane::start(waiting, Share::Equal, &log)?;
        let tested = traffic::run(faults);
        println!("==> beside the faults");
        let waited = waiting.finish();
        let tested = tested.and(waited).and_then(|_said| traffic::run(judging));
        println!("==> beside the tests");
        let said = beside.finish();
        tested?;
        Ok(skipped(&said?))
    }

    /// Runs a stage with nothing beside it, and returns 1 if it was skipped.
    fn stage(&self, stage: Stage) -> Result<usize> {
        println!("\n==== {stage:?}");
        let has_run = self.titled(stage, || self.check(stage))?;
        Ok(usize::from(!has_run))
    }

    /// Runs a stage, and returns whether it could run.
    fn check(&self, stage: Stage) -> Result<bool> {
        let root = self.root;
        match stage {
            Stage::Format => checks::format(root)?,
            Stage::Objects => build_ebpf::objects(root)?,
            Stage::Packages => return kernels::packages(root),
            Stage::Page => page::check(root)?,
            Stage::Miri => return miri::miri(root),
            Stage::Deny => checks::deny(root, self.advisories)?,
            Stage::Tests => return self.tests(None, &[]).map(|skipped| skipped == 0),
            Stage::Lint => return checks::lint(root),
            Stage::LintEbpf => return checks::lint_ebpf(root),
            Stage::Docs => checks::docs(root)?,
            Stage::Kernels => return kernels::stage(root),
        }
        Ok(true)
    }

    /// Starts jobs and, after them, stages.
    fn lane(&self, mut jobs: Vec<Job>, stages: &[Stage], log: &str) -> Result<Lane> {
        for stage in stages {
            let mut words = vec!["test".to_owned(), "--only".to_owned(), stage.name()];
            words.extend(self.advisories.then(|| "--advisories".to_owned()));
            jobs.push(Job {
                name: format!("{stage:?}"),
                program: env::current_exe()?,
                words,
                directory: self.root.to_owned(),
                env: Vec::new(),
            });
        }
        Lane::start(jobs, Share::Rest, &build::target_dir(self.root).join(log))
    }

    /// Says in an error of `work` how to run its stage again.
    fn titled<T>(&self, stage: Stage, work: impl FnOnce() -> Result<T>) -> Result<T> {
        work().with_context(|| {
            format!(
                "stopped at stage {stage:?} after {:.0} s; again: cargo xtask test --only {}",
                self.started.elapsed().as_secs_f64(),
                stage.name()
            )
        })
    }
}

/// The number of stages and tests that say in their output that they were skipped.
fn skipped(said: &str) -> usize {
    said.lines().filter(|line| line.starts_with("SKIPPED: ")).count()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn a_whole_run_has_every_stage_once() {
        // The objects are built with the tests.
        let alone = [Stage::Format, Stage::Objects, Stage::Tests, Stage::Page];
        for stage in Stage::value_variants() {
            let places = alone.iter().chain(&WHILE_BUILDING).chain(&BESIDE_TESTS);
            assert_eq!(places.filter(|place| *place == stage).count(), 1, "{stage:?}");
        }
    }

    #[test]
    fn skipped_stages_are_counted() {
        assert_eq!(skipped("==> Miri\nSKIPPED: no Miri\n* skipped: one\nSKIPPED: docs\n"), 2);
    }
}
