//! A network namespace by a descriptor, which keeps it.

use std::{
    fs::{self, File},
    os::{
        fd::{AsFd, AsRawFd as _, BorrowedFd, RawFd},
        unix::fs::MetadataExt as _,
    },
    panic,
    path::{Path, PathBuf},
    thread,
};

use nix::sched::{CloneFlags, setns, unshare};

use crate::routing::devices::error::{Context as _, Result};

/// The namespace of the thread that reads it.
const OF_THREAD: &str = "/proc/thread-self/ns/net";

/// A network namespace. It goes with the last of descriptors, names, sockets and processes in it.
#[derive(Debug)]
pub(super) struct HeldNetns(File);

/// The identity of a namespace: of two that exist, no two are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NetnsId {
    device: u64,
    inode: u64,
}

impl HeldNetns {
    /// A new namespace without a name.
    pub(super) fn new() -> Result<Self> {
        let made = on_a_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET)?;
            Ok(File::open(OF_THREAD)?)
        });
        Ok(Self(made.context("making a network namespace")?))
    }

    /// The namespace of the calling thread.
    pub(super) fn of_thread() -> Result<Self> {
        let file = File::open(OF_THREAD).context("opening the own network namespace")?;
        Ok(Self(file))
    }

    /// The namespace that a file stands for. The caller knows that it does.
    pub(super) fn from_file(file: File) -> Self {
        Self(file)
    }

    /// Runs `work` on a thread inside. Sockets that it opens stay there.
    pub(super) fn run<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        on_a_thread(|| {
            setns(&self.0, CloneFlags::CLONE_NEWNET).context("entering a network namespace")?;
            work()
        })
    }

    /// Its identity.
    pub(super) fn id(&self) -> Result<NetnsId> {
        let found = self.0.metadata().context("looking at a network namespace")?;
        Ok(NetnsId { device: found.dev(), inode: found.ino() })
    }

    /// The descriptor.
    pub(super) fn raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// A path by which this process mounts or opens it.
    pub(super) fn own_path(&self) -> PathBuf {
        format!("/proc/thread-self/fd/{}", self.raw_fd()).into()
    }

    /// The processes in it, by their numbers, as far as this process may see them.
    pub(super) fn processes(&self) -> Result<Vec<u32>> {
        let own = self.id()?;
        let entries = fs::read_dir("/proc").context("listing the processes")?;
        let numbers = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        let is_inside = |process: &u32| {
            let namespace = Path::new("/proc").join(process.to_string()).join("ns/net");
            // A process may end meanwhile.
            fs::metadata(namespace)
                .is_ok_and(|found| NetnsId { device: found.dev(), inode: found.ino() } == own)
        };
        Ok(numbers.filter(is_inside).collect())
    }
}

impl AsFd for HeldNetns {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Runs `work` on a thread of its own, whose namespace it may change. A panic goes on in the caller.
fn on_a_thread<T: Send>(work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    thread::scope(|scope| {
        let inside = thread::Builder::new()
            .name("namespace".to_owned())
            .spawn_scoped(scope, work)
            .context("starting a thread for a network namespace")?;
        inside.join().unwrap_or_else(|panic| panic::resume_unwind(panic))
    })
}
