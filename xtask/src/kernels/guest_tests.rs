//! What runs in a guest: test binaries of `tests/tests`, each in a column of the table.
//!
//! A test that only stock kernels have the modules for is a file `tests/tests/stock_NAME.rs`, and
//! needs no line here.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::{binaries::Binaries, matrix::Kernel};
use crate::arch::Arch;

/// How much of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// As much as CI has time for.
    Ci,
    /// All.
    Full,
}

/// A test binary.
#[derive(Clone)]
pub(super) struct GuestTest {
    /// Its column.
    pub(super) name: String,
    binary: PathBuf,
    suite: Suite,
}

/// What is special about a binary.
#[derive(Clone, Copy)]
struct Suite {
    name: &'static str,
    /// Variables of the environment, in CI and in full.
    env: [&'static str; 2],
    /// Words for its command line.
    words: &'static str,
    /// Longest time in seconds, in full, on an emulated machine.
    seconds: u32,
    /// Whether CI has time for it.
    in_ci: bool,
}

impl Suite {
    const fn new(name: &'static str, in_ci: bool) -> Self {
        Self { name, env: ["", ""], words: "", seconds: 300, in_ci }
    }

    const fn env(self, ci: &'static str, full: &'static str) -> Self {
        Self { env: [ci, full], ..self }
    }

    const fn words(self, words: &'static str) -> Self {
        Self { words, ..self }
    }

    const fn seconds(self, seconds: u32) -> Self {
        Self { seconds, ..self }
    }
}

/// Those that need a kernel, in the order of the table; without those that judge rates which an
/// emulated machine can't offer (`classes`, `limits`, `policer_rate`, `tcp`).
const SUITES: [Suite; 19] = [
    Suite::new("verifier", true).words("--nocapture").seconds(900).env("", "EDGE_ALL_FEATURES=1"),
    Suite::new("prog_run", true),
    Suite::new("packet_path", true),
    Suite::new("corpus", true),
    Suite::new("differential", true)
        .env("EDGE_DIFFERENTIAL_FRAMES=4000", "EDGE_DIFFERENTIAL_FRAMES=20000"),
    Suite::new("tag_space", false),
    Suite::new("tags_live", false),
    Suite::new("peerings_share_a_bucket", false),
    Suite::new("cli", true),
    Suite::new("wire", true).env("EDGE_WIRE_FRAMES=1024", "EDGE_WIRE_FRAMES=4096"),
    Suite::new("preflight", true),
    Suite::new("namespaces", true),
    Suite::new("egress", true),
    // The others judge rates.
    Suite::new("set_bandwidth", true).words("the_command a_stream_below"),
    Suite::new("upgrade", true),
    Suite::new("usage", false),
    Suite::new("books", true),
    Suite::new("demo", false),
    Suite::new("conservation", false)
        .env("EDGE_FAULTS=5", "EDGE_FAULTS=20 EDGE_FAULT_SEED=1")
        .seconds(600),
];
/// What a file's name begins with that is for stock kernels alone.
const STOCK: &str = "stock_";
/// The one that an old kernel runs.
const TOO_OLD: Suite = Suite::new("too_old", false);

/// All tests there are, or those named.
pub(super) fn all(binaries: &Binaries, only: &[String]) -> Result<Vec<GuestTest>> {
    let mut tests: Vec<GuestTest> = SUITES
        .into_iter()
        .chain([TOO_OLD])
        .filter_map(|suite| {
            let binary = binaries.test(suite.name)?.to_owned();
            Some(GuestTest { name: suite.name.to_owned(), binary, suite })
        })
        .collect();
    let mut stock: Vec<&str> = binaries.names().filter(|name| name.starts_with(STOCK)).collect();
    stock.sort_unstable();
    for name in stock {
        if let Some(binary) = binaries.test(name) {
            let suite = Suite::new("", true);
            tests.push(GuestTest { name: name.to_owned(), binary: binary.to_owned(), suite });
        }
    }
    for name in only {
        ensure!(tests.iter().any(|test| test.name == *name), "there is no guest test {name}");
    }
    tests.retain(|test| only.is_empty() || only.contains(&test.name));
    Ok(tests)
}

impl GuestTest {
    /// Whether it is one for this kernel.
    pub(super) fn runs_on(&self, kernel: &Kernel, extent: Extent) -> bool {
        let is_for_old = self.suite.name == TOO_OLD.name;
        let is_wanted = extent == Extent::Full || self.suite.in_ci;
        is_for_old == kernel.is_too_old && (is_wanted || is_for_old)
    }

    /// Longest time in seconds.
    pub(super) fn seconds(&self, arch: Arch) -> u32 {
        // An emulated arm64 takes twice as long as an emulated x86-64.
        if arch == Arch::Arm64 { self.suite.seconds * 2 } else { self.suite.seconds }
    }

    /// Its line for `/init`.
    pub(super) fn line(&self, extent: Extent) -> String {
        let [ci, full] = self.suite.env;
        let env = if extent == Extent::Ci { ci } else { full };
        format!(
            "{}|{}|CARGO=/bin/true EDGE_REQUIRE_ROOT=1 EDGE_STOCK_KERNEL=1 RUST_BACKTRACE=0 {env}|{} \
             --test-threads=1 {}\n",
            self.name,
            self.seconds(Arch::Arm64),
            self.binary.display(),
            self.suite.words,
        )
    }
}
