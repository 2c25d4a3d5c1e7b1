//! The sandbox that a daemon gives itself where systemd has given it none (Landlock): it writes below the directories of
//! its configuration alone, and starts no program. It reads everywhere, as any reload may name other files to read.

use std::{
    env, fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    process,
};

use landlock::{
    ABI, AccessFs, PathBeneath, PathFd, Ruleset, RulesetAttr as _, RulesetCreatedAttr as _,
    RulesetStatus,
};

use crate::{
    config::{Config, Export, Sink},
    kernel::{host::bpffs::is_bpffs, object::pins::is_own_mount},
};

/// The rights to write that it leaves: all of Linux 6.2 (truncation). Older kernels have fewer.
const WRITES: ABI = ABI::V3;

/// A sandbox that this process is in.
#[derive(Debug)]
pub(super) struct Sandbox {
    /// The directories below which it may write, without symbolic links.
    writable: Vec<PathBuf>,
}

impl Sandbox {
    /// Enters one, unless there is a reason not to, and says what is in force. Threads of before are not in it.
    pub(super) fn enter(config_path: &Path, config: &Config) -> Option<Self> {
        if let Some(why) = reason_for_none(config) {
            tracing::info!("{why}, so edge makes no sandbox of its own");
            return None;
        }
        match Self::try_enter(config_path, config) {
            Ok(sandbox) => sandbox,
            Err(error) => {
                tracing::warn!("edge runs without a sandbox of its own: {error}");
                None
            }
        }
    }

    fn try_enter(config_path: &Path, config: &Config) -> Result<Option<Self>, String> {
        let writable = directories(config_path, config)?;
        let enforced = restrict(&writable).map_err(|error| error.to_string())?;
        let how = match enforced {
            RulesetStatus::FullyEnforced => "",
            RulesetStatus::PartiallyEnforced => ", as far as this kernel can tell",
            RulesetStatus::NotEnforced => {
                tracing::info!("this kernel has no Landlock, so edge makes no sandbox of its own");
                return Ok(None);
            }
        };
        let sandbox = Self { writable };
        tracing::info!(
            "sandbox (Landlock): edge writes only below {}, and starts no program{how}",
            sandbox.told()
        );
        Ok(Some(sandbox))
    }

    /// The reason why a configuration can't run in it.
    pub(super) fn refusal(&self, config: &Config) -> Option<String> {
        if config.routing.is_some() {
            return Some(
                "circuits are routed from now on, which takes mounts and BIRD, and the daemon's sandbox forbids both"
                    .to_owned(),
            );
        }
        config.exports.iter().find_map(|export| {
            let dir = export_dir(export)?;
            let place = resolved(dir).unwrap_or_else(|_missing| dir.to_owned());
            let is_writable = self.writable.iter().any(|writable| place.starts_with(writable));
            (!is_writable).then(|| {
                format!(
                    "export {} would write to {}, and the daemon's sandbox lets it write only below {}",
                    export.name,
                    dir.display(),
                    self.told()
                )
            })
        })
    }

    fn told(&self) -> String {
        let names = self.writable.iter().map(|path| path.display().to_string());
        names.collect::<Vec<_>>().join(", ")
    }
}

/// The reason why this process makes no sandbox for itself.
fn reason_for_none(config: &Config) -> Option<&'static str> {
    // Set for the process that a unit starts, and for none below it (systemd.exec(5)).
    let by_systemd = env::var("SYSTEMD_EXEC_PID").is_ok_and(|pid| pid == process::id().to_string());
    if by_systemd {
        Some("the sandbox is the unit's")
    } else if config.routing.is_some() {
        Some("routed circuits take mounts and BIRD")
    } else if is_own_mount(&config.edge.pin_dir) {
        Some("the pins' file system is edge's own mount, which it takes away with the pins")
    } else {
        None
    }
}

/// The directories that a daemon with this configuration writes to.
///
/// A rule is of the directory that is there now. `state_dir` and exports get the one above it, so that a disk that is mounted
/// there later can be written, too: what was counted is booked as soon as the ledger's disk is back.
fn directories(config_path: &Path, config: &Config) -> Result<Vec<PathBuf>, String> {
    let edge = &config.edge;
    make(&edge.state_dir, 0o700)?;
    let mut mounts = vec![above(&real(&edge.state_dir)?)];
    for dir in config.exports.iter().filter_map(export_dir) {
        make(dir, 0o750)?;
        mounts.push(above(&real(dir)?));
    }
    let mut all = vec![real(&parent(&real(config_path)?))?, real(&parent(&edge.control))?];
    all.append(&mut mounts);
    // Pins that somebody removes, with their directory, are made again.
    let pins = real(&edge.pin_dir)?;
    let is_below_bpffs = is_bpffs(&parent(&pins)).map_err(|error| error.to_string())?;
    all.push(if is_below_bpffs { parent(&pins) } else { pins });
    all.extend(temporary());
    all.sort();
    all.dedup();
    Ok(all)
}

/// The directory above one, unless that is the root, where everything is.
fn above(dir: &Path) -> PathBuf {
    let above = dir.parent().filter(|above| above.parent().is_some());
    above.unwrap_or(dir).to_owned()
}

/// A path without symbolic links.
fn real(path: &Path) -> Result<PathBuf, String> {
    fs::canonicalize(path).map_err(told_of(path))
}

/// Where `SQLite` has its temporary files: the first of these that is there (`unixTempFileDir`).
fn temporary() -> Option<PathBuf> {
    let named = ["SQLITE_TMPDIR", "TMPDIR"].into_iter().filter_map(env::var_os).map(PathBuf::from);
    let common = ["/var/tmp", "/usr/tmp", "/tmp"].into_iter().map(PathBuf::from);
    named.chain(common).find(|path| path.is_dir()).and_then(|path| fs::canonicalize(path).ok())
}

fn restrict(writable: &[PathBuf]) -> Result<RulesetStatus, Box<dyn std::error::Error>> {
    let writes = AccessFs::from_write(WRITES);
    let mut ruleset = Ruleset::default().handle_access(writes | AccessFs::Execute)?.create()?;
    for path in writable {
        ruleset = ruleset.add_rule(PathBeneath::new(PathFd::new(path)?, writes))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

fn export_dir(export: &Export) -> Option<&Path> {
    match &export.to {
        Sink::Files { dir, .. } => Some(dir),
        Sink::Http { .. } => None,
    }
}

/// A directory's place, also of one that is yet to be made.
fn resolved(dir: &Path) -> io::Result<PathBuf> {
    fs::canonicalize(dir).or_else(|error| match dir.file_name() {
        Some(name) => Ok(fs::canonicalize(parent(dir))?.join(name)),
        None => Err(error),
    })
}

fn parent(path: &Path) -> PathBuf {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    above.unwrap_or(Path::new(".")).to_owned()
}

/// Makes a directory, as its first use would.
fn make(dir: &Path, mode: u32) -> Result<(), String> {
    fs::DirBuilder::new().recursive(true).mode(mode).create(dir).map_err(told_of(dir))
}

fn told_of(path: &Path) -> impl Fn(io::Error) -> String {
    move |error| format!("{}: {error}", path.display())
}
