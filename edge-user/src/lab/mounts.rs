//! A place for files and pins that no other process sees and that ends with this process.

use std::{fs, path::Path};

use anyhow::{Context as _, Result};
use nix::{
    mount::{MsFlags, mount},
    sched::{CloneFlags, unshare},
};

const RUN: &str = "/run";
/// The ledger's parent.
const STATE: &str = "/var/lib";
const BPF: &str = "/sys/fs/bpf";

/// Gives the calling thread, and the processes that it starts, an empty `/run`, an empty `/var/lib`
/// and an empty BPF file system of their own. These have no name outside, so that even `kill -9`
/// leaves none.
pub fn private_mounts() -> Result<()> {
    unshare(CloneFlags::CLONE_NEWNS).context("cannot make a mount namespace")?;
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)
        .context("cannot keep mounts private")?;
    for (kind, place) in [("tmpfs", RUN), ("tmpfs", STATE), ("bpf", BPF)] {
        mount(Some(kind), place, Some(kind), MsFlags::empty(), none)
            .with_context(|| format!("cannot mount a {kind} on {place}"))?;
    }
    fs::create_dir_all(Path::new(RUN).join("edge")).context("cannot make /run/edge")
}
