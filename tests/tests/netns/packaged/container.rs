//! A Debian that boots in a container of `systemd-nspawn`, in the network namespace of a lab.

use std::{
    fs::{self, File, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use edge_user::lab::NetNs;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tempfile::TempDir;

/// Longest time to boot.
const BOOT: Duration = Duration::from_mins(1);
/// Directories that the container shares with the test, which looks at daemon, ledger and pins in them.
const SHARED: [&str; 3] = ["/run/edge", "/var/lib/edge", "/sys/fs/bpf"];

/// A running Debian. Dropping it ends it.
pub(super) struct Container {
    nspawn: Child,
    /// Its first process.
    leader: Pid,
    root: PathBuf,
    _directory: TempDir,
}

impl Container {
    /// Boots the root file system in the archive. The caller has mounts of its own.
    pub(super) fn boot(archive: &Path, netns: &NetNs) -> Result<Self> {
        // The system's own directory for such files is on a disk: the one of this test has no room.
        let directory = tempfile::tempdir_in("/var/tmp")?;
        let root = directory.path().join("root");
        fs::create_dir(&root)?;
        let unpacked = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(&root).status()?;
        ensure!(unpacked.success(), "unpacking {}: {unpacked}", archive.display());
        // As systemd mounts it.
        fs::set_permissions("/sys/fs/bpf", Permissions::from_mode(0o700))?;
        fs::create_dir_all("/run/systemd")?;
        let log = directory.path().join("log");
        let mut nspawn = Command::new("systemd-nspawn");
        nspawn.args(["--boot", "--quiet", "--keep-unit", "--register=no", "--console=pipe"]);
        nspawn.args(["--capability=all", "--system-call-filter=bpf", "--directory"]).arg(&root);
        nspawn.arg(format!("--network-namespace-path={}", netns.path().display()));
        for place in SHARED {
            fs::create_dir_all(place)?;
            nspawn.arg(format!("--bind={place}"));
        }
        nspawn.env("SYSTEMD_NSPAWN_API_VFS_WRITABLE", "1").stdin(Stdio::null());
        if !Path::new("/sys/fs/cgroup/cgroup.controllers").exists() {
            // With both versions of cgroups, systemd-nspawn (252) looks for one of the first that it has not made.
            nspawn.env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "0");
        }
        nspawn.stdout(File::create(&log)?).stderr(File::options().append(true).open(&log)?);
        let mut nspawn = nspawn.spawn().context("starting systemd-nspawn")?;
        let begun = Instant::now();
        loop {
            let said = || fs::read_to_string(&log).unwrap_or_default();
            if let Some(status) = nspawn.try_wait()? {
                bail!("systemd-nspawn has ended ({status}): {}", said());
            }
            if let Some(leader) = child_of(nspawn.id())? {
                let container = Self { nspawn, leader, root, _directory: directory };
                container.wait_until_up(begun)?;
                return Ok(container);
            }
            ensure!(begun.elapsed() < BOOT, "the container has no process: {}", said());
            thread::sleep(Duration::from_millis(50));
        }
    }

    fn wait_until_up(&self, begun: Instant) -> Result<()> {
        loop {
            let said = self.command("systemctl", &["is-system-running"]).output()?;
            let said = String::from_utf8_lossy(&said.stdout).trim().to_owned();
            // Some services of a host can't do their work in a container, and are none of ours.
            if ["running", "degraded"].contains(&said.as_str()) {
                return Ok(());
            }
            ensure!(begun.elapsed() < BOOT, "the container is {said}");
            thread::sleep(Duration::from_millis(100));
        }
    }

    /// A command in the container, as root.
    pub(super) fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={}", self.leader));
        command.args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"]);
        command.arg("--").arg(program).args(arguments).stdin(Stdio::null());
        command.env("DEBIAN_FRONTEND", "noninteractive").env("LC_ALL", "C.UTF-8");
        command
    }

    /// Runs a line of a shell as root, and returns its output.
    pub(super) fn run(&self, line: &str) -> Result<Output> {
        self.command("sh", &["-c", line]).output().with_context(|| format!("running {line}"))
    }

    /// Runs a line that has to work, and returns all that it has printed.
    pub(super) fn must(&self, line: &str) -> Result<String> {
        let output = self.run(line)?;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if !output.status.success() {
            let log = self.run("journalctl -q -n 40 --no-hostname")?;
            let log = String::from_utf8_lossy(&log.stdout).into_owned();
            bail!("`{line}` in the container: {}\n{said}\nits log:\n{log}", output.status);
        }
        Ok(said)
    }

    /// Runs `edge` as another user.
    pub(super) fn as_user(&self, user: &str, arguments: &[&str]) -> Result<Output> {
        let arguments = [&["-u", user, "--", "edge"], arguments].concat();
        Ok(self.command("runuser", &arguments).output()?)
    }

    /// Puts a file into the container.
    pub(super) fn copy(&self, file: &Path, place: &str) -> Result<()> {
        fs::copy(file, self.root.join(place.trim_start_matches('/')))
            .map(drop)
            .with_context(|| format!("copying {}", file.display()))
    }

    /// Whether there is such a file in the container.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path.trim_start_matches('/')).exists()
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        // All of its processes end with the first one.
        let _already_gone = kill(self.leader, Signal::SIGKILL);
        let _already_waited_for = self.nspawn.wait();
    }
}

/// The only child of a process.
fn child_of(pid: u32) -> Result<Option<Pid>> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.context("the kernel lists no children of processes")?;
    // It starts others first, which come and go.
    let Some(child) = children.split_whitespace().next() else { return Ok(None) };
    let is_init = fs::read_to_string(format!("/proc/{child}/status"))
        .unwrap_or_default()
        .lines()
        .any(|line| line.starts_with("NSpid:") && line.ends_with("\t1"));
    Ok(is_init.then(|| child.parse()).transpose()?.map(Pid::from_raw))
}
