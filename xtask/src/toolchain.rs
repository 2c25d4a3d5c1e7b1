//! A compiler that can build for BPF: the target has no precompiled `core`, so the sources of
//! exactly the compiler's version are needed, and `-Z build-std`.

use std::{
    env,
    ffi::OsString,
    fmt,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, anyhow};

/// bpf-linker's version. 0.10.0 and 0.10.1 write BTF that the kernel refuses; later minor
/// versions want an LLVM of the system's.
pub const BPF_LINKER_VERSION: &str = "0.10.4";
/// Debian's compiler beside rustup's.
const SYSTEM_RUSTC: &str = "/usr/bin/rustc";
/// Where its sources are.
const SYSTEM_SOURCES: &str = "/usr/lib/rustlib/src/rust/library/core/src/lib.rs";
/// Oldest minor version of Rust 1 that compiles the workspace.
const MIN_MINOR: u32 = 95;

/// A usable compiler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Toolchain {
    /// A rustup toolchain that allows unstable options and has `rust-src`.
    Rustup(String),
    /// Debian's `rustc-web` with `rust-web-src`.
    System,
}

impl fmt::Display for Toolchain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rustup(name) => write!(f, "rustup's {name}"),
            Self::System => write!(f, "{SYSTEM_RUSTC}"),
        }
    }
}

impl Toolchain {
    /// The first that is there.
    #[must_use]
    pub fn find() -> Option<Self> {
        rustup_nightlies().into_iter().map(Self::Rustup).find(Self::is_usable).or_else(|| {
            Some(Self::System).filter(Self::is_usable)
        })
    }

    /// [`Self::find`], or an error that says what to type.
    pub fn require() -> Result<Self> {
        Self::find().ok_or_else(|| {
            anyhow!(
                "no toolchain here can build for BPF; `cargo xtask setup` installs one (either \
                 `rustup toolchain install nightly --component rust-src`, or on Debian 12 or later \
                 `apt-get install --no-install-recommends rustc-web rust-web-src`)"
            )
        })
    }

    /// A cargo command that compiles with this toolchain and may use unstable options.
    #[must_use]
    pub fn cargo(&self) -> Command {
        match self {
            Self::Rustup(name) => {
                let mut cargo = Command::new("rustup");
                cargo.args(["run", name, "cargo"]);
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

    /// Its clippy, as a wrapper for rustc.
    #[must_use]
    pub fn clippy_driver(&self) -> Option<PathBuf> {
        let driver = match self {
            Self::Rustup(name) => {
                let sysroot = output(Command::new("rustup").args(["run", name, "rustc"]).args([
                    "--print", "sysroot",
                ]))?;
                Path::new(sysroot.trim()).join("bin/clippy-driver")
            }
            Self::System => PathBuf::from("/usr/bin/clippy-driver"),
        };
        driver.exists().then_some(driver)
    }

    fn is_usable(&self) -> bool {
        let mut rustc = match self {
            Self::Rustup(name) => {
                let mut rustc = Command::new("rustup");
                rustc.args(["run", name, "rustc"]);
                rustc
            }
            Self::System => Command::new(SYSTEM_RUSTC),
        };
        let Some(version) = output(rustc.args(["--version"])) else {
            return false;
        };
        let has_sources = match self {
            Self::Rustup(_) => output(rustc.args(["--print", "sysroot"])).is_some_and(|printed| {
                // `--version` is printed too, and first.
                let sysroot = printed.lines().last().unwrap_or_default();
                Path::new(sysroot).join("lib/rustlib/src/rust/library/core").is_dir()
            }),
            Self::System => Path::new(SYSTEM_SOURCES).exists(),
        };
        has_sources && minor_version(&version).is_some_and(|minor| minor >= MIN_MINOR)
    }
}

/// bpf-linker, in a version that works.
#[must_use]
pub fn find_bpf_linker() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let home = env::home_dir().map(|home| home.join(".cargo/bin"));
    let cargo_home = env::var_os("CARGO_HOME").map(|home| PathBuf::from(home).join("bin"));
    env::split_paths(&path)
        .chain(cargo_home)
        .chain(home)
        .map(|directory| directory.join("bpf-linker"))
        .find(|linker| {
            let version = output(Command::new(linker).arg("--version"));
            version.is_some_and(|version| is_good_linker(&version))
        })
}

fn rustup_nightlies() -> Vec<String> {
    let list = output(Command::new("rustup").args(["toolchain", "list"])).unwrap_or_default();
    let names = list.lines().filter_map(|line| line.split_whitespace().next());
    names.filter(|name| name.starts_with("nightly")).map(str::to_owned).collect()
}

/// What a command prints, if it succeeds.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// 96 of `rustc 1.96.0 (…)`.
fn minor_version(version: &str) -> Option<u32> {
    let number = version.strip_prefix("rustc 1.")?;
    number.split('.').next()?.parse().ok()
}

/// 0.10.2 to 0.10.x.
fn is_good_linker(version: &str) -> bool {
    let patch = version.trim().strip_prefix("bpf-linker 0.10.").and_then(|patch| {
        patch.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
    });
    patch.is_some_and(|patch| patch >= 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        assert_eq!(minor_version("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some(96));
        assert_eq!(minor_version("rustc 1.97.0-nightly (e50aa6fba)"), Some(97));
        assert_eq!(minor_version("gcc 12"), None);
        for (version, good) in [
            ("bpf-linker 0.10.4\n", true),
            ("bpf-linker 0.10.2", true),
            ("bpf-linker 0.10.1", false),
            ("bpf-linker 0.10.0", false),
            ("bpf-linker 0.13.0", false),
            ("bpf-linker", false),
        ] {
            assert_eq!(is_good_linker(version), good, "{version}");
        }
    }
}
