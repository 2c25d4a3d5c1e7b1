//! The network namespace that BIRD runs in.

use std::{
    fs::File,
    os::fd::{AsFd, OwnedFd},
    panic,
    path::Path,
    sync::Arc,
    thread,
};

use nix::{
    sched::{CloneFlags, setns},
    sys::stat::fstat,
};

use super::error::{Context as _, Result};

/// A network namespace. Clones stand for the same one.
#[derive(Clone, Debug)]
pub struct SpeakerNetns {
    fd: Arc<OwnedFd>,
}

impl SpeakerNetns {
    /// The namespace at a path such as `/run/netns/edge-routing`.
    pub fn open(path: &Path) -> Result<Self> {
        let file = File::open(path)
            .with_context(|| format!("opening the routing namespace {}", path.display()))?;
        Ok(Self { fd: Arc::new(file.into()) })
    }

    /// Runs `work` on a thread inside. Sockets that it opens and processes that it starts stay
    /// there.
    ///
    /// # Panics
    ///
    /// Where `work` does.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        thread::scope(|scope| {
            let inside = scope.spawn(|| {
                setns(self.fd.as_fd(), CloneFlags::CLONE_NEWNET)
                    .context("entering the routing namespace")?;
                work()
            });
            inside.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
        })
    }

    /// Whether a process is in it.
    pub(super) fn has(&self, pid: i32) -> Result<bool> {
        let theirs = File::open(format!("/proc/{pid}/ns/net"))
            .with_context(|| format!("looking for the namespace of process {pid}"))?;
        let (own, theirs) = (fstat(&*self.fd)?, fstat(&theirs)?);
        Ok((own.st_dev, own.st_ino) == (theirs.st_dev, theirs.st_ino))
    }
}
