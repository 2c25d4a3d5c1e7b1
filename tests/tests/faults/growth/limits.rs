//! Limits of a running daemon.

use std::{fmt::Display, fs, process::Command};

use anyhow::{Context as _, Result, ensure};
use edge_tests::daemon::Daemon;

/// The limits of a daemon, and those that it had at first.
pub(crate) struct Limits {
    pid: String,
    files: String,
    memory: String,
}

impl Limits {
    pub(crate) fn of(daemon: &Daemon) -> Result<Self> {
        let pid = daemon.pid()?.to_string();
        let limits = fs::read_to_string(format!("/proc/{pid}/limits"))?;
        let soft = |name: &str| -> Result<String> {
            let line =
                limits.lines().find_map(|line| line.strip_prefix(name)).context("a limit")?;
            Ok(line.split_whitespace().next().context("its number")?.to_owned())
        };
        let (files, memory) = (soft("Max open files")?, soft("Max address space")?);
        Ok(Self { pid, files, memory })
    }

    /// Files that it has open.
    pub(crate) fn files(&self) -> Result<u64> {
        let directory = format!("/proc/{}/fd", self.pid);
        Ok(fs::read_dir(directory)?.count().try_into()?)
    }

    /// Bytes of its address space.
    pub(crate) fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).context("size")?;
        let kib: u64 = size.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kib << 10)
    }

    pub(crate) fn limit(&self, name: &str, soft: impl Display) -> Result<()> {
        let limit = format!("--{name}={soft}:");
        let done = Command::new("prlimit").args(["--pid", &self.pid, &limit]).status()?;
        ensure!(done.success(), "prlimit {limit}");
        Ok(())
    }

    pub(crate) fn lift(&self) -> Result<()> {
        self.limit("nofile", &self.files)?;
        self.limit("as", &self.memory)
    }
}
