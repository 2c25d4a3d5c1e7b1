//! Whether each port's program runs where it should: asked of the kernel, not remembered.

use std::collections::BTreeMap;

use super::{
    install::{Installed, Set},
    interfaces::{Assigned, InterfaceChoice, SeenInterface, assign},
};
use crate::{
    config::Config,
    daemon::error::Result,
    kernel::{
        AttachedMode, LinkPlace, PortLink,
        host::{
            device::{Device, Devices},
            link_settings::LinkSettings,
        },
    },
};

/// A port, as the kernel has it at the moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PortState {
    /// The name that its interface has now; that of the configuration, if it has none.
    pub(super) interface: String,
    /// The mode that its program runs in; `None`: it runs nowhere.
    pub(super) mode: Option<AttachedMode>,
    /// Whether frames come in and go out by its interface, as far as that knows.
    pub(super) has_carrier: bool,
    /// Its interface; `None`: there is none.
    pub(super) device: Option<Device>,
    /// Settings of the interface, as they were when it was last asked for them; `None`: it was not yet.
    pub(super) settings: Option<LinkSettings>,
    /// Bandwidth that is sold on it, in bit/s.
    pub(super) sold_bps: u64,
    /// Conditions under which it loses frames of some kind, or at some times, in words.
    pub(super) warnings: Vec<String>,
    /// The fault that it has, in words.
    pub(super) fault: Option<String>,
    /// The interface that its program could be attached to, where it does not run.
    pub(super) to_attach: Option<Device>,
}

/// Ports by their names.
pub(super) type PortStates = BTreeMap<String, PortState>;

/// Looks at each port of `config`.
pub(super) fn look(
    config: &Config,
    installed: &Installed,
    set: &Set,
    devices: &Devices,
) -> Result<PortStates> {
    let (mut links, mut ports) = (Vec::new(), Vec::new());
    for port in &config.ports {
        let link = installed.attached.get(&port.name);
        let now = link.map(|link| link.now(devices)).transpose()?.flatten();
        let index = installed.plan.port(&port.name).map(|port| port.index);
        // Its own program, wherever the link is now.
        let own = link
            .zip(now.as_ref())
            .map(|(link, now)| PortLink { program_id: link.program_id, ..now.clone() });
        ports.push((
            port,
            SeenInterface::look(port, index, own.as_ref().or(link), &set.tables, devices)?,
        ));
        links.push(match (link, now) {
            (None, _) => LinkSeen::None,
            (Some(link), Some(now)) if now.program_id != link.program_id => LinkSeen::Replaced,
            (Some(_), _) => LinkSeen::Own,
        });
    }
    let assigned = assign(&ports, InterfaceChoice::AsItIs)?;
    let states = ports.iter().zip(links).zip(assigned).map(|(((port, seen), link), assigned)| {
        (port.name.clone(), state(&port.interface, seen, link, assigned))
    });
    Ok(states.collect())
}

/// The link that was attached for a port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinkSeen {
    /// There was none.
    None,
    /// It has, or had, the port's program.
    Own,
    /// It has another program.
    Replaced,
}

fn state(interface: &str, seen: &SeenInterface, link: LinkSeen, assigned: Assigned) -> PortState {
    if let (Some(own), Some(mode)) = (&seen.own, seen.mode) {
        let name = if own.is_called(interface) { interface } else { &own.name };
        return PortState {
            interface: name.to_owned(),
            mode: Some(mode),
            has_carrier: own.is_up && own.has_carrier,
            device: Some(own.clone()),
            fault: fault_of_running(interface, own, seen.named.as_ref()),
            ..PortState::default()
        };
    }
    let (fault, to_attach) = match assigned {
        Assigned::Device(device) => {
            let name = &device.name;
            let fault = if link == LinkSeen::None {
                format!("no program is attached to {name}")
            } else if link == LinkSeen::Replaced {
                format!("somebody has put another program in the place of the port's on {name}")
            } else if seen.own.as_ref() == Some(&device) {
                format!("somebody has taken the program off {name}")
            } else {
                format!("{interface} is another interface than before")
            };
            (fault, Some(device))
        }
        Assigned::TakenBy(other) => {
            (format!("the interface that is called {interface} now is port \"{other}\"'s"), None)
        }
        Assigned::Gone => {
            let fault = format!(
                "there is no interface {interface} in this network namespace, so no frame passes; \
                 the port is attached when there is one again"
            );
            (fault, None)
        }
    };
    let name = to_attach.as_ref().filter(|device| !device.is_called(interface));
    let name = name.map_or(interface, |device| &device.name).to_owned();
    let device = to_attach.clone();
    PortState { interface: name, device, fault: Some(fault), to_attach, ..PortState::default() }
}

fn fault_of_running(interface: &str, own: &Device, named: Option<&Device>) -> Option<String> {
    let name = &own.name;
    let silent = if !own.is_up {
        Some(format!("{name} is down, so no frame passes; `ip link set {name} up`"))
    } else if !own.has_carrier {
        Some(format!(
            "{name} has no carrier, so no frame passes; look at its cable, its transceiver and the \
             other end"
        ))
    } else {
        None
    };
    let renamed = (!own.is_called(interface)).then(|| match named {
        None => format!("{interface} is called {name} now, and stays the port's interface"),
        Some(_) => format!(
            "{interface} is called {name} now, and stays the port's interface until a reload: then \
             the one that has its name now is"
        ),
    });
    match (silent, renamed) {
        (Some(silent), Some(renamed)) => Some(format!("{silent}; {renamed}")),
        (one, other) => one.or(other),
    }
}

/// Follows the ports' links: to another index of their interface; back to where they were pinned; and
/// an interface in another network namespace is no port any more, so that its program is taken off.
pub(super) fn follow_links(installed: &mut Installed, devices: &Devices) -> Result<()> {
    let mut elsewhere = Vec::new();
    for (port, link) in &mut installed.attached {
        match link.now(devices)? {
            Some(PortLink { place: LinkPlace::Elsewhere, .. }) => elsewhere.push(port.clone()),
            Some(now) => link.place = now.place,
            None if link.pin_again()? => tracing::warn!(
                edge.port = port,
                "port \"{port}\": somebody has removed {}: pinned again",
                link.pins.link(link.name).display()
            ),
            None => {}
        }
    }
    for port in elsewhere {
        if let Some(link) = installed.attached.remove(&port) {
            link.remove()?;
            tracing::warn!(
                edge.port = port,
                "port \"{port}\": its interface is in another network namespace now, and its \
                 program was taken off"
            );
        }
    }
    Ok(())
}

/// Has frames that are forwarded to a port leave by its interface again: the kernel forgets that
/// where an interface goes to another network namespace, from which it may come back with its
/// program.
pub(super) fn restore_egress(set: &mut Set, installed: &Installed) {
    for port in &installed.plan.ports {
        let link = installed.attached.get(&port.name);
        if let Some(PortLink { place: LinkPlace::Here(ifindex), .. }) = link
            && set.tables.egress(port.index) != Some(*ifindex)
            && let Err(error) = set.tables.set_egress(port.index, *ifindex)
        {
            tracing::debug!(edge.port = port.name, "port \"{}\": {error:#}", port.name);
        }
    }
}

/// An attempt to attach ports again that failed for some.
pub(super) struct Failed {
    /// The ports before it.
    pub(super) states: PortStates,
    /// Why, by port.
    pub(super) why: BTreeMap<String, String>,
}

impl Failed {
    /// Whether ports have changed since in a way by which another attempt may work.
    pub(super) fn is_outdated(&self, states: &PortStates) -> bool {
        fn cause(state: &PortState) -> impl PartialEq {
            let device = state.to_attach.as_ref();
            let device = device.map(|own| (own.ifindex, own.is_up, own.mtu_bytes, &own.programs));
            (&state.interface, state.mode, &state.fault, device)
        }
        self.states.len() != states.len()
            || self
                .states
                .iter()
                .zip(states)
                .any(|((one, before), (other, now))| one != other || cause(before) != cause(now))
    }

    /// Adds to each fault why it lasts.
    pub(super) fn explain(&self, states: &mut PortStates) {
        for (port, why) in &self.why {
            if let Some(state) = states.get_mut(port)
                && state.to_attach.is_some()
                && let Some(fault) = &mut state.fault
            {
                *fault = format!("{fault}, and attaching it failed: {why}");
            }
        }
    }
}

#[cfg(test)]
mod tests;
