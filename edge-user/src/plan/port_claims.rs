//! The tags that circuits claim on ports.

use super::member::{Member, members};
use crate::{
    config::{Config, SideTags},
    model::PeeringKind,
};

/// The tags of a peering, or of a link to a virtual network, on one port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortClaim {
    /// The circuit.
    pub circuit: String,
    /// The peering.
    pub peering: PeeringKind,
    /// The port.
    pub port: String,
    /// The tags.
    pub tags: SideTags,
}

/// All of them, in configuration order.
#[must_use]
pub fn port_claims(config: &Config) -> Vec<PortClaim> {
    let claims = members(config).filter(Member::has_tags).map(|member| PortClaim {
        circuit: member.circuit.name.clone(),
        peering: member.peering.kind,
        port: member.port.name.clone(),
        tags: member.tags(),
    });
    claims.collect()
}
