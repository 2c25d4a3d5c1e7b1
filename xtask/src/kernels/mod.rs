//! `cargo xtask kernels`: the tests that need a kernel, on stock kernels in virtual machines.
//!
//! ```text
//! matrix → archive (packages) → modules ┐
//! guest_tests → binaries ───────────────┴→ initramfs → machine (qemu) → log → report
//! ```
//!
//! A guest has no disk and no network outside: kernel, modules, tools and test binaries are in its
//! initramfs, and its results are on its serial console. Two guests run side by side.

mod archive;
mod binaries;
mod guest_tests;
mod initramfs;
mod log;
mod machine;
mod matrix;
mod modules;
mod report;

use std::{
    cmp::Reverse,
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;

use self::{
    archive::Archive,
    binaries::Binaries,
    guest_tests::{Extent, GuestTest},
    machine::Machine,
    matrix::Kernel,
    report::Row,
};
use crate::{
    arch::Arch,
    setup::{self, Needs},
    step,
};

/// Guests at once: each of them takes one core, as its two processors share a thread.
const GUESTS_AT_ONCE: usize = 2;

#[derive(Args)]
pub(crate) struct Options {
    /// Runs only these kernels, by their names in the table, such as 6.1,6.12.
    #[arg(long, value_delimiter = ',', value_name = "KERNELS")]
    only: Vec<String>,
    /// Runs only this architecture.
    #[arg(long, value_enum)]
    arch: Option<Arch>,
    /// Runs only these guest tests, by their names in the table.
    #[arg(long, value_delimiter = ',', value_name = "TESTS")]
    tests: Vec<String>,
    /// Runs all guest tests in full, which takes twenty minutes a kernel instead of four where it
    /// is emulated.
    #[arg(long)]
    long: bool,
    /// Writes the verifier's figures and README's table, where all tests have passed.
    #[arg(long, conflicts_with = "tests")]
    record: bool,
}

/// `cargo xtask kernels`.
pub(crate) fn kernels(root: &Path, options: &Options) -> Result<()> {
    let kernels: Vec<Kernel> = matrix::MATRIX
        .into_iter()
        .filter(|kernel| options.only.is_empty() || options.only.iter().any(|n| n == kernel.name))
        .filter(|kernel| options.arch.is_none_or(|arch| arch == kernel.arch))
        .collect();
    ensure!(!kernels.is_empty(), "there is no such kernel; the kernels are: {}", matrix::names());
    let needs = if kernels.iter().any(|kernel| kernel.arch != Arch::host()) {
        Needs::ForeignKernels
    } else {
        Needs::Kernels
    };
    setup::ensure(needs)?;
    let is_long = options.long || !options.tests.is_empty();
    let extent = if is_long { Extent::Long } else { Extent::Short };
    let rows = run(root, &kernels, extent, &options.tests)?;
    verdict(&rows)?;
    if options.record {
        report::record(root, &rows)?;
    }
    Ok(())
}

/// A stage of `cargo xtask test`: it fetches what [`stage`] takes, as that waits for the network more than
/// it computes. Returns whether it ran: where it could not, [`stage`] can't, either.
pub(crate) fn packages(root: &Path) -> Result<bool> {
    if !has_tools()? {
        return Ok(false);
    }
    let kernels = matrix::for_ci();
    let (_lock, archive) = open(&work(root)?, &kernels)?;
    step::step("unpacking them", || {
        archive.tools(Arch::host())?;
        kernels.iter().try_for_each(|kernel| archive.kernel(kernel).map(drop))
    })?;
    Ok(true)
}

/// A stage of `cargo xtask test`: the oldest and the newest kernel, with tests of four minutes.
/// Returns whether it ran.
pub(crate) fn stage(root: &Path) -> Result<bool> {
    if !has_tools()? {
        return Ok(false);
    }
    let rows = run(root, &matrix::for_ci(), Extent::Short, &[])?;
    verdict(&rows)?;
    Ok(true)
}

/// Whether there is a qemu, or one can be had. In CI there has to be one.
fn has_tools() -> Result<bool> {
    let Err(error) = setup::ensure(Needs::Kernels) else { return Ok(true) };
    let is_ci = env::var_os("CI").is_some_and(|value| value == "true");
    ensure!(!is_ci, "CI has to run the tests on stock kernels: {error:#}");
    println!("SKIPPED: tests on stock kernels: {error:#}");
    Ok(false)
}

/// The directory of kernels, guests and their logs.
fn work(root: &Path) -> Result<PathBuf> {
    let work = crate::build::target_dir(root).join("kernels");
    fs::create_dir_all(&work).with_context(|| format!("making {}", work.display()))?;
    Ok(work)
}

/// Opens the archive for `kernels`, and locks the directory of what it unpacks.
fn open(work: &Path, kernels: &[Kernel]) -> Result<(File, Archive)> {
    let lock = File::create(work.join("lock"))?;
    lock.try_lock().context("another `cargo xtask kernels` runs in this directory; wait for it")?;
    let archive = step::step("packages of stock kernels", || Archive::open(work, kernels))?;
    Ok((lock, archive))
}

fn run(root: &Path, kernels: &[Kernel], extent: Extent, only: &[String]) -> Result<Vec<Row>> {
    let work = work(root)?;
    let (_lock, archive) = open(&work, kernels)?;

    let mut guests = Vec::new();
    for arch in [Arch::X86_64, Arch::Arm64] {
        let kernels: Vec<&Kernel> = kernels.iter().filter(|kernel| kernel.arch == arch).collect();
        if kernels.is_empty() {
            continue;
        }
        let binaries = Binaries::build(root, arch)?;
        let tests = guest_tests::all(root, &binaries, only)?;
        let tools = archive.tools(arch)?;
        let common = work.join(format!("common-{}.cpio", arch.debian()));
        step::step(&format!("what guests of {} have in common", arch.name()), || {
            initramfs::common(&common, root, &tools, &binaries)
        })?;
        for kernel in kernels {
            guests.push(Guest { kernel: *kernel, common: common.clone(), tests: tests.clone() });
        }
    }
    let accelerator = machine::accelerator(&archive, kernels)?;
    println!("    guests run under {accelerator}");

    let machine = Machine { work: &work, accelerator };
    let next = AtomicUsize::new(0);
    let worker = || {
        let mut rows = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            // Guests are taken from the end: those of another architecture, which take longest, are
            // there.
            let Some(guest) = guests.iter().rev().nth(place) else { return rows };
            let row = guest.run(&archive, &machine, extent).unwrap_or_else(|error| {
                let names = guest.tests(extent).map(|test| test.name.clone());
                Row::of_no_guest(guest.kernel, names.collect(), &error)
            });
            row.print_progress();
            rows.push((place, row));
        }
    };
    let mut rows = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..GUESTS_AT_ONCE).map(|_| scope.spawn(worker)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => rows.extend(done),
                Err(_) => bail!("a thread that runs guests panicked"),
            }
        }
        Ok(())
    })?;
    rows.sort_by_key(|(place, _)| Reverse(*place));
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

/// A kernel, and the tests that run on it.
struct Guest {
    kernel: Kernel,
    /// The initramfs of its architecture.
    common: PathBuf,
    tests: Vec<GuestTest>,
}

impl Guest {
    fn run(&self, archive: &Archive, machine: &Machine<'_>, extent: Extent) -> Result<Row> {
        let kernel = &self.kernel;
        let installed = archive
            .kernel(kernel)
            .with_context(|| format!("the kernel {} for {}", kernel.name, kernel.arch.name()))?;
        let has_modules = installed.modules.is_some();
        if !has_modules {
            println!(
                "    {kernel}: the archive has no modules of it any more, so tests with interfaces \
                 are left out"
            );
        }
        let tests: Vec<&GuestTest> =
            self.tests(extent).filter(|test| has_modules || test.is_bare()).collect();
        let own = machine.work.join(format!("{}-{}.cpio", kernel.name, kernel.arch.debian()));
        initramfs::own(&own, &self.common, &installed, &tests, extent)?;
        let log = machine.boot(kernel, &installed, &own, &tests)?;
        fs::remove_file(&own).with_context(|| format!("removing {}", own.display()))?;
        Ok(Row::new(*kernel, installed.version, &log, &tests))
    }

    fn tests(&self, extent: Extent) -> impl Iterator<Item = &GuestTest> {
        self.tests.iter().filter(move |test| test.runs_on(&self.kernel, extent))
    }
}

/// Prints the table and the log of each test that failed. The error names the failed tests.
fn verdict(rows: &[Row]) -> Result<()> {
    println!("\n{}", report::table(rows));
    println!("{}", report::budget(rows));
    let failed: Vec<String> = rows.iter().flat_map(Row::failures).collect();
    for row in rows {
        row.print_failures();
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join("; "));
    Ok(())
}
