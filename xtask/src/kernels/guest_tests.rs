//! The tests that run in a guest: modules of the test binaries, each in a row of the table.
//!
//! A test that only stock kernels have the modules for is a file in `tests/tests/netns/stock`, and
//! needs no line here.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};

use super::{
    binaries::Binaries,
    matrix::{Kernel, NEWEST},
};
use crate::arch::Arch;

/// The extent of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// The tests that CI has time for, and that show a kernel's differences best.
    Short,
    /// All.
    Long,
}

/// A module of a test binary.
#[derive(Clone)]
pub(super) struct GuestTest {
    /// Its column.
    pub(super) name: String,
    binary: PathBuf,
    suite: Suite,
}

/// Those of a run's kernels that a short test runs on: a test whose subject hardly differs by kernel has one.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ends {
    Both,
    Oldest,
    Newest,
}

/// A module's tests, and the extent to which they run.
#[derive(Clone, Copy)]
struct Suite {
    binary: &'static str,
    name: &'static str,
    /// The tests, by how their names begin; all if absent.
    tests: &'static str,
    /// Other words of its command line.
    words: &'static str,
    /// Variables of its environment.
    env: &'static str,
    /// Tests and variables where time is short; `None`: it doesn't run then.
    short: Option<[&'static str; 2]>,
    /// The kernels that it runs on where time is short.
    short_on: Ends,
    /// Longest time in seconds on an emulated x86-64.
    seconds: u32,
    /// Whether it needs no interface but `lo`, and so no module.
    is_bare: bool,
}

impl Suite {
    const fn new(binary: &'static str, name: &'static str) -> Self {
        Self {
            binary,
            name,
            tests: "",
            words: "",
            env: "",
            short: None,
            short_on: Ends::Both,
            seconds: 300,
            is_bare: false,
        }
    }

    const fn tests(self, tests: &'static str) -> Self {
        Self { tests, ..self }
    }

    const fn words(self, words: &'static str) -> Self {
        Self { words, ..self }
    }

    const fn env(self, env: &'static str) -> Self {
        Self { env, ..self }
    }

    const fn short(self, tests: &'static str, env: &'static str) -> Self {
        Self { short: Some([tests, env]), ..self }
    }

    const fn on(self, short_on: Ends) -> Self {
        Self { short_on, ..self }
    }

    const fn seconds(self, seconds: u32) -> Self {
        Self { seconds, ..self }
    }

    const fn bare(self) -> Self {
        Self { is_bare: true, ..self }
    }
}

/// Tests that need a kernel, in the order of the table. Those that judge rates are left out, as an
/// emulated machine can't offer these (`classes`, `limits`, `policer_rate`, `tcp`).
const SUITES: [Suite; 21] = [
    Suite::new("kernel", "verifier")
        .words("--nocapture")
        .env("EDGE_ALL_FEATURES=1")
        .short("", "")
        .seconds(900)
        .bare(),
    Suite::new("kernel", "prog_run").short("", "").bare(),
    Suite::new("kernel", "packet_path").bare(),
    Suite::new("kernel", "corpus").bare(),
    Suite::new("kernel", "trace").tests("each_frame_is_told a_trace_tells").bare(),
    Suite::new("kernel", "differential").env("EDGE_DIFFERENTIAL_FRAMES=20000").bare(),
    Suite::new("kernel", "tag_space"),
    Suite::new("netns", "tags_live"),
    Suite::new("host", "peerings_share_a_bucket"),
    Suite::new("netns", "cli").bare(),
    // Jumbo frames have `preflight` and `stock::virtio`.
    Suite::new("netns", "wire")
        .env("EDGE_WIRE_FRAMES=4096")
        .short("what_leaves", "EDGE_WIRE_FRAMES=512"),
    Suite::new("netns", "preflight").short("native_jumbo_frames", "").on(Ends::Oldest),
    Suite::new("netns", "namespaces").short("claimed_frames_arrive", "").on(Ends::Oldest),
    Suite::new("netns", "egress")
        .short("what_a_device_refuses_is_not_forwarded", "")
        .on(Ends::Oldest),
    // The other two tests judge rates.
    Suite::new("netns", "set_bandwidth").tests("the_command a_stream_below"),
    Suite::new("faults", "upgrade").seconds(600),
    Suite::new("netns", "usage"),
    Suite::new("netns", "books"),
    // The others need BIRD and FRR, which guests have not.
    Suite::new("netns", "demo").tests("the_demo_does"),
    // The others need BIRD and FRR, too.
    Suite::new("netns", "routing").tests("customers path").seconds(900),
    Suite::new("faults", "conservation")
        .env("EDGE_FAULTS=20 EDGE_FAULT_SEED=1 EDGE_WORLDS=1")
        .seconds(600),
];
/// Tests that are for stock kernels alone: the binary, and the folder of the module in it.
const STOCK: [&str; 2] = ["netns", "stock"];
/// The ones that run where time is short, on the newest kernel.
const SHORT_STOCK: [&str; 2] = ["stock::virtio", "stock::vlan"];
/// The one that an old kernel runs.
const TOO_OLD: Suite = Suite::new("netns", "too_old");

/// All tests there are, or those named.
pub(super) fn all(root: &Path, binaries: &Binaries, only: &[String]) -> Result<Vec<GuestTest>> {
    let mut tests = Vec::new();
    for suite in SUITES.into_iter().chain([TOO_OLD]) {
        tests.push(GuestTest::new(suite.name.to_owned(), suite, binaries)?);
    }
    for name in stock(root)? {
        let suite = Suite::new(STOCK[0], "");
        let is_short = SHORT_STOCK.contains(&name.as_str());
        let suite = if is_short { suite.short("", "").on(Ends::Newest) } else { suite };
        tests.push(GuestTest::new(name, suite, binaries)?);
    }
    for name in only {
        ensure!(tests.iter().any(|test| test.name == *name), "there is no guest test {name}");
    }
    tests.retain(|test| only.is_empty() || only.contains(&test.name));
    Ok(tests)
}

/// Names of the tests that are for stock kernels alone, by their files.
fn stock(root: &Path) -> Result<Vec<String>> {
    let [binary, module] = STOCK;
    let folder = root.join("tests/tests").join(binary).join(module);
    let entries = fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        if name != "mod" && path.extension().is_some_and(|extension| extension == "rs") {
            names.push(format!("{module}::{name}"));
        }
    }
    names.sort_unstable();
    Ok(names)
}

impl GuestTest {
    fn new(name: String, suite: Suite, binaries: &Binaries) -> Result<Self> {
        let binary = binaries
            .test(suite.binary)
            .with_context(|| format!("there is no test binary {}", suite.binary))?;
        Ok(Self { name, binary: binary.to_owned(), suite })
    }

    /// Whether it runs on this kernel.
    pub(super) fn runs_on(&self, kernel: &Kernel, extent: Extent) -> bool {
        let is_for_old = self.suite.name == TOO_OLD.name;
        let is_its_end = match self.suite.short_on {
            Ends::Both => true,
            Ends::Oldest => kernel.name != NEWEST,
            Ends::Newest => kernel.name == NEWEST,
        };
        let is_wanted = extent == Extent::Long || self.suite.short.is_some() && is_its_end;
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
        let [tests, env] = match (extent, self.suite.short) {
            (Extent::Short, Some(short)) => short,
            _ => [self.suite.tests, self.suite.env],
        };
        let all = format!("{}::", self.name);
        let filters = match tests {
            "" => vec![all],
            some => some.split_whitespace().map(|test| format!("{all}{test}")).collect(),
        };
        format!(
            "{}|{}|CARGO=/bin/true EDGE_REQUIRE_ROOT=1 EDGE_STOCK_KERNEL=1 RUST_BACKTRACE=0 {env}|{} \
             --test-threads=1 {} {}\n",
            self.name,
            self.seconds(Arch::Arm64),
            self.binary.display(),
            self.suite.words,
            filters.join(" "),
        )
    }
}
