//! The kernels that the tests run on.

use std::fmt;

use crate::arch::Arch;

/// The suite of Debian that a kernel comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Suite {
    /// Debian 11.
    Bullseye,
    /// Debian 12.
    Bookworm,
    /// Debian 13.
    Trixie,
    /// Debian 13, kernels of later versions.
    TrixieBackports,
}

impl Suite {
    /// Its name in the archive.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bullseye => "bullseye",
            Self::Bookworm => "bookworm",
            Self::Trixie => "trixie",
            Self::TrixieBackports => "trixie-backports",
        }
    }

    /// Its name in tables.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Bullseye => "Debian 11",
            Self::Bookworm => "Debian 12",
            Self::Trixie => "Debian 13",
            Self::TrixieBackports => "Debian 13 backports",
        }
    }
}

/// A row of the matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Kernel {
    /// Its version's first two numbers, or `newest`.
    pub(super) name: &'static str,
    pub(super) arch: Arch,
    pub(super) suite: Suite,
    /// Whether `edge` refuses to run on it.
    pub(super) is_too_old: bool,
}

impl Kernel {
    const fn new(name: &'static str, arch: Arch, suite: Suite) -> Self {
        Self { name, arch, suite, is_too_old: false }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.arch.name())
    }
}

/// The name of the newest kernel in the archive.
pub(super) const NEWEST: &str = "newest";

/// All kernels, oldest first.
pub(super) const MATRIX: [Kernel; 12] = [
    Kernel { is_too_old: true, ..Kernel::new("5.10", Arch::X86_64, Suite::Bullseye) },
    Kernel::new("6.1", Arch::X86_64, Suite::Bookworm),
    Kernel::new("6.12", Arch::X86_64, Suite::Trixie),
    Kernel::new("6.16", Arch::X86_64, Suite::TrixieBackports),
    Kernel::new("6.18", Arch::X86_64, Suite::TrixieBackports),
    Kernel::new("6.19", Arch::X86_64, Suite::TrixieBackports),
    Kernel::new("7.0", Arch::X86_64, Suite::TrixieBackports),
    Kernel::new("7.2", Arch::X86_64, Suite::TrixieBackports),
    Kernel::new(NEWEST, Arch::X86_64, Suite::TrixieBackports),
    Kernel::new("6.1", Arch::Arm64, Suite::Bookworm),
    Kernel::new("6.12", Arch::Arm64, Suite::Trixie),
    Kernel::new(NEWEST, Arch::Arm64, Suite::TrixieBackports),
];

/// The oldest and the newest that `edge` runs on, for the machine's own architecture.
pub(super) fn for_ci() -> Vec<Kernel> {
    let own = || MATRIX.into_iter().filter(|k| k.arch == Arch::host() && !k.is_too_old);
    own().take(1).chain(own().next_back()).collect()
}

/// The names, for a message.
pub(super) fn names() -> String {
    let mut names: Vec<&str> = MATRIX.iter().map(|kernel| kernel.name).collect();
    names.dedup();
    names.join(", ")
}
