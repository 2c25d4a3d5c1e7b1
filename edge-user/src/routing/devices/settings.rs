//! The settings of a routing namespace.

use std::path::PathBuf;

use crate::routing::devices::error::{DevicesError, Result};

/// Where ip-netns(8) has named namespaces.
pub(super) const DIRECTORY: &str = "/run/netns";
/// The longest name of an interface (`IFNAMSIZ` of linux/if.h, without the terminating zero).
const LONGEST_INTERFACE_NAME: usize = 15;
const LONGEST_FILE_NAME: usize = 255;

/// A routing namespace as the configuration has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingSettings {
    name: String,
    outer: String,
    edge: u8,
    mtu_bytes: u32,
}

impl RoutingSettings {
    /// The namespace `name`, as `ip netns` has it, with the interface `outer` in edge's own namespace
    /// that leads there. `edge` is the number in [`RouterMac`](super::RouterMac), and `mtu_bytes` the
    /// most that any device may have.
    ///
    /// # Errors
    ///
    /// [`DevicesError::Invalid`]: a namespace or an interface can't have that name.
    pub fn new(name: &str, outer: &str, edge: u8, mtu_bytes: u32) -> Result<Self> {
        let is_name = |name: &str, longest| {
            !name.is_empty()
                && name.len() <= longest
                && ![".", ".."].contains(&name)
                && !name.contains('/')
                && !name.contains(|other: char| other.is_whitespace() || other.is_control())
        };
        if !is_name(name, LONGEST_FILE_NAME) {
            return Err(DevicesError::invalid(format!("no namespace can be called {name:?}")));
        }
        if !is_name(outer, LONGEST_INTERFACE_NAME) || outer.contains(':') {
            return Err(DevicesError::invalid(format!("no interface can be called {outer:?}")));
        }
        Ok(Self { name: name.to_owned(), outer: outer.to_owned(), edge, mtu_bytes })
    }

    /// The namespace's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file by which programs enter the namespace.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        PathBuf::from(DIRECTORY).join(&self.name)
    }

    /// The interface in edge's own namespace that leads there.
    #[must_use]
    pub fn outer(&self) -> &str {
        &self.outer
    }

    /// The number of the edge.
    #[must_use]
    pub fn edge(&self) -> u8 {
        self.edge
    }

    /// The largest MTU of any device.
    #[must_use]
    pub fn mtu_bytes(&self) -> u32 {
        self.mtu_bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_can_not_be_are_refused() {
        let settings = RoutingSettings::new("edge-routing", "pe", 1, 1500).expect("names");
        assert_eq!(settings.path(), PathBuf::from("/run/netns/edge-routing"));
        for name in ["", ".", "..", "a/b", "a b", &"n".repeat(256)] {
            let error = RoutingSettings::new(name, "pe", 1, 1500).expect_err("a refusal");
            assert!(error.to_string().starts_with("no namespace can be called"), "{error}");
        }
        for outer in ["", "..", "a/b", "a b", "a:b", "sixteen-letters-"] {
            let error = RoutingSettings::new("n", outer, 1, 1500).expect_err("a refusal");
            assert!(error.to_string().starts_with("no interface can be called"), "{error}");
        }
    }
}
