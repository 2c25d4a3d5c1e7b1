//! Names of network namespaces, in the way of ip-netns(8): a file below `/run/netns` on which the
//! namespace is mounted.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io,
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::Path,
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::statfs::{FsType, fstatfs},
};

use crate::routing::devices::{
    error::{Context as _, DevicesError, Result},
    held_netns::HeldNetns,
    settings::DIRECTORY,
};

/// `NSFS_MAGIC` of linux/magic.h.
const NSFS_MAGIC: FsType = FsType(0x6e73_6673);

/// The place of a name.
#[derive(Debug)]
pub(super) enum NamePlace {
    /// There is no such name.
    Free,
    /// A file without a namespace: its maker has ended before it was done, or another program has
    /// unmounted it.
    Hollow,
    /// A namespace.
    Taken(HeldNetns),
}

/// Looks at a name.
pub(super) fn look(path: &Path) -> Result<NamePlace> {
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(NamePlace::Free),
        file => file.with_context(|| format!("opening {}", path.display()))?,
    };
    let system = fstatfs(&file).with_context(|| format!("looking at {}", path.display()))?;
    if system.filesystem_type() == NSFS_MAGIC {
        return Ok(NamePlace::Taken(HeldNetns::from_file(file)));
    }
    let found = file.metadata().with_context(|| format!("looking at {}", path.display()))?;
    if found.is_file() && found.len() == 0 {
        return Ok(NamePlace::Hollow);
    }
    Err(DevicesError::busy(format!(
        "{} is no network namespace and edge did not make it; remove it, or choose another name for \
         the routing namespace",
        path.display()
    )))
}

/// Gives a namespace the name, which must be free or hollow.
pub(super) fn give(path: &Path, netns: &HeldNetns) -> Result<()> {
    let _lock = lock_directory()?;
    let making = || format!("making {}", path.display());
    let file = OpenOptions::new()
        .read(true)
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o444)
        .open(path);
    file.with_context(making)?;
    let none: Option<&str> = None;
    mount(Some(&netns.own_path()), path, none, MsFlags::MS_BIND, none)
        .with_context(|| format!("mounting a network namespace on {}", path.display()))
}

/// Takes a name away. The namespace goes once nothing else holds it.
pub(super) fn take(path: &Path) -> Result<()> {
    let _lock = lock_directory()?;
    match umount2(path, MntFlags::MNT_DETACH) {
        // Not mounted, or not there.
        Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => {}
        Err(errno) => return Err(errno).with_context(|| format!("unmounting {}", path.display())),
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Makes the directory of names, a mount point that is shared between mount namespaces: a name that
/// is removed in one goes in all. `ip netns` takes the same lock.
fn lock_directory() -> Result<Flock<File>> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(DIRECTORY)
        .with_context(|| format!("making the directory {DIRECTORY}"))?;
    let directory = File::open(DIRECTORY).with_context(|| format!("opening {DIRECTORY}"))?;
    let lock = Flock::lock(directory, FlockArg::LockExclusive)
        .map_err(|(_, errno)| errno)
        .with_context(|| format!("locking {DIRECTORY}"))?;
    let none: Option<&str> = None;
    let share = || mount(none, DIRECTORY, none, MsFlags::MS_SHARED | MsFlags::MS_REC, none);
    let shared = match share() {
        // It is no mount point yet.
        Err(Errno::EINVAL) => {
            mount(Some(DIRECTORY), DIRECTORY, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)
                .and_then(|()| share())
        }
        shared => shared,
    };
    shared.with_context(|| format!("sharing the mounts below {DIRECTORY}"))?;
    Ok(lock)
}
