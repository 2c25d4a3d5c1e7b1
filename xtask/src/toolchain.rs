//! Finds a compiler and a linker that can build for BPF: the target has no precompiled `core`, so
//! it takes the sources of exactly the compiler's version, and `-Z build-std`.

use std::{
    env,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, anyhow};

/// The version of bpf-linker that is installed where there is none.
pub const BPF_LINKER_VERSION: &str = "0.10.4";
/// The nightly that is installed where there is no compiler: pinned, since a later one brings an
/// LLVM that bpf-linker does not know. It leaves the user's own `nightly` as it is.
pub const NIGHTLY: &str = "nightly-2026-05-20";
/// Oldest minor version of Debian's Rust 1 that is known to compile the objects.
pub const MIN_SYSTEM_MINOR: u32 = 96;

/// Oldest minor version of Rust 1 that compiles the workspace.
const MIN_MINOR: u32 = 95;
/// The major version of LLVM that bpf-linker 0.10 reads the bitcode of.
const LLVM_MAJOR: u32 = 22;
/// Debian's compiler beside rustup's.
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";
/// Debian's linter of the same version.
const SYSTEM_CLIPPY: &str = "/usr/bin/clippy-driver";
/// Where Debian has the compiler's sources.
const SYSTEM_SOURCES: &str = "/usr/lib/rustlib/src/rust";

/// A usable compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// A rustup toolchain that allows unstable options and has `rust-src`.
    Rustup(String),
    /// Debian's `rustc-web` with `rust-web-src`.
    System,
}

impl Toolchain {
    /// The first that is there: rustup's before Debian's.
    #[must_use]
    pub fn find() -> Option<Self> {
        let rustup = rustup_toolchains().into_iter().map(Self::Rustup);
        rustup.chain([Self::System]).find(Self::is_usable)
    }

    /// [`Self::find`], or an error that says what to type.
    pub fn require() -> Result<Self> {
        Self::find().ok_or_else(|| {
            anyhow!(
                "no toolchain here can build for BPF; type `cargo xtask setup`, which runs \
                 `rustup toolchain install {NIGHTLY} --profile minimal --component rust-src` or, \
                 on Debian 12 and later where that fails, `apt-get install \
                 --no-install-recommends rustc-web rust-web-src`"
            )
        })
    }

    /// A cargo command that compiles with this toolchain and may use unstable options.
    #[must_use]
    pub fn cargo(&self) -> Command {
        match self {
            Self::Rustup(name) => {
                let mut cargo = rustup_run(name, "cargo");
                // An outer cargo sets them, for its own toolchain.
                for outer in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
                    cargo.env_remove(outer);
                }
                cargo
            }
            Self::System => {
                let cargo = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
                let mut cargo = Command::new(cargo);
                cargo.env("RUSTC", SYSTEM_RUSTC).env("RUSTC_BOOTSTRAP", "1");
                cargo
            }
        }
    }

    /// The clippy of the same version, as a wrapper for rustc.
    #[must_use]
    pub fn clippy_driver(&self) -> Option<PathBuf> {
        match self {
            Self::Rustup(name) => {
                let driver = sysroot(name)?.join("bin/clippy-driver");
                driver.exists().then_some(driver)
            }
            Self::System => {
                let clippy = output(Command::new(SYSTEM_CLIPPY).arg("--version"))?;
                let rustc = Release::of(&mut Command::new(SYSTEM_RUSTC))?;
                (clippy_minor(&clippy) == Some(rustc.minor)).then(|| PathBuf::from(SYSTEM_CLIPPY))
            }
        }
    }

    /// Whether `cargo miri` works; the sources that it takes beside are there in any case.
    #[must_use]
    pub fn has_miri(&self) -> bool {
        match self {
            Self::Rustup(_) => output(self.cargo().args(["miri", "--version"])).is_some(),
            Self::System => false,
        }
    }

    fn is_usable(&self) -> bool {
        match self {
            Self::Rustup(name) => {
                Release::of(&mut rustup_run(name, "rustc")).is_some_and(|release| {
                    release.is_unstable && release.minor >= MIN_MINOR && release.llvm == LLVM_MAJOR
                }) && sysroot(name).is_some_and(|root| has_core(&root.join("lib/rustlib/src/rust")))
            }
            Self::System => Release::of(&mut Command::new(SYSTEM_RUSTC)).is_some_and(|release| {
                let sources = Path::new(SYSTEM_SOURCES);
                let version = fs::read_to_string(sources.join("src/version")).unwrap_or_default();
                release.minor >= MIN_SYSTEM_MINOR
                    && release.llvm == LLVM_MAJOR
                    && has_core(sources)
                    // Debian has several versions side by side; sources of another do not compile.
                    && version.split_whitespace().next() == Some(&release.number)
            }),
        }
    }
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rustup(name) => write!(f, "rustup's {name}"),
            Self::System => write!(f, "{SYSTEM_RUSTC}"),
        }
    }
}

/// bpf-linker, in a version that works.
#[must_use]
pub fn find_bpf_linker() -> Option<PathBuf> {
    search_path().map(|directory| directory.join("bpf-linker")).find(|linker| {
        let version = output(Command::new(linker).arg("--version"));
        version.is_some_and(|version| is_good_linker(&version))
    })
}

/// [`find_bpf_linker`], or an error that says what to type.
pub fn require_bpf_linker() -> Result<PathBuf> {
    find_bpf_linker().ok_or_else(|| {
        anyhow!(
            "no bpf-linker 0.10.2 to 0.10.x; type `cargo xtask setup`, which runs \
             `cargo install bpf-linker@{BPF_LINKER_VERSION} --locked`"
        )
    })
}

/// The directories of `PATH`, then those that tools are in though a user's `PATH` may lack them.
pub fn search_path() -> impl Iterator<Item = PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let cargo = env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .map(|home| home.join("bin"));
    let sbin = ["/usr/local/sbin", "/usr/sbin", "/sbin"].map(PathBuf::from);
    env::split_paths(&path).collect::<Vec<_>>().into_iter().chain(cargo).chain(sbin)
}

/// The release that `rustc -vV` tells of.
#[derive(Debug, PartialEq, Eq)]
struct Release {
    number: String,
    minor: u32,
    llvm: u32,
    is_unstable: bool,
}

impl Release {
    fn of(rustc: &mut Command) -> Option<Self> {
        Self::parse(&output(rustc.arg("-vV"))?)
    }

    fn parse(verbose: &str) -> Option<Self> {
        let field = |name: &str| verbose.lines().find_map(|line| line.strip_prefix(name));
        let number = field("release: ")?.trim();
        Some(Self {
            number: number.to_owned(),
            minor: number.strip_prefix("1.")?.split('.').next()?.parse().ok()?,
            llvm: field("LLVM version: ")?.split('.').next()?.parse().ok()?,
            is_unstable: number.ends_with("-nightly") || number.ends_with("-dev"),
        })
    }
}

/// Names of the toolchains that may be other than stable.
fn rustup_toolchains() -> Vec<String> {
    let list = output(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| {
            !name.starts_with("stable")
                && !name.starts_with("beta")
                && !name.starts_with(|first: char| first.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}

fn rustup_run(toolchain: &str, program: &str) -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", toolchain, program]);
    command
}

fn sysroot(toolchain: &str) -> Option<PathBuf> {
    let sysroot = output(rustup_run(toolchain, "rustc").args(["--print", "sysroot"]))?;
    Some(PathBuf::from(sysroot.trim()))
}

fn has_core(sources: &Path) -> bool {
    sources.join("library/core/src/lib.rs").exists()
}

/// The standard output of a command, if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// 96 of `clippy 0.1.96`.
fn clippy_minor(version: &str) -> Option<u32> {
    version.strip_prefix("clippy 0.1.")?.split_whitespace().next()?.parse().ok()
}

/// 0.10.2 to 0.10.x: 0.10.0 and 0.10.1 write BTF that the kernel refuses, and later minor versions
/// want an LLVM of the system's.
fn is_good_linker(version: &str) -> bool {
    let patch = version
        .trim()
        .strip_prefix("bpf-linker 0.10.")
        .and_then(|patch| patch.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok());
    patch.is_some_and(|patch| patch >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_is_read_from_what_rustc_tells() {
        let debian = "rustc 1.96.0 (ac68faa20 2026-05-25) (built from a source tarball)\n\
                      binary: rustc\nhost: x86_64-unknown-linux-gnu\nrelease: 1.96.0\n\
                      LLVM version: 22.1.8\n";
        let expected =
            Release { number: "1.96.0".to_owned(), minor: 96, llvm: 22, is_unstable: false };
        assert_eq!(Release::parse(debian), Some(expected));

        let nightly = "release: 1.101.0-nightly\nLLVM version: 23.1.0\n";
        let release = Release::parse(nightly).expect("a release");
        assert_eq!((release.minor, release.llvm, release.is_unstable), (101, 23, true));

        assert_eq!(Release::parse("gcc 12"), None);
        assert_eq!(Release::parse("release: 1.96.0\n"), None);
    }

    #[test]
    fn clippy_is_matched_by_its_minor_version() {
        assert_eq!(clippy_minor("clippy 0.1.95 (59807616e1 2026-04-14)\n"), Some(95));
        assert_eq!(clippy_minor("clippy 0.1.96\n"), Some(96));
        assert_eq!(clippy_minor("rustc 1.96.0"), None);
    }

    #[test]
    fn only_some_linkers_are_good() {
        for (version, good) in [
            ("bpf-linker 0.10.4\n", true),
            ("bpf-linker 0.10.2", true),
            ("bpf-linker 0.10.12", true),
            ("bpf-linker 0.10.1", false),
            ("bpf-linker 0.10.0", false),
            ("bpf-linker 0.9.15", false),
            ("bpf-linker 0.13.0", false),
            ("bpf-linker", false),
        ] {
            assert_eq!(is_good_linker(version), good, "{version}");
        }
    }
}
