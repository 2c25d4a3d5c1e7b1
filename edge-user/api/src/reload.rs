//! The answer to a reload.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::ConfigChanges;

/// The configuration was read again, and is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// The changes.
    pub changes: ConfigChanges,
    /// Warnings for an operator: ports that wait for their interface.
    pub warnings: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        let json = r#"{"changes":{"from":"aa","to":"bb","changes":[],"refused":null},"warnings":["port \"p\" waits"]}"#;
        let reloaded: Reloaded = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&reloaded).unwrap(), json);
    }
}
