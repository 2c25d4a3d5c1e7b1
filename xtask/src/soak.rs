//! `cargo xtask soak`: the tests of changes, of conservation, of wires and of routed circuits, for longer than CI has time
//! for.

use std::path::Path;

use anyhow::{Result, ensure};
use clap::Args;

use crate::{
    setup::{self, Needs},
    step,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Number of faults in each world. With four worlds on two CPUs, a fault takes about a sixth of a
    /// second, and a tenth in an optimised build.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    faults: u32,
    /// Number of faults in the world with routed circuits, in which everybody has to reach the other end again
    /// every 45 faults: a fault takes about a second.
    #[arg(long, value_name = "N", default_value_t = 2_000)]
    routed_faults: u32,
    /// Number of random changes of the configuration under load, and of wrong ones: a pair takes about a fifth of a
    /// second.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    changes: u32,
    /// Number of worlds side by side.
    #[arg(long, value_name = "N", default_value_t = 4)]
    worlds: u32,
    /// The seed of the first world; each further world has the next number. Without it, each round
    /// has new seeds, and prints them.
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Number of rounds, one after the other.
    #[arg(long, value_name = "N", default_value_t = 1)]
    rounds: u32,
    /// Optimises the build.
    #[arg(long)]
    release: bool,
}

/// Runs rounds of faults under traffic, up to the first whose counts do not add up.
pub(crate) fn soak(root: &Path, options: &Options) -> Result<()> {
    ensure!(
        step::is_root(),
        "the soak makes network namespaces and loads programs, which needs root: \
         sudo --preserve-env env \"PATH=$PATH\" cargo xtask soak"
    );
    setup::ensure(Needs::Test)?;
    for round in 0..options.rounds {
        let mut cargo = step::cargo();
        cargo.current_dir(root).args(["test", "--package", "edge-tests", "--test", "faults"]);
        if options.release {
            cargo.arg("--release");
        }
        cargo
            .args(["--", "--nocapture", "changes::", "conservation::", "routed::"])
            .env("EDGE_REQUIRE_ROOT", "1")
            .env("EDGE_CHANGES", options.changes.to_string())
            .env("EDGE_FAULTS", options.faults.to_string())
            .env("EDGE_ROUTED_FAULTS", options.routed_faults.to_string())
            .env("EDGE_WORLDS", options.worlds.to_string());
        if let Some(seed) = options.seed {
            let first = seed + u64::from(round) * u64::from(options.worlds);
            cargo.env("EDGE_FAULT_SEED", first.to_string());
        }
        step::run(&format!("round {} of {}", round + 1, options.rounds), &mut cargo)?;
    }
    Ok(())
}
