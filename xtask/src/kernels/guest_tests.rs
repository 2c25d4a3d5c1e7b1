//! The tests that run in a guest: test binaries of `tests/tests`, each in a row of the table.
//!
//! A test that only stock kernels have the modules for is a file `tests/tests/stock_NAME.rs`, and
//! needs no line here.

use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::{binaries::Binaries, matrix::Kernel};
use crate::arch::Arch;

/// The extent of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// As much as CI has time for, and what shows a kernel's differences best.
    Short,
    /// All.
    Long,
}

/// A test binary.
#[derive(Clone)]
pub(super) struct GuestTest {
    /// Its column.
    pub(super) name: String,
    binary: PathBuf,
    suite: Suite,
}

/// A binary's tests, and how much of them.
#[derive(Clone, Copy)]
struct Suite {
    name: &'static str,
    /// Words for its command line, such as names of tests.
    words: &'static str,
    /// Variables of its environment.
    env: &'static str,
    /// Words and variables where time is short; `None`: there is none for it.
    short: Option<[&'static str; 2]>,
    /// Longest time in seconds on an emulated x86-64.
    seconds: u32,
    /// Whether it needs no interface but `lo`, and so no module.
    is_bare: bool,
}

impl Suite {
    const fn new(name: &'static str) -> Self {
        Self { name, words: "", env: "", short: None, seconds: 300, is_bare: false }
    }

    const fn words(self, words: &'static str) -> Self {
        Self { words, ..self }
    }

    const fn env(self, env: &'static str) -> Self {
        Self { env, ..self }
    }

    const fn short(self, words: &'static str, env: &'static str) -> Self {
        Self { short: Some([words, env]), ..self }
    }

    const fn seconds(self, seconds: u32) -> Self {
        Self { seconds, ..self }
    }

    const fn bare(self) -> Self {
        Self { is_bare: true, ..self }
    }
}

/// Tests that need a kernel, in the order of the table; without those that judge rates which an
/// emulated machine can't offer (`classes`, `limits`, `policer_rate`, `tcp`).
const SUITES: [Suite; 19] = [
    Suite::new("verifier")
        .words("--nocapture")
        .env("EDGE_ALL_FEATURES=1")
        .short("--nocapture", "")
        .seconds(900)
        .bare(),
    Suite::new("prog_run").short("", "").bare(),
    Suite::new("packet_path").bare(),
    Suite::new("corpus").bare(),
    Suite::new("differential").env("EDGE_DIFFERENTIAL_FRAMES=20000").bare(),
    Suite::new("tag_space"),
    Suite::new("tags_live"),
    Suite::new("peerings_share_a_bucket"),
    Suite::new("cli").bare(),
    Suite::new("wire").env("EDGE_WIRE_FRAMES=4096").short("", "EDGE_WIRE_FRAMES=512"),
    Suite::new("preflight").short("native_jumbo_frames", ""),
    Suite::new("namespaces").short("claimed_frames_arrive the_data_plane_outlives", ""),
    Suite::new("egress").short("what_a_device_refuses", ""),
    // The other two judge rates.
    Suite::new("set_bandwidth").words("the_command a_stream_below"),
    Suite::new("upgrade").seconds(600),
    Suite::new("usage"),
    Suite::new("books"),
    Suite::new("demo"),
    Suite::new("conservation").env("EDGE_FAULTS=20 EDGE_FAULT_SEED=1 EDGE_WORLDS=1").seconds(600),
];
/// The prefix of files that are for stock kernels alone.
const STOCK: &str = "stock_";
/// The ones that run where time is short.
const SHORT_STOCK: [&str; 2] = ["stock_virtio", "stock_vlan"];
/// The one that an old kernel runs.
const TOO_OLD: Suite = Suite::new("too_old");

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
            let suite = Suite::new("");
            let suite = if SHORT_STOCK.contains(&name) { suite.short("", "") } else { suite };
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
        let is_wanted = extent == Extent::Long || self.suite.short.is_some();
        is_for_old == kernel.is_too_old && (is_wanted || is_for_old)
    }

    /// Whether it runs on a kernel without modules.
    pub(super) fn is_bare(&self) -> bool {
        self.suite.is_bare
    }

    /// Longest time in seconds.
    pub(super) fn seconds(&self, arch: Arch) -> u32 {
        // An emulated arm64 takes twice as long as an emulated x86-64.
        if arch == Arch::Arm64 { self.suite.seconds * 2 } else { self.suite.seconds }
    }

    /// Its line for `/init`.
    pub(super) fn line(&self, extent: Extent) -> String {
        let [words, env] = match (extent, self.suite.short) {
            (Extent::Short, Some(short)) => short,
            _ => [self.suite.words, self.suite.env],
        };
        format!(
            "{}|{}|CARGO=/bin/true EDGE_REQUIRE_ROOT=1 EDGE_STOCK_KERNEL=1 RUST_BACKTRACE=0 {env}|{} \
             --test-threads=1 {words}\n",
            self.name,
            self.seconds(Arch::Arm64),
            self.binary.display(),
        )
    }
}
