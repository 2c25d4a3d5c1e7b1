//! The package, and the tarball that is made of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::stage::{EPOCH, only, output};
use crate::step;

/// A build of packages. Each has the same bytes wherever it is built of the same sources by the same compiler.
pub(super) struct PackageBuild<'a> {
    pub(super) root: &'a Path,
    /// The place of the outputs.
    pub(super) directory: &'a Path,
    /// Time of all files, in seconds since 1970.
    pub(super) epoch: u64,
}

impl PackageBuild<'_> {
    /// Builds the Debian package of this version, of what was staged.
    pub(super) fn deb(&self, version: &str) -> Result<PathBuf> {
        let place = self.directory.join(version);
        empty(&place)?;
        let mut cargo = step::cargo();
        cargo
            .current_dir(self.root)
            .args([
                "deb",
                "--no-build",
                "--quiet",
                "--package",
                "edge-user",
                "--deb-version",
                version,
            ])
            .arg("--output")
            .arg(&place)
            .env(EPOCH, self.epoch.to_string());
        step::run(&format!("edge {version}"), &mut cargo)?;
        only(&place, ".deb")
    }

    /// Packs the package's files for other systems.
    pub(super) fn tarball(&self, deb: &Path, version: &str) -> Result<PathBuf> {
        let arch = output(Command::new("dpkg-deb").arg("--field").arg(deb).arg("Architecture"))?;
        let name = format!("edge-{version}-linux-{}", arch.trim());
        let unpacked = self.directory.join(&name);
        empty(&unpacked)?;
        output(Command::new("dpkg-deb").arg("-x").arg(deb).arg(&unpacked))?;
        let tarball = self.directory.join(format!("{name}.tar.gz"));
        let tar = "tar --sort=name --owner=0 --group=0 --numeric-owner --format=gnu --mode=u+rwX,go+rX,go-w";
        let script =
            format!("{tar} --mtime=@{} -C \"$1\" -cf - \"$2\" | gzip -9n > \"$3\"", self.epoch);
        let mut pack = Command::new("bash");
        pack.args(["-o", "pipefail", "-c", &script, "tarball"]).arg(self.directory);
        pack.arg(&name).arg(&tarball);
        step::run(&name, &mut pack)?;
        fs::remove_dir_all(&unpacked)?;
        Ok(tarball)
    }
}

/// Makes a directory with nothing in it.
fn empty(directory: &Path) -> Result<()> {
    if directory.exists() {
        fs::remove_dir_all(directory)
            .with_context(|| format!("removing {}", directory.display()))?;
    }
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))
}

/// Prints places, sizes and digests.
pub(super) fn print(files: &[&PathBuf]) -> Result<()> {
    for file in files {
        let digest = output(Command::new("sha256sum").arg(file))?;
        let digest = digest.split(' ').next().unwrap_or_default();
        ensure!(digest.len() == 64, "sha256sum says {digest}");
        println!("{}: {} bytes, sha256 {digest}", file.display(), fs::metadata(file)?.len());
    }
    Ok(())
}
