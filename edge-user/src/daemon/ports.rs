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
mod tests {
    use super::*;

    fn device(ifindex: u32, name: &str, is_up: bool) -> Device {
        let altnames = vec!["uplink".to_owned()];
        let (name, has_carrier, programs) = (name.to_owned(), true, Vec::new());
        Device { ifindex, name, altnames, is_up, has_carrier, programs, ..Device::default() }
    }

    fn running(own: Device, named: Option<Device>) -> PortState {
        let mode = Some(AttachedMode::Generic);
        let seen =
            SeenInterface { named, own: Some(own.clone()), mode, ..SeenInterface::default() };
        state("eth1", &seen, LinkSeen::Own, Assigned::Device(own))
    }

    #[test]
    fn a_program_that_runs_has_a_fault_where_its_interface_is_down_or_renamed() {
        let sound = running(device(5, "eth1", true), Some(device(5, "eth1", true)));
        assert_eq!(sound.mode, Some(AttachedMode::Generic));
        assert_eq!((sound.interface.as_str(), sound.fault), ("eth1", None));
        let down = running(device(5, "eth1", false), Some(device(5, "eth1", false)));
        let fault = "eth1 is down, so no frame passes; `ip link set eth1 up`";
        assert_eq!((down.fault.as_deref(), down.has_carrier), (Some(fault), false));
        let unplugged = Device { has_carrier: false, ..device(5, "eth1", true) };
        let unplugged = running(unplugged.clone(), Some(unplugged));
        assert!(unplugged.fault.is_some_and(|fault| fault.starts_with("eth1 has no carrier")));
        let both = running(device(5, "x", false), None).fault.unwrap();
        assert!(both.contains("x is down") && both.contains("eth1 is called x now"), "{both}");
        let renamed = running(device(5, "x", true), None);
        assert_eq!(renamed.interface, "x");
        assert!(renamed.fault.is_some_and(|fault| fault.contains("called x now")));
        let other = running(device(5, "x", true), Some(device(9, "eth1", true)));
        assert!(other.fault.is_some_and(|fault| fault.contains("until a reload")));
        assert_eq!(other.to_attach, None);
    }

    #[test]
    fn an_interface_by_another_of_its_names_is_no_fault() {
        let own = device(5, "eth7", true);
        let seen = SeenInterface {
            named: Some(own.clone()),
            own: Some(own.clone()),
            mode: Some(AttachedMode::Native),
            ..SeenInterface::default()
        };
        let state = state("uplink", &seen, LinkSeen::Own, Assigned::Device(own));
        assert_eq!((state.interface.as_str(), state.fault), ("uplink", None));
    }

    #[test]
    fn each_fault_without_a_program_has_words_of_its_own() {
        let own = device(5, "eth1", true);
        let there = SeenInterface { own: Some(own.clone()), ..SeenInterface::default() };
        let gone = SeenInterface::default();
        let device = |device: &Device| Assigned::Device(device.clone());
        for (seen, link, assigned, words) in [
            (&there, LinkSeen::Own, device(&own), "taken the program off eth1"),
            (&there, LinkSeen::Replaced, device(&own), "another program"),
            (&gone, LinkSeen::Own, device(&own), "another interface than before"),
            (&gone, LinkSeen::None, device(&own), "no program is attached"),
            (&gone, LinkSeen::Own, Assigned::Gone, "there is no interface eth1"),
            (&gone, LinkSeen::None, Assigned::TakenBy("p2".to_owned()), "is port \"p2\"'s"),
        ] {
            let can_be_attached = matches!(assigned, Assigned::Device(_));
            let state = state("eth1", seen, link, assigned);
            assert_eq!(state.mode, None);
            assert_eq!(state.to_attach.is_some(), can_be_attached, "{words}");
            assert!(state.fault.as_ref().is_some_and(|fault| fault.contains(words)), "{state:?}");
        }
    }

    #[test]
    fn a_failed_attempt_is_part_of_the_fault_it_leaves() {
        let states = |to_attach| {
            let fault = Some("it is off".to_owned());
            PortStates::from([(
                "p1".to_owned(),
                PortState { fault, to_attach, ..Default::default() },
            )])
        };
        let why = BTreeMap::from([("p1".to_owned(), "busy".to_owned())]);
        let failed = Failed { states: PortStates::new(), why };
        for (to_attach, fault) in [
            (Some(device(5, "eth1", true)), "it is off, and attaching it failed: busy"),
            (None, "it is off"),
        ] {
            let mut states = states(to_attach);
            failed.explain(&mut states);
            assert_eq!(states["p1"].fault.as_deref(), Some(fault));
        }
    }
}
