//! Where the data plane is pinned: tables and links outlive the daemon there.
//!
//! `PIN_DIR/vN/maps/NAME`, `PIN_DIR/vN/links/IFINDEX-MODE` and `PIN_DIR/vN/egress/PROGRAM`, N being
//! the version of the layouts. A link is an interface's, whatever port the configuration makes of it.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow};
use aya::programs::links::{FdLink, PinnedLink};
use edge_common::abi;
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MntFlags, MsFlags, mount, umount2},
    sys::statfs::{BPF_FS_MAGIC, statfs},
};

use super::links::{Attached, AttachedMode};

/// Where BPF file systems are, by convention.
const CONVENTIONAL: &str = "/sys/fs/bpf";
/// What a BPF file system that edge mounts for itself alone calls its source.
const OUR_MOUNT: &str = "edge";

/// Directories of pins.
const KINDS: [&str; 3] = ["links", "egress", "maps"];

/// The pins of an edge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pins {
    root: PathBuf,
    directory: PathBuf,
}

impl Pins {
    /// Those under `pin_dir`, present or not.
    #[must_use]
    pub fn new(pin_dir: &Path) -> Self {
        Self { root: pin_dir.to_owned(), directory: pin_dir.join(format!("v{}", abi::VERSION)) }
    }

    /// Where the versions' pins are.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where this version's are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The version.
    #[must_use]
    pub fn version(&self) -> u32 {
        let name = self.directory.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        version(name).unwrap_or(0)
    }

    /// Path of the map `name`.
    #[must_use]
    pub fn map(&self, name: &str) -> PathBuf {
        self.directory.join("maps").join(name)
    }

    /// Path of a link.
    #[must_use]
    pub fn link(&self, attached: Attached) -> PathBuf {
        let name = format!("{}-{}", attached.ifindex, attached.mode.as_str());
        self.directory.join("links").join(name)
    }

    /// Path of the link of a program that looks at what becomes of forwarded frames.
    #[must_use]
    pub fn egress(&self, program: &str) -> PathBuf {
        self.directory.join("egress").join(program)
    }

    /// The links that there are.
    pub fn links(&self) -> Result<Vec<Attached>> {
        let names = list(&self.directory.join("links"))?;
        Ok(names.iter().filter_map(|name| parse_link(name)).collect())
    }

    /// Takes over a link of another version: it is pinned here, and no longer there.
    pub fn take_over(&self, other: &Self, attached: Attached) -> Result<()> {
        let (theirs, ours) = (other.link(attached), self.link(attached));
        // One that was killed between the two steps below has pinned it here already.
        if !exists(&ours)? {
            let link = PinnedLink::from_pin(&theirs)
                .with_context(|| format!("opening {}", theirs.display()))?;
            FdLink::from(link).pin(&ours).with_context(|| format!("pinning {}", ours.display()))?;
        }
        fs::remove_file(&theirs).with_context(|| format!("removing {}", theirs.display()))
    }

    /// Removes a link. No frame passes its program after that.
    pub fn remove_link(&self, attached: Attached) -> Result<()> {
        let path = self.link(attached);
        // The kernel detaches in its own time when a file held the last reference to a link, and
        // at once when a descriptor did (`bpf_link_put_direct`).
        let link =
            PinnedLink::from_pin(&path).with_context(|| format!("opening {}", path.display()))?;
        drop(link.unpin().with_context(|| format!("removing {}", path.display()))?);
        Ok(())
    }

    /// Whether all tables are there.
    pub fn has_tables(&self) -> Result<bool> {
        for name in super::tables::SHARED_MAPS {
            if !exists(&self.map(name))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the directories, on a BPF file system, which is mounted where there is none.
    pub fn create(&self) -> Result<()> {
        ensure_bpffs(&self.root)?;
        for kind in KINDS {
            make_directory(&self.directory.join(kind))?;
        }
        Ok(())
    }

    /// Holds the pins for this process alone, until the guard is dropped.
    pub fn lock(&self) -> Result<Flock<File>> {
        let directory =
            File::open(&self.root).with_context(|| format!("opening {}", self.root.display()))?;
        Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| {
            if errno == Errno::EWOULDBLOCK {
                anyhow!(
                    "an edge daemon is running on the data plane in {}; stop it first, or use \
                         another `pin_dir`",
                    self.root.display(),
                )
            } else {
                anyhow!(errno).context(format!("locking {}", self.root.display()))
            }
        })
    }

    /// Removes every link to an interface: no frame comes in any more.
    pub fn remove_links(&self) -> Result<()> {
        self.links()?.into_iter().try_for_each(|attached| self.remove_link(attached))
    }

    /// Removes every link, then every table.
    pub fn clear(&self) -> Result<()> {
        self.remove_links()?;
        self.remove_files("egress")?;
        self.remove_files("maps")
    }

    fn remove_files(&self, kind: &str) -> Result<()> {
        let directory = self.directory.join(kind);
        for name in list(&directory)? {
            let path = directory.join(name);
            fs::remove_file(&path).with_context(|| format!("removing {}", path.display()))?;
        }
        Ok(())
    }

    /// Removes every pin and the directories. Returns whether there was any.
    pub fn remove(&self) -> Result<bool> {
        if !exists(&self.directory)? {
            return Ok(false);
        }
        self.clear()?;
        for kind in KINDS {
            remove_directory(&self.directory.join(kind))?;
        }
        remove_directory(&self.directory)?;
        if is_our_mount(&self.root) && self.others()?.is_empty() {
            umount2(&self.root, MntFlags::MNT_DETACH)
                .with_context(|| format!("unmounting {}", self.root.display()))?;
        }
        // The user's own directory stays if anything else lives in it.
        let _still_used = fs::remove_dir(&self.root);
        Ok(true)
    }

    /// Whether there are any, of whatever version.
    pub fn are_there(&self) -> Result<bool> {
        Ok(exists(&self.directory)? || !self.others()?.is_empty())
    }

    /// Pins of other versions of the layouts that are here.
    pub fn others(&self) -> Result<Vec<Self>> {
        let ours = self.version();
        let names = list(&self.root)?;
        let others = names.into_iter().filter(|name| version(name).is_some_and(|v| v != ours));
        let pins = |name| Self { root: self.root.clone(), directory: self.root.join(name) };
        Ok(others.map(pins).collect())
    }
}

fn version(name: &str) -> Option<u32> {
    name.strip_prefix('v')?.parse().ok()
}

fn make_directory(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("making the directory {}", path.display()))
}

fn remove_directory(path: &Path) -> Result<()> {
    match fs::remove_dir(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("removing {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn list(directory: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.with_context(|| format!("listing {}", directory.display()))?,
    };
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect::<io::Result<_>>()
        .with_context(|| format!("listing {}", directory.display()))
}

/// `ip netns exec` and containers hide `/sys/fs/bpf` behind a fresh sysfs, and some systems mount
/// none: a BPF file system is then mounted on the conventional place, or on the pin directory.
fn ensure_bpffs(pin_dir: &Path) -> Result<()> {
    let (target, source) = if pin_dir.starts_with(CONVENTIONAL) {
        (Path::new(CONVENTIONAL), "bpf")
    } else {
        make_directory(pin_dir)?;
        (pin_dir, OUR_MOUNT)
    };
    if !is_bpffs(target)? {
        tracing::warn!(
            "no BPF file system on {}: mounting one. It is gone, and the data plane with it, when \
             this mount namespace is: `ip netns exec` makes one for each command, `nsenter --net` \
             does not",
            target.display(),
        );
        mount(Some(source), target, Some("bpf"), MsFlags::empty(), Some("mode=0700"))
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
fn is_our_mount(pin_dir: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let pin_dir = pin_dir.to_string_lossy();
    mounts.lines().any(|line| {
        let mut words = line.split(' ');
        words.next() == Some(OUR_MOUNT) && words.next() == Some(&pin_dir)
    })
}

fn is_bpffs(path: &Path) -> Result<bool> {
    let stat = statfs(path).with_context(|| format!("looking at {}", path.display()))?;
    Ok(stat.filesystem_type() == BPF_FS_MAGIC)
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().with_context(|| format!("looking at {}", path.display()))
}

fn parse_link(name: &str) -> Option<Attached> {
    let (ifindex, mode) = name.split_once('-')?;
    let modes = [AttachedMode::Native, AttachedMode::Generic];
    let mode = modes.into_iter().find(|known| known.as_str() == mode)?;
    Some(Attached { mode, ifindex: ifindex.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_names_round_trip() {
        for mode in [AttachedMode::Native, AttachedMode::Generic] {
            let attached = Attached { mode, ifindex: 17 };
            let path = Pins::new(Path::new("/sys/fs/bpf/edge")).link(attached);
            let name = path.file_name().and_then(|name| name.to_str()).unwrap();
            assert_eq!(parse_link(name), Some(attached));
        }
        assert_eq!(parse_link("customer0"), None);
    }
}
