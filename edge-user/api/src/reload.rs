//! The answer to a reload.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The configuration was read again, and is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// The changes.
    pub difference: Difference,
    /// Warnings for an operator: ports that wait for their interface.
    pub warnings: Vec<String>,
}

/// The differences between two configurations. Each circuit and each port is in one list only.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    /// Names of new circuits.
    pub circuits_added: Vec<String>,
    /// Names of circuits that are gone.
    pub circuits_removed: Vec<String>,
    /// Circuits with the same service key and another name: the old name and the new one.
    pub circuits_renamed: Vec<(String, String)>,
    /// Circuits with another bandwidth: name, and bit/s before and after.
    pub bandwidths: Vec<(String, u64, u64)>,
    /// Names of circuits with any other change.
    pub circuits_changed: Vec<String>,
    /// Names of new ports.
    pub ports_added: Vec<String>,
    /// Names of ports that are gone.
    pub ports_removed: Vec<String>,
    /// Ports on another interface: name, and interfaces before and after.
    pub ports_moved: Vec<(String, String, String)>,
    /// Names of ports with any other change.
    pub ports_changed: Vec<String>,
    /// Names of other tables of the file that have changed, as the file spells them.
    pub tables_changed: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        let json = r#"{"difference":{"circuits_added":["a"],"circuits_removed":[],"circuits_renamed":[["b","c"]],"bandwidths":[["d",1000000,2000000]],"circuits_changed":[],"ports_added":[],"ports_removed":[],"ports_moved":[["p","eth1","eth9"]],"ports_changed":[],"tables_changed":["[edge]"]},"warnings":["port \"p\" waits"]}"#;
        let reloaded: Reloaded = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&reloaded).unwrap(), json);
    }
}
