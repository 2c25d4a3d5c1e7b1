//! Where the data plane is pinned: tables and links outlive the daemon there.
//!
//! `PIN_DIR/vN/maps/NAME` and `PIN_DIR/vN/links/IFINDEX-MODE`, N being the version of the layouts.
//! A link is an interface's, whatever port the configuration makes of it.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, anyhow};
use aya::programs::links::PinnedLink;
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

/// The pins of an edge.
#[derive(Clone, Debug)]
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

    /// The links that there are.
    pub fn links(&self) -> Result<Vec<Attached>> {
        let names = list(&self.directory.join("links"))?;
        Ok(names.iter().filter_map(|name| parse_link(name)).collect())
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
        make_directory(&self.directory.join("maps"))?;
        make_directory(&self.directory.join("links"))
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

    /// Removes every link, then every table.
    pub fn clear(&self) -> Result<()> {
        for attached in self.links()? {
            self.remove_link(attached)?;
        }
        let maps = self.directory.join("maps");
        for name in list(&maps)? {
            let path = maps.join(name);
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
        for kind in ["links", "maps"] {
            remove_directory(&self.directory.join(kind))?;
        }
        remove_directory(&self.directory)?;
        if is_our_mount(&self.root) {
            umount2(&self.root, MntFlags::MNT_DETACH)
                .with_context(|| format!("unmounting {}", self.root.display()))?;
        }
        // The user's own directory stays if anything else lives in it.
        let _still_used = fs::remove_dir(&self.root);
        Ok(true)
    }

    /// [`Self::remove`], unless a daemon has them.
    pub fn remove_unused(&self) -> Result<bool> {
        if !exists(&self.directory)? {
            return Ok(false);
        }
        let _lock = self.lock()?;
        self.remove()
    }

    /// Versions of the layouts, other than ours, that have pins here.
    pub fn other_versions(&self) -> Result<Vec<String>> {
        let ours = self.directory.file_name().unwrap_or_default();
        let names = list(&self.root)?;
        let is_version =
            |name: &str| name.strip_prefix('v').is_some_and(|number| number.parse::<u32>().is_ok());
        Ok(names.into_iter().filter(|name| is_version(name) && name.as_str() != ours).collect())
    }
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
