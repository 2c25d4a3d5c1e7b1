//! Where the data plane is pinned: tables and links outlive the daemon there.
//!
//! A set of tables has a directory `PIN_DIR/vN` or `PIN_DIR/vN-G`: N is the version of the layouts,
//! G tells sets of one version apart, as larger tables, or tables for ports that have become other
//! ones, are made beside those in use. In it are `maps/NAME`, `links/NUMBER-MODE`, with the kernel's
//! number of the link, and `egress/PROGRAM`. The name of a link says nothing of its interface: that
//! is asked of the kernel.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use aya::programs::links::{FdLink, PinnedLink};
use edge_common::abi::{
    self,
    maps::{SHARED_MAPS, SharedMap},
};
use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MntFlags, umount2},
};

use crate::kernel::{
    error::{Context as _, KernelError, Result},
    host::{
        attached_mode::AttachedMode,
        bpffs::{ensure_bpffs, is_our_mount, list, make_directory, remove_directory},
    },
    object::link_name::LinkName,
};

/// Directories of pins.
const KINDS: [&str; 3] = ["links", "egress", "maps"];

/// The pins of a set of tables.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pins {
    root: PathBuf,
    directory: PathBuf,
    version: u32,
    number: u32,
}

impl Pins {
    /// Those of the first set of this version under `pin_dir`, present or not.
    #[must_use]
    pub fn new(pin_dir: &Path) -> Self {
        Self::numbered(pin_dir, abi::VERSION, 0)
    }

    fn numbered(root: &Path, version: u32, number: u32) -> Self {
        let name = match number {
            0 => format!("v{version}"),
            number => format!("v{version}-{number}"),
        };
        Self { root: root.to_owned(), directory: root.join(name), version, number }
    }

    /// Every set under `pin_dir`, oldest first among those of a version.
    pub fn all(pin_dir: &Path) -> Result<Vec<Self>> {
        let names = list(pin_dir)?;
        let numbers = names.iter().filter_map(|name| set_numbers(name));
        let mut all: Vec<Self> =
            numbers.map(|(version, number)| Self::numbered(pin_dir, version, number)).collect();
        all.sort_by_key(|pins| (pins.version, pins.number));
        Ok(all)
    }

    /// Those of a set of this version that nobody has: after all that are there, and after `before`,
    /// which somebody may have removed while it was in use.
    pub fn next(before: &Self) -> Result<Self> {
        let all = Self::all(&before.root)?;
        let ours = all.iter().chain([before]).filter(|pins| pins.version == abi::VERSION);
        let number = ours.map(|pins| pins.number + 1).max().unwrap_or(0);
        Ok(Self::numbered(&before.root, abi::VERSION, number))
    }

    /// The first set of this version that nobody has under `pin_dir`.
    pub fn first(pin_dir: &Path) -> Result<Self> {
        let all = Self::all(pin_dir)?;
        let last = all.into_iter().rfind(|pins| pins.version == abi::VERSION);
        last.map_or_else(|| Ok(Self::new(pin_dir)), |last| Self::next(&last))
    }

    /// Where the sets' directories are.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where this set's pins are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The version of the layouts.
    #[must_use]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Path of the map `name`.
    #[must_use]
    pub fn map(&self, name: &str) -> PathBuf {
        self.directory.join("maps").join(name)
    }

    /// Path of a link.
    #[must_use]
    pub fn link(&self, name: LinkName) -> PathBuf {
        self.directory.join("links").join(name.to_string())
    }

    /// Path of the link of a program that looks at what becomes of forwarded frames.
    #[must_use]
    pub fn egress(&self, program: &str) -> PathBuf {
        self.directory.join("egress").join(program)
    }

    /// The links that there are.
    pub fn links(&self) -> Result<Vec<LinkName>> {
        let names = list(&self.directory.join("links"))?;
        Ok(names.iter().filter_map(|name| LinkName::parse(name)).collect())
    }

    /// Pins a link here, if it is not yet.
    pub fn pin_link(&self, link: FdLink, mode: AttachedMode) -> Result<LinkName> {
        Ok(self.pin_open_link(link, mode)?.0)
    }

    /// The same of one that stays open.
    pub fn pin_open_link(&self, link: FdLink, mode: AttachedMode) -> Result<(LinkName, FdLink)> {
        let number = link.info().context("asking for a link's number")?.id();
        let name = LinkName { number, mode };
        let path = self.link(name);
        // A process that was killed before it removed another pin has pinned the link here already.
        if exists(&path)? {
            return Ok((name, link));
        }
        let pinned = link.pin(&path).with_context(|| format!("pinning {}", path.display()))?;
        Ok((name, FdLink::from(pinned)))
    }

    /// Removes a link. No frame passes its program after that.
    pub fn remove_link(&self, name: LinkName) -> Result<()> {
        let path = self.link(name);
        // The kernel detaches in its own time when a file held the last reference to a link, and
        // at once when a descriptor did (`bpf_link_put_direct`).
        let link =
            PinnedLink::from_pin(&path).with_context(|| format!("opening {}", path.display()))?;
        drop(link.unpin().with_context(|| format!("removing {}", path.display()))?);
        Ok(())
    }

    /// Whether all tables are there.
    pub fn has_tables(&self) -> Result<bool> {
        for SharedMap { name, .. } in SHARED_MAPS {
            if !exists(&self.map(name))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Makes the directories.
    pub fn create(&self) -> Result<()> {
        for kind in KINDS {
            make_directory(&self.directory.join(kind))?;
        }
        Ok(())
    }

    /// Removes every link to an interface: no frame comes in any more.
    pub fn remove_links(&self) -> Result<()> {
        self.links()?.into_iter().try_for_each(|name| self.remove_link(name))
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

    /// Whether there are any, of whatever set.
    pub fn are_there(&self) -> Result<bool> {
        Ok(!Self::all(&self.root)?.is_empty())
    }

    /// Those of every other set.
    pub fn others(&self) -> Result<Vec<Self>> {
        let mut all = Self::all(&self.root)?;
        all.retain(|pins| pins != self);
        Ok(all)
    }
}

/// Makes `pin_dir`, on a BPF file system, which is mounted where there is none.
pub fn make_root(pin_dir: &Path) -> Result<()> {
    ensure_bpffs(pin_dir)
}

/// Whether `pin_dir` is a BPF file system that edge has mounted there, for itself alone.
pub fn is_own_mount(pin_dir: &Path) -> bool {
    is_our_mount(pin_dir)
}

/// Holds the pins of every set in `pin_dir` for this process alone, until the guard is dropped.
pub fn lock(pin_dir: &Path) -> Result<Flock<File>> {
    let directory =
        File::open(pin_dir).with_context(|| format!("opening {}", pin_dir.display()))?;
    Flock::lock(directory, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| {
        if errno == Errno::EWOULDBLOCK {
            KernelError::busy(format!(
                "an edge daemon is running on the data plane in {}; stop it first, or use \
                     another `pin_dir`",
                pin_dir.display(),
            ))
        } else {
            KernelError::from(errno).after(format!("locking {}", pin_dir.display()))
        }
    })
}

/// Version and number of a set, from the name of its directory.
fn set_numbers(name: &str) -> Option<(u32, u32)> {
    let numbers = name.strip_prefix('v')?;
    let (version, number) = numbers.split_once('-').unwrap_or((numbers, "0"));
    let (version, number) = (version.parse().ok()?, number.parse().ok()?);
    (Pins::numbered(Path::new(""), version, number).directory == Path::new(name))
        .then_some((version, number))
}

fn exists(path: &Path) -> Result<bool> {
    path.try_exists().with_context(|| format!("looking at {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_sets_round_trip() {
        for (name, numbers) in [
            ("v4", Some((4, 0))),
            ("v4-1", Some((4, 1))),
            ("v1004-17", Some((1004, 17))),
            ("v4-0", None),
            ("v04", None),
            ("v4-01", None),
            ("v", None),
            ("maps", None),
        ] {
            assert_eq!(set_numbers(name), numbers, "{name}");
        }
    }
}
