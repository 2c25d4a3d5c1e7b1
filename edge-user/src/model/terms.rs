//! The terms of sale of a circuit.

use serde::{Deserialize, Serialize};

use super::offer::{Billing, Sku};

/// The terms of sale of a circuit, from some moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The edge's name.
    pub edge: String,
    /// The circuit's name.
    pub circuit: String,
    /// The provider's key for it.
    pub service_key: Option<String>,
    /// Purchased bandwidth in bit/s.
    pub bandwidth_bps: u64,
    /// Whether outbound traffic is billed.
    pub billing: Billing,
    /// The offer.
    pub sku: Sku,
    /// The price zone.
    pub zone: Option<String>,
}
