//! The BIRD that is installed.

use std::{
    env,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    error::{BirdError, Context as _, Result},
    version::BirdVersion,
};
use crate::report::Told;

const NAME: &str = "bird";
/// Where Debian has it, which is not on every `PATH`.
const USUAL: &str = "/usr/sbin/bird";

/// An executable of BIRD, and its version when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BirdProgram {
    /// The executable.
    pub path: PathBuf,
    /// Its version.
    pub version: BirdVersion,
}

impl BirdProgram {
    /// The BIRD at `path`, or without one that on `PATH` or in `/usr/sbin`.
    ///
    /// # Errors
    ///
    /// [`BirdError::Missing`] if there is none, [`BirdError::Unsuitable`] if its version is none
    /// that the edge writes configurations for.
    pub fn find(path: Option<&Path>) -> Result<Self> {
        let path = match path {
            Some(path) => path.to_owned(),
            None => on_path().unwrap_or_else(|| PathBuf::from(USUAL)),
        };
        let output = Command::new(&path).arg("--version").stdin(Stdio::null()).output();
        let output = output.map_err(|error| {
            let is_absent = error.kind() == ErrorKind::NotFound;
            let kind = if is_absent { BirdError::Missing } else { BirdError::System };
            kind(Told::bare(error).after(format!(
                "{} can't be run, and without BIRD 2 no routed circuit has BGP; install it (Debian: \
                 apt-get install bird2), set `[routing] command` to its path, or set `[routing] daemon` \
                 to \"none\"",
                path.display()
            )))
        })?;
        // It goes to stderr in all versions of BIRD 2.
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said);
        let version = said.lines().find_map(|line| line.strip_prefix("BIRD version "));
        let version: BirdVersion =
            version.and_then(|text| text.trim().parse().ok()).ok_or_else(|| {
                let said = said.lines().next().unwrap_or_default();
                BirdError::Unsuitable(Told::new(format!(
                    "{} is not BIRD: it says {said:?}; set `[routing] command` to BIRD's path",
                    path.display()
                )))
            })?;
        if !version.is_supported() {
            return Err(BirdError::Unsuitable(Told::new(format!(
                "{} is BIRD {version}, and the edge needs BIRD {} or newer, but not BIRD 3; install \
                 another, or set `[routing] command` to one",
                path.display(),
                BirdVersion::OLDEST
            ))));
        }
        Ok(Self { path, version })
    }

    /// Has BIRD read a configuration, without starting or changing anything.
    ///
    /// # Errors
    ///
    /// [`BirdError::Refused`], with the place that BIRD names.
    pub fn check(&self, config: &Path) -> Result<()> {
        let output = Command::new(&self.path)
            .arg("-p")
            .arg("-c")
            .arg(config)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("starting {}", self.path.display()))?;
        if output.status.success() {
            return Ok(());
        }
        let said = [output.stderr, output.stdout].concat();
        let said = String::from_utf8_lossy(&said);
        let said: Vec<_> = said.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        Err(BirdError::Refused(Told::new(format!(
            "BIRD {} refuses the configuration ({}), and the one before stays in effect; this is a fault of \
             edge: report it with the file {}",
            self.version,
            said.join("; "),
            config.display()
        ))))
    }
}

fn on_path() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(NAME)).find(|program| program.is_file())
}

#[cfg(test)]
mod tests {
    use std::{fs, io, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn script(text: &str) -> io::Result<(tempfile::TempDir, PathBuf)> {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("bird");
        fs::write(&path, format!("#!/bin/sh\n{text}\n"))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755))?;
        Ok((directory, path))
    }

    #[test]
    fn an_absent_bird_is_told_with_its_remedy() {
        let absent = BirdProgram::find(Some(Path::new("/nonexistent/bird"))).unwrap_err();
        assert!(matches!(absent, BirdError::Missing(_)));
        let text = format!("{absent:#}");
        for part in ["/nonexistent/bird", "apt-get install bird2", "[routing] command"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn versions_that_are_not_supported_are_refused() -> io::Result<()> {
        for (says, is_fit) in [
            ("BIRD version 2.0.12", true),
            ("BIRD version 2.19.2", true),
            ("BIRD version 2.0.7", false),
            ("BIRD version 3.3.2", false),
            ("ls: unknown option", false),
        ] {
            let (_directory, path) = script(&format!("echo '{says}' >&2"))?;
            let found = BirdProgram::find(Some(&path));
            assert_eq!(found.is_ok(), is_fit, "{says}: {found:?}");
            assert!(is_fit || matches!(found, Err(BirdError::Unsuitable(_))), "{says}");
        }
        Ok(())
    }

    #[test]
    fn a_refusal_repeats_what_bird_said() -> io::Result<()> {
        let (_directory, path) = script("echo 'bird: x.conf:3:1 syntax error' >&2; exit 1")?;
        let bird = BirdProgram { path, version: BirdVersion::OLDEST };
        let refused = bird.check(Path::new("x.conf")).unwrap_err();
        assert!(matches!(refused, BirdError::Refused(_)));
        assert!(refused.to_string().contains("(bird: x.conf:3:1 syntax error)"), "{refused}");
        Ok(())
    }
}
