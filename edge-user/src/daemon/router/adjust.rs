//! The parts of a plan that depend on the machine: the MTUs of interfaces, and the version of BIRD.

use std::collections::BTreeMap;

use edge_common::abi::rewrite::Retag;

use super::MTU_BYTES;
use crate::{
    config::{Config, RoutingDaemon},
    daemon::{error::Result, ports::PortStates},
    kernel::host::interface::Interface,
    plan::{InterfacePlan, Plan},
    routing::bird::{model::session::listening_port, program::BirdProgram, version::BirdVersion},
};

/// The version of the BIRD that the configuration asks for; `None`: it asks for none.
///
/// # Errors
///
/// There is no BIRD, or none that edge can use.
pub(in crate::daemon) fn speaker_version(config: &Config) -> Result<Option<BirdVersion>> {
    match config.routing.as_ref().map(|routing| &routing.daemon) {
        Some(RoutingDaemon::Bird { command, .. }) => {
            Ok(Some(BirdProgram::find(command.as_deref())?.version))
        }
        Some(RoutingDaemon::None) | None => Ok(None),
    }
}

/// Sets the longest packets that leave by links, where the ports' interfaces are in the order of the plan's ports, and
/// the TCP ports that the speaker listens on.
pub(in crate::daemon) fn adjust(
    plan: &mut Plan,
    interfaces: &[Option<&Interface>],
    speaker: Option<BirdVersion>,
) -> Result<()> {
    if plan.interfaces.is_empty() {
        return Ok(());
    }
    let mut mtus_bytes = BTreeMap::new();
    for (port, interface) in plan.ports.iter().zip(interfaces) {
        if let Some(interface) = interface {
            mtus_bytes.insert(port.index, interface.mtu_bytes()?);
        }
    }
    for interface in &mut plan.interfaces {
        if let Some(mtu_bytes) = mtus_bytes.get(&interface.value.egress) {
            interface.set_mtu(longest_bytes(interface, *mtu_bytes));
        }
        interface.listen(speaker.map_or(0, |version| listening_port(interface.index, version)));
    }
    Ok(())
}

/// Whether the interface of a port has another MTU than the plan has made links of.
pub(in crate::daemon) fn has_other_mtus(plan: &Plan, states: &PortStates) -> bool {
    plan.interfaces.iter().any(|interface| {
        let port = plan.ports.iter().find(|port| port.index == interface.value.egress);
        let device = port.and_then(|port| states.get(&port.name)?.device.as_ref());
        device.is_some_and(|device| {
            let longest_bytes = longest_bytes(interface, device.mtu_bytes);
            interface.next_hops.iter().any(|next_hop| next_hop.mtu_bytes != longest_bytes)
        })
    })
}

/// The longest packet that leaves by a link on an interface with this MTU.
fn longest_bytes(interface: &InterfacePlan, mtu_bytes: u32) -> u32 {
    // An interface takes frames with one tag and a packet as long as its MTU.
    let tags = Retag::from_bits(interface.value.retag).tags();
    mtu_bytes.saturating_sub(4 * tags.saturating_sub(1)).min(MTU_BYTES)
}
