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
    /// Conditions under which the port loses frames of some kind, or at some times, a sentence each: more
    /// bandwidth is sold on it than its interface carries, or the port that it forwards to has too small an MTU.
    #[serde(default)]
    pub warnings: Vec<String>,
    /// Whether the interface is administratively up (`ip link set … up`); null: there is none.
    #[serde(default)]
    pub is_up: Option<bool>,
    /// Whether the interface is up and has a carrier; null: there is none.
    #[serde(default)]
    pub carrier: Option<bool>,
    /// Times that the interface has got or lost its carrier, since it was made.
    #[serde(default)]
    pub carrier_changes: Option<u64>,
    /// The link's speed in bit/s, as the driver tells it: a veth pair, which has none, tells 10 Gbps. Null: the
    /// driver tells none, as without a carrier.
    #[serde(default)]
    pub speed_bps: Option<u64>,
    /// Sum of the bandwidths, in bit/s, of the enabled circuits whose frames come in or leave by the port. A circuit
    /// counts once, however many peerings and links it has there. Routed peerings count on the ports of their
    /// links, and virtual networks on the core port that they are behind.
    #[serde(default)]
    pub sold_bps: u64,
    /// The interface's MTU.
    #[serde(default)]
    pub mtu_bytes: Option<u64>,
    /// The name of the interface's driver, if it gives one.
    #[serde(default)]
    pub driver: Option<String>,
    /// Queues in use for receiving.
    #[serde(default)]
    pub rx_queues: Option<u64>,
    /// Queues in use for sending.
    #[serde(default)]
    pub tx_queues: Option<u64>,
    /// Frames received.
    pub rx_frames: u64,
    /// Their bytes.
    pub rx_bytes: u64,
    /// Frames received, by the reason why their path ended. Reasons without a frame are left out.
    pub reasons: BTreeMap<String, u64>,
}

impl PortStatus {
    /// Whether frames pass by the port: its program runs, on an interface that is up and has a carrier.
    #[must_use]
    pub fn passes_frames(&self) -> bool {
        self.xdp_mode != "none" && self.is_up != Some(false) && self.carrier != Some(false)
    }
}
