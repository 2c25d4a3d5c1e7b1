//! The files of the package that are made: pages of the manual, completions and the changelog in Debian's form.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

use super::notices;
use crate::step;

/// The shells with completions, and the names of their files.
const SHELLS: [(&str, &str); 3] = [("bash", "edge.bash"), ("zsh", "_edge"), ("fish", "edge.fish")];
/// The licences of others' code; the package has the file compressed.
const NOTICES: &str = "THIRD-PARTY";
/// The variable with the time that all files of a package have, in seconds (reproducible-builds.org).
pub(super) const EPOCH: &str = "SOURCE_DATE_EPOCH";

/// The files that were made.
pub(super) struct Stage {
    /// The version of `edge`.
    pub(super) version: String,
    /// Time of the sources' last change, in seconds since 1970.
    pub(super) epoch: u64,
}

/// Makes them below `directory`, in place of any that are there.
pub(super) fn stage(root: &Path, edge: &Path, directory: &Path) -> Result<Stage> {
    step::step("pages and completions", || {
        let place = directory.join("stage");
        if place.exists() {
            fs::remove_dir_all(&place).with_context(|| format!("removing {}", place.display()))?;
        }
        let man = place.join("man");
        fs::create_dir_all(&man).with_context(|| format!("making {}", man.display()))?;
        // Debian's packages have no symbols; the release build has nothing else to debug by.
        output(Command::new("strip").arg("-o").arg(place.join("edge")).arg(edge))?;
        output(Command::new(edge).args(["man", "--directory"]).arg(&man))?;
        for (shell, file) in SHELLS {
            let script = output(Command::new(edge).args(["completions", shell]))?;
            fs::write(place.join(file), script)?;
        }
        let version = output(Command::new(edge).arg("--version"))?;
        let version = version.trim().rsplit(' ').next().unwrap_or_default().to_owned();
        let epoch = epoch(root)?;
        let notices = place.join(NOTICES);
        fs::write(&notices, notices::notices(root)?)?;
        // Without name and time, as all files are to be the same wherever they are made.
        output(Command::new("gzip").arg("-9n").arg(&notices))?;
        fs::write(place.join("changelog.Debian"), changelog(&version, epoch)?)?;
        Ok(Stage { version, epoch })
    })
}

/// The time of the last commit, unless the environment has one.
fn epoch(root: &Path) -> Result<u64> {
    if let Ok(epoch) = env::var(EPOCH) {
        return epoch.parse().with_context(|| format!("{EPOCH} is no number of seconds"));
    }
    let log = output(Command::new("git").args(["log", "-1", "--format=%ct"]).current_dir(root));
    let log = log.with_context(|| format!("this is no git checkout: set {EPOCH}"))?;
    log.trim().parse().context("the time of the last commit")
}

fn changelog(version: &str, epoch: u64) -> Result<String> {
    let date = output(Command::new("date").args(["-u", "-R", "-d"]).arg(format!("@{epoch}")))?;
    Ok(format!(
        "edge ({version}-1) unstable; urgency=medium\n\n  * See /usr/share/doc/edge/CHANGELOG.md.\n\n \
         -- {}  {date}",
        package_maintainer()?
    ))
}

/// The maintainer, as `edge-user/Cargo.toml` has it.
fn package_maintainer() -> Result<&'static str> {
    const MANIFEST: &str = include_str!("../../../edge-user/Cargo.toml");
    let line = MANIFEST.lines().find_map(|line| line.strip_prefix("maintainer = \""));
    Ok(line.context("edge-user/Cargo.toml names no maintainer")?.trim_end_matches('"'))
}

/// The output of a command that has to work.
pub(super) fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("starting {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed ({}): {said}", output.status);
    Ok(String::from_utf8(output.stdout)?)
}

/// The only file of `directory` whose name has this end.
pub(super) fn only(directory: &Path, end: &str) -> Result<PathBuf> {
    let entries =
        fs::read_dir(directory).with_context(|| format!("listing {}", directory.display()))?;
    let paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<PathBuf>>>()?;
    let mut found = paths.into_iter().filter(|path| path.to_string_lossy().ends_with(end));
    let only = found.next().with_context(|| format!("no {end} in {}", directory.display()))?;
    ensure!(found.next().is_none(), "{} has several {end}", directory.display());
    Ok(only)
}
