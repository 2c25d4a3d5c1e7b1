//! The status of a circuit, its peerings and their classes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::PolicerStatus;

/// The state of a circuit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CircuitStatus {
    /// Its name.
    pub name: String,
    /// Its purchased bandwidth in bit/s.
    pub bandwidth_bps: u64,
    /// Whether the circuit is enabled. Frames of a disabled circuit are dropped.
    pub enabled: bool,
    /// The progress of its provider: `NotProvisioned`, `Provisioning` or `Provisioned`. It has peerings when it is provisioned.
    #[serde(default)]
    pub provisioning: String,
    /// Its peerings, on each of its ports.
    pub peerings: Vec<PeeringStatus>,
    /// Its buckets.
    pub policers: Vec<PolicerStatus>,
}

/// A peering of a circuit on a port.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PeeringStatus {
    /// `private`, `public` or `microsoft`.
    pub kind: String,
    /// The port's name.
    pub port: String,
    /// The port's link.
    pub link: String,
    /// `inbound` or `outbound`.
    pub direction: String,
    /// Counters of all classes together.
    #[serde(flatten)]
    pub total: Counters,
    /// Dropped frames of this peering by reason.
    pub drops: BTreeMap<String, Dropped>,
    /// Counters by class.
    pub classes: Vec<ClassStatus>,
}

/// Frames dropped for one reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Dropped {
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// A class of a peering.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClassStatus {
    /// Its name.
    pub class: String,
    /// Its counters.
    #[serde(flatten)]
    pub counters: Counters,
}

/// Frames and bytes that left, were dropped above the rate, or were refused by the egress device.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Counters {
    /// Frames that left.
    pub forwarded_frames: u64,
    /// Their bytes.
    pub forwarded_bytes: u64,
    /// Frames above the rate.
    pub dropped_frames: u64,
    /// Their bytes.
    pub dropped_bytes: u64,
    /// Frames within the rate that the egress device refused.
    pub refused_frames: u64,
    /// Their bytes.
    pub refused_bytes: u64,
}
