//! `cargo xtask fuzz`.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use clap::Args;
use xtask::toolchain::Toolchain;

use crate::{
    build,
    setup::{self, Needs},
    step,
};

/// The directory of the fuzzer's crate.
const FUZZ_DIR: &str = "tests/fuzz";
/// The inputs that tests run, too.
const CORPUS: &str = "tests/fuzz/corpus/path";
/// The directory in which cargo-fuzz puts an input that fails.
const ARTIFACTS: &str = "tests/fuzz/artifacts/path";
/// Headers end long before: longer inputs only take time.
const MAX_LEN_BYTES: u32 = 600;

#[derive(Args)]
pub(crate) struct Options {
    /// Length of the search in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u32,
    /// Then adds inputs that cover more of the code to the committed corpus.
    #[arg(long)]
    keep: bool,
}

/// Looks, from the committed corpus on, for frames that the host path gets wrong.
pub(crate) fn fuzz(root: &Path, options: &Options) -> Result<()> {
    setup::ensure(Needs::Fuzz)?;
    let fuzzer = Fuzzer { root, toolchain: Toolchain::require()? };
    let found = fuzzer.target_dir().join("corpus");
    fs::create_dir_all(&found).with_context(|| format!("making {}", found.display()))?;
    let corpus = root.join(CORPUS);

    // libFuzzer writes into the first.
    let limit = format!("-max_total_time={}", options.seconds);
    let mut look = fuzzer.run([&found, &corpus], &[&limit, "-print_final_stats=1"]);
    step::run("fuzzing", &mut look).inspect_err(|_| {
        println!(
            "The newest file in {ARTIFACTS} is the input that failed. To run it without the \
             fuzzer:\n    cp {ARTIFACTS}/crash-… {CORPUS}/ && cargo test -p edge-tests \
             --test kernel corpus"
        );
    })?;
    if options.keep {
        step::run("merging", &mut fuzzer.run([&corpus, &found], &["-merge=1"]))?;
    }
    Ok(())
}

/// cargo-fuzz, by a toolchain.
struct Fuzzer<'a> {
    root: &'a Path,
    toolchain: Toolchain,
}

impl Fuzzer<'_> {
    fn run(&self, corpora: [&PathBuf; 2], flags: &[&str]) -> Command {
        let mut cargo = self.toolchain.cargo();
        cargo
            .current_dir(self.root)
            .args(["fuzz", "run", "--fuzz-dir", FUZZ_DIR])
            // The path has no `unsafe` for a sanitizer to look at, and Debian's compiler has none.
            .args(["--sanitizer", "none", "--target-dir"])
            .arg(self.target_dir())
            .arg("path")
            .args(corpora)
            .args(["--", &format!("-dict={FUZZ_DIR}/path.dict")])
            .arg(format!("-max_len={MAX_LEN_BYTES}"))
            // A nearer comparison counts as coverage, too: the path mostly decides by numbers in
            // tables.
            .arg("-use_value_profile=1")
            .args(flags);
        cargo
    }

    /// A directory of its own, as everything is compiled with other flags.
    fn target_dir(&self) -> PathBuf {
        build::target_dir(self.root).join("fuzz")
    }
}
