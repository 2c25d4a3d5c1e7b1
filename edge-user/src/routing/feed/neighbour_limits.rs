//! The kernel's limits on its tables of neighbours.

use std::{fs, io, path::PathBuf};

use crate::{
    report::Told,
    routing::feed::error::{Context as _, FeedError, Result},
};

/// Limits of the two tables of neighbours, ARP's and IPv6's. Each table is one for all network namespaces, and its
/// limits are set in the initial one alone (`neigh_sysctl_register` in `net/core/neighbour.c`).
#[derive(Clone, Debug)]
pub struct NeighbourLimits {
    root: PathBuf,
}

/// A limit that was raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RaisedLimit {
    /// Its name, such as `net.ipv4.neigh.default.gc_thresh3`.
    pub name: String,
    /// The value before.
    pub from: u32,
    /// The value now.
    pub to: u32,
}

/// The limits, and how many times the number of neighbours that an edge keeps each has to be.
///
/// * At `gc_thresh3` the kernel refuses any other neighbour.
/// * From `gc_thresh2` on it throws out neighbours older than five seconds that no packet needs at the moment, managed
///   ones too (`neigh_alloc`, `neigh_forced_gc`).
/// * Up to `gc_thresh1` it throws out none.
const TIMES: [(&str, u32); 3] = [("gc_thresh3", 4), ("gc_thresh2", 3), ("gc_thresh1", 2)];

impl NeighbourLimits {
    /// The limits of this machine.
    #[must_use]
    pub fn of_this_machine() -> Self {
        Self { root: "/proc/sys/net".into() }
    }

    /// Raises the limits where they are below the needs of so many neighbours of each family, and tells which it
    /// raised. It lowers none.
    ///
    /// # Errors
    ///
    /// [`FeedError::NoNamespace`] in another than the initial network namespace, [`FeedError::Permission`] where
    /// `/proc/sys` can't be written. The limits before the failed one stay raised.
    pub fn raise(&self, neighbours: u32) -> Result<Vec<RaisedLimit>> {
        let mut raised = Vec::new();
        for family in ["ipv4", "ipv6"] {
            if family == "ipv6" && !self.root.join(family).exists() {
                // A kernel without IPv6 has no such neighbours.
                continue;
            }
            // From the highest on, so that they never stand in the wrong order.
            for (limit, times) in TIMES {
                raised.extend(self.raise_one(family, limit, neighbours.saturating_mul(times))?);
            }
        }
        Ok(raised)
    }

    fn raise_one(&self, family: &str, limit: &str, wanted: u32) -> Result<Option<RaisedLimit>> {
        // The kernel's number has a sign.
        let to = wanted.min(i32::MAX.unsigned_abs());
        let name = format!("net.{family}.neigh.default.{limit}");
        let path = self.root.join(family).join("neigh/default").join(limit);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(FeedError::NoNamespace(Told::bare(error).after(format!(
                    "{name} can be set in the initial network namespace alone, and this is another one: the kernel \
                     refuses neighbours when its table is full; there: sysctl -w {name}={to}"
                ))));
            }
            text => text.with_context(|| format!("reading {name}"))?,
        };
        let from = text
            .trim()
            .parse::<u32>()
            .ok()
            .with_context(|| format!("{name} is no number: {text:?}"))?;
        if from >= to {
            return Ok(None);
        }
        fs::write(&path, to.to_string()).with_context(|| {
            format!(
                "{name} is {from}, and the kernel refuses or throws out neighbours above it; raising it failed; as \
                 root: sysctl -w {name}={to}"
            )
        })?;
        Ok(Some(RaisedLimit { name, from, to }))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn tree(families: &[&str], values: [u32; 3]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for family in families {
            let folder = root.path().join(family).join("neigh/default");
            fs::create_dir_all(&folder).unwrap();
            for (number, value) in (1..).zip(values) {
                fs::write(folder.join(format!("gc_thresh{number}")), format!("{value}\n")).unwrap();
            }
        }
        root
    }

    fn values(root: &Path, family: &str) -> [u32; 3] {
        [1, 2, 3].map(|number| {
            let path = root.join(family).join(format!("neigh/default/gc_thresh{number}"));
            fs::read_to_string(path).unwrap().trim().parse().unwrap()
        })
    }

    fn limits(root: &tempfile::TempDir) -> NeighbourLimits {
        NeighbourLimits { root: root.path().to_owned() }
    }

    #[test]
    fn limits_are_raised_and_told_of() {
        let root = tree(&["ipv4", "ipv6"], [128, 512, 1024]);
        let raised = limits(&root).raise(1000).unwrap();
        assert_eq!(raised.len(), 6);
        let name = "net.ipv4.neigh.default.gc_thresh3".to_owned();
        assert_eq!(raised[0], RaisedLimit { name, from: 1024, to: 4000 });
        for family in ["ipv4", "ipv6"] {
            assert_eq!(values(root.path(), family), [2000, 3000, 4000]);
        }
        assert_eq!(limits(&root).raise(1000).unwrap(), [], "nothing is left to do");
    }

    #[test]
    fn no_limit_is_lowered() {
        let root = tree(&["ipv4", "ipv6"], [50, 9000, 10_000]);
        let raised = limits(&root).raise(100).unwrap();
        let names: Vec<_> = raised.iter().map(|it| (&*it.name, it.from, it.to)).collect();
        assert_eq!(
            names,
            [
                ("net.ipv4.neigh.default.gc_thresh1", 50, 200),
                ("net.ipv6.neigh.default.gc_thresh1", 50, 200)
            ]
        );
        assert_eq!(values(root.path(), "ipv6"), [200, 9000, 10_000]);
    }

    #[test]
    fn a_number_that_the_kernel_has_no_room_for_is_cut() {
        let root = tree(&["ipv4"], [1, 1, 1]);
        limits(&root).raise(u32::MAX).unwrap();
        assert_eq!(values(root.path(), "ipv4"), [i32::MAX.unsigned_abs(); 3]);
    }

    #[test]
    fn a_kernel_without_ipv6_has_half_of_them() {
        let root = tree(&["ipv4"], [128, 512, 1024]);
        assert_eq!(limits(&root).raise(1000).unwrap().len(), 3);
    }

    #[test]
    fn another_namespace_is_told_with_the_remedy() {
        let root = tempfile::tempdir().unwrap();
        let error = limits(&root).raise(1000).unwrap_err();
        assert!(matches!(error, FeedError::NoNamespace(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("sysctl -w net.ipv4.neigh.default.gc_thresh3=4000"), "{text}");
    }

    #[test]
    fn a_limit_that_is_no_number_is_an_error() {
        let root = tree(&["ipv4"], [128, 512, 1024]);
        fs::write(root.path().join("ipv4/neigh/default/gc_thresh2"), "many\n").unwrap();
        let error = limits(&root).raise(1000).unwrap_err();
        assert!(matches!(error, FeedError::Damaged(_)), "{error:?}");
        assert!(error.to_string().contains("gc_thresh2"), "{error}");
    }
}
