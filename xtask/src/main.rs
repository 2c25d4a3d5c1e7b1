//! `cargo xtask`: set-up, builds, tests and benchmarks.

mod arch;
mod bench;
mod build;
mod build_ebpf;
mod demo;
mod dist;
mod executables;
mod fuzz;
mod kernels;
mod lane;
mod miri;
mod page;
mod setup;
mod soak;
mod step;
mod test;

use std::{path::Path, process::ExitCode};

use anyhow::{Context as _, Result};
use clap::{Args, Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", version)]
#[command(about = "Set-up, builds, tests and benchmarks of edge")]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Installs the missing tools for building and testing.
    Setup(setup::Options),
    /// Builds only the eBPF objects, and prints their place.
    BuildEbpf,
    /// Builds the objects and the binary.
    Build {
        /// Optimises the build.
        #[arg(long)]
        release: bool,
    },
    /// Builds, and shows the main job on real traffic.
    Demo(EdgeArgs),
    /// Builds the Debian package and the tarball.
    Dist(dist::Options),
    /// Builds the page for browsers anew from its sources.
    Page,
    /// Runs every check and test.
    Test(test::Options),
    /// Runs the tests that need a kernel on stock kernels, in virtual machines.
    Kernels(kernels::Options),
    /// Looks for frames that the path gets wrong, led by coverage.
    Fuzz(fuzz::Options),
    /// Makes faults under traffic by the thousand, and checks that all counts add up.
    Soak(soak::Options),
    /// Builds, and measures the cost of the path.
    Bench(EdgeArgs),
}

/// Arguments for `edge` itself.
#[derive(Args)]
struct EdgeArgs {
    /// Arguments of the same command of `edge`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("the workspace's root")?;
    match verb {
        Verb::Setup(options) => setup::setup(&options),
        Verb::BuildEbpf => build_ebpf::build_ebpf(root),
        Verb::Build { release } => build::build(root, release),
        Verb::Demo(edge) => demo::demo(root, &edge.args),
        Verb::Dist(options) => dist::dist(root, &options),
        Verb::Page => page::make(root),
        Verb::Test(options) => test::test(root, &options),
        Verb::Kernels(options) => kernels::kernels(root, &options),
        Verb::Fuzz(options) => fuzz::fuzz(root, &options),
        Verb::Soak(options) => soak::soak(root, &options),
        Verb::Bench(edge) => bench::bench(root, &edge.args),
    }
}
