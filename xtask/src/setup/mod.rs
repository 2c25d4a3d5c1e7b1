//! `cargo xtask setup`: it installs missing tools, or prints the commands where it may not.

mod found;
mod install;
mod plan;

use anyhow::Result;
use clap::Args;
use xtask::toolchain::Toolchain;

use self::{found::Found, plan::Missing};

#[derive(Args)]
pub(crate) struct Options {
    /// Only prints what would be installed.
    #[arg(long)]
    dry_run: bool,
    /// Installs linters, Miri and cargo-deny as well, which `cargo xtask test` would install when
    /// it needs them.
    #[arg(long)]
    dev: bool,
}

/// The needs of a verb, each including those before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Needs {
    /// A compiler and a linker for BPF.
    Build,
    /// The tools that the lab uses.
    Run,
    /// The tools by which tests read captures.
    Test,
    /// Linters and Miri.
    Dev,
    /// The checker of dependencies. Nothing but its check waits for it, as it takes minutes to compile.
    Deny,
    /// The fuzzer.
    Fuzz,
    /// A compiler for the other architecture.
    ForeignBuild,
    /// The builder of Debian packages.
    Dist,
    /// `cargo xtask dist --test`, which boots a Debian in a container, too.
    DistTest,
    /// A browser, and the builder of the page that it shows.
    Page,
    /// Virtual machines.
    Kernels,
    /// Virtual machines of both architectures, and a compiler for the other one.
    ForeignKernels,
}

impl Needs {
    /// Whether these needs include those of `other`. Each includes the ones before it, but virtual
    /// machines and the other architecture include only those of building.
    pub(super) fn has(self, other: Self) -> bool {
        match self {
            Self::Build | Self::Run | Self::Test | Self::Dev | Self::Deny | Self::Fuzz => {
                other <= self
            }
            Self::ForeignBuild | Self::Kernels => other <= Self::Test || other == self,
            Self::Dist | Self::Page => other == Self::Build || other == self,
            Self::DistTest => other <= Self::Test || other == Self::Dist || other == self,
            Self::ForeignKernels => {
                other <= Self::Test
                    || matches!(other, Self::ForeignBuild | Self::Kernels)
                    || other == self
            }
        }
    }
}

/// `cargo xtask setup`.
pub(crate) fn setup(options: &Options) -> Result<()> {
    let missing = missing(if options.dev { Needs::Deny } else { Needs::Test });
    if options.dry_run {
        for Missing { what, ways, is_optional } in &missing {
            println!("{what}{}:", if *is_optional { " (optional)" } else { "" });
            for (number, way) in ways.iter().enumerate() {
                println!("  {}{way}", if number == 0 { "" } else { "or " });
            }
        }
    } else {
        install::install(&missing)?;
    }
    if missing.is_empty() {
        println!("nothing is missing");
    }
    if let Some(toolchain) = Toolchain::find() {
        println!("eBPF is compiled by {toolchain}");
    }
    Ok(())
}

/// Installs the missing tools of `needs`. It prints nothing where none is missing.
pub(crate) fn ensure(needs: Needs) -> Result<()> {
    install::install(&missing(needs))
}

fn missing(needs: Needs) -> Vec<Missing> {
    plan::missing(&Found::here(needs), needs)
}
