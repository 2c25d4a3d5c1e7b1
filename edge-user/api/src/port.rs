//! The status of a port.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A port: an interface that frames are received on and sent by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortStatus {
    /// Its name.
    pub name: String,
    /// The present name of the port's interface, or the configuration's, if there is none.
    pub interface: String,
    /// `customer` or `core`.
    pub side: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// The mode of the port's program: `native`, `generic`, or `none` where it doesn't run.
    pub xdp_mode: String,
    /// A fault that keeps frames from the port, or the new name of a renamed interface.
    #[serde(default)]
    pub fault: Option<String>,
    /// Frames received.
    pub rx_frames: u64,
    /// Their bytes.
    pub rx_bytes: u64,
    /// Frames received, by the reason why their path ended. Reasons without a frame are left out.
    pub reasons: BTreeMap<String, u64>,
}
