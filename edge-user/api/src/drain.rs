//! Links that are taken out of use for planned work.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The use of a circuit's link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LinkUse {
    /// In use, as the configuration has it.
    InUse,
    /// Its sessions are up and ask for traffic to leave (RFC 8326); the edge sends by it only where there is no other way.
    Draining,
    /// Its sessions are shut down, and no route leads to it.
    Drained,
}

/// A request to change the use of a circuit's links.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DrainRequest {
    /// `primary` or `secondary`; null: all links of the circuit.
    #[serde(default)]
    pub link: Option<String>,
    /// The use from now on. It holds over reloads and starts, until another request.
    #[serde(rename = "use")]
    pub link_use: LinkUse,
    /// Whether a circuit may be left without a link in use.
    #[serde(default)]
    pub force: bool,
    /// The reason, for those who look later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// A link that is not in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinkOutOfUse {
    /// The circuit's name.
    pub circuit: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// Draining or drained.
    #[serde(rename = "use")]
    pub link_use: LinkUse,
    /// The time of the request that began it.
    pub since: Timestamp,
    /// The user who asked for it, where that is known.
    pub user: Option<String>,
    /// The user's reason.
    pub message: Option<String>,
}

/// The links of a circuit that are not in use, after a change that is in effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LinksOutOfUse {
    /// The links.
    pub links: Vec<LinkOutOfUse>,
}

impl LinkUse {
    /// Its spelling in documents.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InUse => "in-use",
            Self::Draining => "draining",
            Self::Drained => "drained",
        }
    }
}
