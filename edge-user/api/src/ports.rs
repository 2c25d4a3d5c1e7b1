//! The document with the ports of an edge alone.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PortStatus;

/// The ports of an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ports {
    /// The ports, in configuration order.
    pub ports: Vec<PortStatus>,
}
