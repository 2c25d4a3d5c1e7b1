//! `cargo xtask`: set-up, builds, tests and benchmarks.

mod build;
mod setup;
mod step;
mod test;

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Set-up, builds, tests and benchmarks of edge")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Installs what building and testing need and is missing.
    Setup {
        /// Only tells what that would be.
        #[arg(long)]
        dry_run: bool,
    },
    /// Builds the eBPF objects alone.
    BuildEbpf,
    /// Builds the object and the binary.
    Build {
        /// Optimised.
        #[arg(long)]
        release: bool,
    },
    /// Builds, and shows the main job on real traffic.
    Demo {
        /// For `edge demo`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Runs every check and test.
    Test {
        /// One stage of them.
        #[arg(long, value_enum)]
        only: Option<test::Stage>,
    },
    /// Builds, and measures what the path costs.
    Bench {
        /// For `edge bench`.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
}

fn main() -> ExitCode {
    match run(Cli::parse().verb) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(verb: Verb) -> Result<()> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let root = root.parent().context("the workspace's root")?;
    match verb {
        Verb::Setup { dry_run } => setup::setup(setup::Needs::Test, dry_run),
        Verb::BuildEbpf => {
            setup::setup(setup::Needs::Build, false)?;
            let objects = xtask::ebpf::build(root)?;
            println!("{}", objects.join("edge").display());
            Ok(())
        }
        Verb::Build { release } => build::build(root, release).map(drop),
        Verb::Demo { args } => build::run_edge(root, "demo", &args),
        Verb::Test { only } => test::test(root, only),
        Verb::Bench { args } => build::run_edge(root, "bench", &args),
    }
}
