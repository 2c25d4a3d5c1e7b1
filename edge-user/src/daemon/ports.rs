//! Whether each port's program runs where it should: asked of the kernel, not remembered.

use std::collections::BTreeMap;

use anyhow::Result;

use super::install::{Installed, Set};
use crate::{
    config::{Config, Port},
    dataplane::{AttachedMode, Place, PortLink, device::Devices},
};

/// A port, as the kernel has it at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PortState {
    /// The mode that its program runs in; `None`: it runs nowhere.
    pub(super) mode: Option<AttachedMode>,
    /// The fault that it has, in words.
    pub(super) fault: Option<String>,
    /// The port has an interface, or another one than before, and could be attached to it.
    pub(super) can_be_attached: bool,
}

/// Looks at each port of `config`, by name.
pub(super) fn look(
    config: &Config,
    installed: &Installed,
    devices: &Devices,
) -> Result<BTreeMap<String, PortState>> {
    let states = config.ports.iter().map(|port| {
        let link = installed.attached.get(&port.name);
        Ok((port.name.clone(), state(port, link, devices)?))
    });
    states.collect()
}

fn state(port: &Port, link: Option<&PortLink>, devices: &Devices) -> Result<PortState> {
    let interface = &port.interface;
    if let Some(PortLink { place: Place::Here(ifindex), program_id, name, .. }) = link
        && let Some(device) = devices.by_index(*ifindex)?
    {
        if device.runs(*program_id) {
            let fault = (!device.is_called(interface)).then(|| {
                format!("{interface} is called {} now; the port stays with it", device.name)
            });
            return Ok(PortState { mode: Some(name.mode), fault, can_be_attached: false });
        }
        if device.is_called(interface) {
            let fault = format!("the program was taken off {interface}");
            return Ok(PortState { mode: None, fault: Some(fault), can_be_attached: true });
        }
    }
    let is_there = devices.by_name(interface)?.is_some();
    let fault = match (is_there, link) {
        (false, _) => format!("there is no interface {interface}"),
        (true, Some(_)) => format!("{interface} is another interface now"),
        (true, None) => format!("no program is attached to {interface}"),
    };
    Ok(PortState { mode: None, fault: Some(fault), can_be_attached: is_there })
}

/// Has frames that are forwarded to a port leave by its interface again: the kernel forgets that
/// where an interface goes to another network namespace, from which it may come back with its
/// program.
pub(super) fn restore_egress(set: &mut Set, installed: &Installed) {
    for port in &installed.plan.ports {
        let link = installed.attached.get(&port.name);
        if let Some(PortLink { place: Place::Here(ifindex), .. }) = link
            && !set.tables.has_egress(port.index, *ifindex)
            && let Err(error) = set.tables.set_egress(port.index, *ifindex)
        {
            tracing::debug!("port \"{}\": {error:#}", port.name);
        }
    }
}

/// Ports whose fault is another one than that which was told before are told of, once.
#[derive(Default)]
pub(super) struct Told(BTreeMap<String, String>);

impl Told {
    /// Tells of what has changed.
    pub(super) fn tell(&mut self, states: &BTreeMap<String, PortState>) {
        for (port, state) in states {
            match (&state.fault, self.0.get(port)) {
                (Some(fault), Some(told)) if fault == told => {}
                (Some(fault), _) => {
                    tracing::error!("port \"{port}\": {fault}");
                    self.0.insert(port.clone(), fault.clone());
                }
                (None, Some(_)) => {
                    tracing::info!("port \"{port}\": its program runs again");
                    self.0.remove(port);
                }
                (None, None) => {}
            }
        }
        self.0.retain(|port, _| states.contains_key(port));
    }
}
