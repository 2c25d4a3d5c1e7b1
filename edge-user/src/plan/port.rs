//! Ports, planned.

use std::collections::BTreeMap;

use edge_common::{abi::port::Features, reason::UnmatchedPolicy};

use super::{member::members, service_network, slots::SlotClaim};
use crate::{
    config::{Config, Forward, Port},
    model::{Link, Side, XdpMode},
};

/// A port, planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortPlan {
    /// Index in the port tables.
    pub index: u32,
    /// Whether the index was another port's before, or unused.
    pub is_new: bool,
    /// The port's name.
    pub name: String,
    /// The interface's name.
    pub interface: String,
    /// The port it forwards to; `None`: the stack.
    pub egress: Option<u32>,
    /// Accepted outer TPIDs; 0: none.
    pub tpids: [u16; edge_common::abi::port::MAX_TPIDS],
    /// The verdict on frames of no circuit.
    pub unmatched: UnmatchedPolicy,
    /// Features that its circuits use beyond the plain path.
    pub features: Features,
    /// The mode in which the program is to be attached.
    pub xdp_mode: XdpMode,
    /// Customer or core.
    pub side: Side,
    /// Primary or secondary.
    pub link: Link,
}

/// The plan of a port. `claims` are the indices of all ports.
pub(super) fn plan_port(
    config: &Config,
    port: &Port,
    claims: &BTreeMap<String, SlotClaim>,
) -> PortPlan {
    let mut tpids = [0; edge_common::abi::port::MAX_TPIDS];
    for (place, tpid) in tpids.iter_mut().zip(&port.tpids) {
        *place = *tpid;
    }
    PortPlan {
        index: claims[&port.name].index,
        is_new: claims[&port.name].is_new,
        name: port.name.clone(),
        interface: port.interface.clone(),
        egress: match &port.forward {
            Forward::Stack => None,
            Forward::Port(name) => Some(claims[name].index),
        },
        tpids,
        unmatched: config.edge.unmatched,
        features: members(config)
            .filter(|member| member.port.name == port.name)
            .fold(service_network::features(config, port), |features, member| {
                features.with(member.features())
            }),
        xdp_mode: port.xdp_mode,
        side: port.side,
        link: port.link,
    }
}
