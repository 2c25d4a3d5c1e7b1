//! The two architectures that `edge` runs on.

use std::{env, path::Path, process::Command};

use clap::ValueEnum;

use crate::step;

/// An architecture that `edge` runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Arch {
    /// x86-64.
    #[value(name = "x86-64", alias = "amd64", alias = "x86_64")]
    X86_64,
    /// arm64.
    #[value(alias = "aarch64")]
    Arm64,
}

impl Arch {
    /// The machine's own.
    pub(crate) fn host() -> Self {
        if env::consts::ARCH == "aarch64" { Self::Arm64 } else { Self::X86_64 }
    }

    /// The other one.
    pub(crate) fn foreign() -> Self {
        match Self::host() {
            Self::X86_64 => Self::Arm64,
            Self::Arm64 => Self::X86_64,
        }
    }

    /// Its name in tables and options.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86-64",
            Self::Arm64 => "arm64",
        }
    }

    /// Debian's name of it.
    pub(crate) fn debian(self) -> &'static str {
        match self {
            Self::X86_64 => "amd64",
            Self::Arm64 => "arm64",
        }
    }

    /// Rust's name of it.
    pub(crate) fn rust(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// Its C compiler, as Debian names it on machines of another architecture.
    pub(crate) fn gcc(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-linux-gnu-gcc",
            Self::Arm64 => "aarch64-linux-gnu-gcc",
        }
    }
}

/// Cargo with these words, for an architecture.
pub(crate) fn cargo(root: &Path, arch: Arch, words: &str) -> Command {
    let mut cargo = step::cargo();
    cargo.current_dir(root).args(words.split_whitespace());
    if arch != Arch::host() {
        cargo.args(["--target", arch.rust()]);
        let name = arch.rust().replace('-', "_");
        cargo.env(format!("CARGO_TARGET_{}_LINKER", name.to_uppercase()), arch.gcc());
        cargo.env(format!("CC_{name}"), arch.gcc());
    }
    cargo
}
