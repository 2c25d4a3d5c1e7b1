//! The status of a port.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A port: an interface that frames are received on and sent by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PortStatus {
    /// Its name.
    pub name: String,
    /// The name that its interface has now; that of the configuration, if it has none.
    pub interface: String,
    /// `customer` or `core`.
    pub side: String,
    /// `primary` or `secondary`.
    pub link: String,
    /// `native` or `generic`, as the kernel has it at the moment; `none`: no program runs there.
    pub xdp_mode: String,
    /// The fault that keeps frames from it, or another name that its interface has now, if any.
    #[serde(default)]
    pub fault: Option<String>,
    /// Frames received.
    pub rx_frames: u64,
    /// Their bytes.
    pub rx_bytes: u64,
    /// Frames received by reason, those that occurred.
    pub reasons: BTreeMap<String, u64>,
}
