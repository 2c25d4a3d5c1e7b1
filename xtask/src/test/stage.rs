//! The stages of `cargo xtask test`.

use clap::ValueEnum;

use crate::setup::Needs;

/// A stage of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Stage {
    /// Formatting.
    Format,
    /// The eBPF objects build. In a whole run, they are built with the tests.
    Objects,
    /// The packages of stock kernels, and of the tools that guests have, are there.
    Packages,
    /// The page's types are right, and its files are what its sources make. It installs what the page's test needs.
    Page,
    /// The path's tests under Miri.
    Miri,
    /// Licences, sources and duplicates of dependencies.
    Deny,
    /// Unit, property, kernel and namespace tests.
    Tests,
    /// Clippy, for the other architecture that edge runs on, so that the same pass over all
    /// dependencies shows that they compile there.
    Lint,
    /// Clippy for BPF.
    LintEbpf,
    /// The documentation builds without warnings.
    Docs,
    /// Tests on the oldest and the newest stock kernel, in virtual machines.
    Kernels,
}

impl Stage {
    /// Its name in commands.
    pub(super) fn name(self) -> String {
        self.to_possible_value().expect("no stage is hidden").get_name().to_owned()
    }

    /// The tools that have to be there.
    pub(super) fn needs(self) -> Needs {
        match self {
            Self::Objects => Needs::Build,
            Self::Page => Needs::Page,
            // Those with kernels report whether their tools can't be had.
            Self::Tests | Self::Packages | Self::Kernels => Needs::Test,
            Self::Format | Self::Lint | Self::LintEbpf | Self::Miri | Self::Docs => Needs::Dev,
            Self::Deny => Needs::Deny,
        }
    }
}
