//! `cargo xtask dist`: the Debian package, and a tarball with the same files.

mod boot;
mod notices;
mod package;
mod stage;

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use clap::Args;

use self::package::PackageBuild;
use crate::{
    build,
    setup::{self, Needs},
    step,
};

#[derive(Args)]
pub(crate) struct Options {
    /// Boots a Debian with the package: installs it, sends frames, upgrades to it, removes and purges it. This takes root.
    #[arg(long)]
    test: bool,
    /// The package that the test upgrades from. Without it, that is this one under a lower version.
    #[arg(long, value_name = "DEB", requires = "test")]
    before: Option<PathBuf>,
}

/// Builds the package and the tarball below `target/dist`.
pub(crate) fn dist(root: &Path, options: &Options) -> Result<()> {
    ensure!(
        !options.test || step::is_root(),
        "the test boots a container and makes network namespaces, which needs root: \
         sudo --preserve-env env \"PATH=$PATH\" cargo xtask dist --test"
    );
    setup::ensure(if options.test { Needs::DistTest } else { Needs::Dist })?;
    let edge = build::binary(root, true)?;
    let directory = build::target_dir(root).join("dist");
    let stage = stage::stage(root, &edge, &directory)?;
    let build = PackageBuild { root, directory: &directory, epoch: stage.epoch };
    let deb = build.deb(&format!("{}-1", stage.version))?;
    let tarball = build.tarball(&deb, &stage.version)?;
    package::print(&[&deb, &tarball])?;
    if options.test {
        let before = match &options.before {
            Some(before) => before.clone(),
            None => build.deb(&format!("{}~before-1", stage.version))?,
        };
        boot::test(root, &directory, &before, &deb)?;
    }
    Ok(())
}
