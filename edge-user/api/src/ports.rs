//! The ports of an edge by themselves.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PortStatus;

/// The ports of an edge.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ports {
    /// In configuration order.
    pub ports: Vec<PortStatus>,
}
