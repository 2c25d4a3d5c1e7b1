//! The stage `page` of `cargo xtask test`, and `cargo xtask page`.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    setup::{self, Needs},
    step,
};

/// Sees that the page's types are right, and that the committed files are what its sources make.
pub(crate) fn check(root: &Path) -> Result<()> {
    packages(root)?;
    step::run("the page's types", npm(root).args(["run", "--silent", "check"]))?;
    step::run("the page's files", npm(root).args(["run", "--silent", "build", "--", "--check"]))
}

/// Makes the files that the daemon sends to browsers.
pub(crate) fn make(root: &Path) -> Result<()> {
    setup::ensure(Needs::Page)?;
    packages(root)?;
    step::run("the page's types", npm(root).args(["run", "--silent", "check"]))?;
    step::run("the page's files", npm(root).args(["run", "--silent", "build"]))
}

/// Has the packages that build and test the page, in the versions of `package-lock.json`.
fn packages(root: &Path) -> Result<()> {
    step::run("npm's packages", npm(root).arg("ci"))
}

fn npm(root: &Path) -> Command {
    let mut npm = Command::new("npm");
    npm.current_dir(root.join("edge-user/page"));
    npm
}
