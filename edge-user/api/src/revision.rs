//! The configurations that an edge has had.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The revisions of an edge's configuration that are kept, the newest first. `edge history --json` prints this document.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct History {
    /// The revisions.
    pub revisions: Vec<Revision>,
}

/// A configuration that has taken effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Revision {
    /// Its number, from 1 on. A number is given once.
    pub revision: u64,
    /// The time when it took effect.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The way it came.
    pub by: RevisionOrigin,
    /// The user who asked for it, by the login, where that is known; null: nobody did, or nobody can tell.
    pub user: Option<String>,
    /// The user's message.
    pub message: Option<String>,
    /// Digest of the configuration. Two files that mean the same have the same.
    pub digest: String,
    /// Numbers of things that were added, renamed, changed and removed, in words.
    pub summary: String,
    /// The moment since which circuits are sold at other terms by it; null: at the same ones, or a version kept it that
    /// did not note this.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub terms_at: Option<Timestamp>,
}

/// Ways in which a configuration takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RevisionOrigin {
    /// A daemon was started with it.
    Start,
    /// `edge reload`, or SIGHUP.
    Reload,
    /// `edge apply`.
    Apply,
    /// `edge rollback`.
    Rollback,
    /// `edge set-bandwidth`.
    SetBandwidth,
    /// The deadline of a change that nobody has confirmed, which the daemon has taken back.
    Deadline,
}

/// A change was confirmed, and stays.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Confirmed {
    /// Digest of the configuration that runs.
    pub digest: String,
}

/// The revision to go back to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RollbackRequest {
    /// Its number; null: the one before the newest.
    #[serde(default)]
    pub revision: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_is_pinned() {
        let json = r#"{"revisions":[{"revision":2,"at":"2026-01-01T00:00:00Z","by":"set-bandwidth","user":"anna","message":null,"digest":"aa","summary":"1 changed","terms_at":"2026-01-01T00:00:00Z"}]}"#;
        let history: History = serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&history).unwrap(), json);
        // As an earlier version has kept it.
        let before = json.replace(",\"terms_at\":\"2026-01-01T00:00:00Z\"", "");
        let history: History = serde_json::from_str(&before).unwrap();
        assert_eq!(history.revisions[0].terms_at, None);
        let request: RollbackRequest = serde_json::from_str("{}").unwrap();
        assert_eq!(request.revision, None);
    }
}
