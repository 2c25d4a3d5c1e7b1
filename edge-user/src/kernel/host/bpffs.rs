//! The BPF file system that pins are on.

use std::{fs, io, os::unix::fs::DirBuilderExt as _, path::Path};

use nix::{
    errno::Errno,
    mount::{MsFlags, mount},
    sys::statfs::{BPF_FS_MAGIC, statfs},
};

use crate::{
    kernel::error::{Context as _, KernelError, Result},
    report::Told,
};

/// Where BPF file systems are, by convention.
pub const CONVENTIONAL: &str = "/sys/fs/bpf";
/// Source name of a BPF file system that edge mounts for itself alone.
const OUR_MOUNT: &str = "edge";

/// Makes sure that `pin_dir` is on a BPF file system. `ip netns exec` and containers hide
/// `/sys/fs/bpf` behind a new sysfs, and some systems mount none. One is then mounted in the
/// conventional place, or on the pin directory.
pub(in crate::kernel) fn ensure_bpffs(pin_dir: &Path) -> Result<()> {
    // A service manager may have given this process its own directory of such a file system, and no more of it.
    if pin_dir.is_dir() && is_bpffs(pin_dir)? {
        return Ok(());
    }
    let (target, source) = if pin_dir.starts_with(CONVENTIONAL) {
        (Path::new(CONVENTIONAL), "bpf")
    } else {
        make_directory(pin_dir)?;
        (pin_dir, OUR_MOUNT)
    };
    if !is_bpffs(target)? {
        tracing::warn!(
            "there is no BPF file system on {}: edge mounts one. It ends with this mount \
             namespace, and the data plane with it: `ip netns exec` makes a mount namespace for \
             each command, `nsenter --net` does not",
            target.display(),
        );
        mount(Some(source), target, Some("bpf"), MsFlags::empty(), Some("mode=0700"))
            .map_err(|errno| {
                // Here, ENODEV means a kernel without this file system, not a missing interface.
                let is_unknown = errno == Errno::ENODEV;
                if is_unknown { KernelError::Unsuitable(Told::bare(errno)) } else { errno.into() }
            })
            .with_context(|| {
                format!(
                    "{} is not on a BPF file system and none could be mounted; as root: mount -t \
                     bpf bpf {}",
                    pin_dir.display(),
                    target.display(),
                )
            })?;
    }
    make_directory(pin_dir)
}

/// Whether [`ensure_bpffs`] mounted the BPF file system at `pin_dir`, and on it alone.
pub(in crate::kernel) fn is_our_mount(pin_dir: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let pin_dir = pin_dir.to_string_lossy();
    mounts.lines().any(|line| {
        let mut words = line.split(' ');
        words.next() == Some(OUR_MOUNT) && words.next() == Some(&pin_dir)
    })
}

/// Whether a path is on a BPF file system.
pub fn is_bpffs(path: &Path) -> Result<bool> {
    let stat = statfs(path).with_context(|| format!("looking at {}", path.display()))?;
    Ok(stat.filesystem_type() == BPF_FS_MAGIC)
}

/// Makes a directory that only its owner may look into.
pub(in crate::kernel) fn make_directory(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("making the directory {}", path.display()))
}

/// Removes a directory, if it is there.
pub(in crate::kernel) fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

/// Names in a directory; none where there is no such directory.
pub(in crate::kernel) fn list(directory: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("listing {}", directory.display()))?,
    };
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()
        .with_context(|| format!("listing {}", directory.display()))
}
