//! The assignment of interfaces to ports. A port is one interface: the configuration's name finds
//! it the first time, and after that the port stays with that interface.

use std::collections::BTreeMap;

use crate::{
    config::Port,
    daemon::error::{DaemonError, Result},
    kernel::{
        AttachedMode, KernelTables, LinkPlace, PortLink,
        host::device::{Device, Devices},
    },
    report::Told,
};

/// The choice of a port's interface where there are two: the one that it was attached to, and the
/// one that has the configuration's name now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum InterfaceChoice {
    /// The one that has the name: for a start or a reload, which read the configuration.
    ByName,
    /// The one that it was attached to, whatever its name is now: for an automatic repair.
    AsItIs,
}

/// A port's interface, as the kernel has it now.
#[derive(Clone, Debug, Default)]
pub(super) struct SeenInterface {
    /// The interface that has the configuration's name for it.
    pub(super) named: Option<Device>,
    /// The interface that the port was attached to last, if it has been there ever since.
    pub(super) own: Option<Device>,
    /// The mode that the port's program runs in on its own interface.
    pub(super) mode: Option<AttachedMode>,
    /// Whether the port had an interface of that name before.
    pub(super) had_name: bool,
    /// Whether any port had an interface of that name before.
    pub(super) is_known: bool,
}

impl SeenInterface {
    /// Looks for the interface of `port`, which has this index in `tables`, and this link.
    pub(super) fn look(
        port: &Port,
        index: Option<u32>,
        link: Option<&PortLink>,
        tables: &KernelTables,
        devices: &Devices,
    ) -> Result<Self> {
        let by_index = |ifindex: Option<u32>| match ifindex {
            Some(ifindex) => devices.by_index(ifindex),
            None => Ok(None),
        };
        let running = link.and_then(|link| match link.place {
            LinkPlace::Here(ifindex) => Some(ifindex),
            LinkPlace::Elsewhere | LinkPlace::Nowhere => None,
        });
        let egress = index.and_then(|index| tables.egress(index));
        let own = by_index(running.or(egress))?;
        let mode = own.as_ref().zip(link).and_then(|(own, link)| own.mode_of(link.program_id));
        Ok(Self {
            named: devices.by_name(&port.interface)?,
            own,
            mode,
            had_name: index.is_some_and(|index| tables.has_interface(index, &port.interface)),
            is_known: tables.knows_interface(&port.interface),
        })
    }
}

/// The interface that a port gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Assigned {
    /// This one.
    Device(Device),
    /// None: no interface has the name.
    Gone,
    /// None: the interface with the name is that of another port, whose name this is.
    TakenBy(String),
}

/// The interface of each port. No two have the same one.
pub(super) fn assign(
    ports: &[(&Port, SeenInterface)],
    wanted: InterfaceChoice,
) -> Result<Vec<Assigned>> {
    let mut claims = InterfaceClaims::default();
    match wanted {
        InterfaceChoice::ByName => {
            for (port, seen) in ports {
                if let Some(device) = &seen.named
                    && let Some(other) = claims.claim(port, device)
                {
                    claims.problems.push(DaemonError::Taken(Told::new(format!(
                        "port \"{}\": {} is the interface of port \"{other}\", too; give one of \
                         them another interface",
                        port.name, port.interface,
                    ))));
                }
            }
            for (port, seen) in ports.iter().filter(|(_, seen)| seen.named.is_none()) {
                match seen.own.as_ref().filter(|_| seen.had_name) {
                    Some(device) => {
                        let _taken = claims.claim(port, device);
                    }
                    None if seen.is_known => {}
                    None => claims.problems.push(DaemonError::NoInterface(Told::new(format!(
                        "port \"{}\": there is no interface {} in this network namespace; `ip \
                         link` lists those that there are",
                        port.name, port.interface,
                    )))),
                }
            }
        }
        InterfaceChoice::AsItIs => {
            // An interface that runs the port's program comes first, one that only has its name
            // last.
            let passes: [fn(&SeenInterface) -> Option<Device>; 3] = [
                |seen| seen.own.clone().filter(|_| seen.mode.is_some()),
                |seen| seen.own.clone(),
                |seen| seen.named.clone(),
            ];
            for pass in passes {
                for (port, seen) in ports {
                    let device = pass(seen);
                    if !claims.devices.contains_key(port.name.as_str()) {
                        let _taken = device.and_then(|device| claims.claim(port, &device));
                    }
                }
            }
        }
    }
    claims.assigned(ports)
}

/// Interfaces that are assigned.
#[derive(Default)]
struct InterfaceClaims<'a> {
    /// By port.
    devices: BTreeMap<&'a str, Device>,
    /// Ports by the index of their interface.
    ports: BTreeMap<u32, &'a str>,
    problems: Vec<DaemonError>,
}

impl<'a> InterfaceClaims<'a> {
    /// Gives the port an interface, or returns the port that has it.
    fn claim(&mut self, port: &'a Port, device: &Device) -> Option<&'a str> {
        if let Some(other) = self.ports.get(&device.ifindex) {
            return Some(other);
        }
        self.ports.insert(device.ifindex, &port.name);
        self.devices.insert(&port.name, device.clone());
        None
    }

    fn assigned(mut self, ports: &[(&Port, SeenInterface)]) -> Result<Vec<Assigned>> {
        DaemonError::none_of(std::mem::take(&mut self.problems))?;
        let assigned = ports.iter().map(|(port, seen)| {
            let taken = seen.named.as_ref().and_then(|named| self.ports.get(&named.ifindex));
            match (self.devices.remove(port.name.as_str()), taken) {
                (Some(device), _) => Assigned::Device(device),
                (None, Some(other)) => Assigned::TakenBy((*other).to_owned()),
                (None, None) => Assigned::Gone,
            }
        });
        Ok(assigned.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{
        self,
        sample::{self, Sample},
    };

    fn port(name: &str, interface: &str) -> Port {
        let port = sample::SamplePort::new(name, "customer").interface(interface);
        let sample = Sample::new("e").port(port);
        let config = config::parse(&sample.to_string(), "test.toml".as_ref()).unwrap();
        config.ports.into_iter().next().unwrap()
    }

    fn device(ifindex: u32, name: &str) -> Device {
        let (altnames, programs) = (Vec::new(), Vec::new());
        let (is_up, has_carrier) = (true, true);
        let name = name.to_owned();
        Device { ifindex, name, altnames, is_up, has_carrier, programs, ..Device::default() }
    }

    /// A port whose program runs on an interface with this index and name, or is attached nowhere.
    fn seen(named: Option<u32>, own: Option<(u32, &str)>, is_running: bool) -> SeenInterface {
        SeenInterface {
            named: named.map(|ifindex| device(ifindex, "named")),
            own: own.map(|(ifindex, name)| device(ifindex, name)),
            mode: is_running.then_some(AttachedMode::Native),
            had_name: true,
            is_known: true,
        }
    }

    /// The index of each port's interface.
    fn indices(ports: &[(Port, SeenInterface)], wanted: InterfaceChoice) -> Vec<Option<u32>> {
        let ports: Vec<_> = ports.iter().map(|(port, seen)| (port, seen.clone())).collect();
        let assigned = assign(&ports, wanted).unwrap().into_iter().map(|assigned| match assigned {
            Assigned::Device(device) => Some(device.ifindex),
            Assigned::Gone | Assigned::TakenBy(_) => None,
        });
        assigned.collect()
    }

    /// Two interfaces have changed their names while the programs of both ports run.
    #[test]
    fn swapped_names_count_where_somebody_has_the_configuration_read() {
        let ports = [
            (port("p1", "eth1"), seen(Some(6), Some((5, "eth2")), true)),
            (port("p2", "eth2"), seen(Some(5), Some((6, "eth1")), true)),
        ];
        assert_eq!(indices(&ports, InterfaceChoice::AsItIs), [Some(5), Some(6)]);
        assert_eq!(indices(&ports, InterfaceChoice::ByName), [Some(6), Some(5)]);
    }

    /// The first port's interface is gone, and the second port's interface has got its name.
    #[test]
    fn a_name_that_another_ports_interface_has_got_is_not_its_any_more() {
        let ports = [
            (port("p1", "eth1"), seen(Some(6), None, false)),
            (port("p2", "eth2"), seen(None, Some((6, "eth1")), true)),
        ];
        assert_eq!(indices(&ports, InterfaceChoice::AsItIs), [None, Some(6)]);
        assert_eq!(indices(&ports, InterfaceChoice::ByName), [Some(6), None]);
        let found: Vec<_> = ports.iter().map(|(port, seen)| (port, seen.clone())).collect();
        let assigned = assign(&found, InterfaceChoice::AsItIs).unwrap();
        assert_eq!(assigned[0], Assigned::TakenBy("p2".to_owned()));
    }

    /// The interface was renamed, its program was taken off, and another one has its name now.
    #[test]
    fn a_port_without_program_keeps_its_interface_until_a_reload() {
        let ports = [(port("p1", "eth1"), seen(Some(9), Some((5, "x")), false))];
        assert_eq!(indices(&ports, InterfaceChoice::AsItIs), [Some(5)]);
        assert_eq!(indices(&ports, InterfaceChoice::ByName), [Some(9)]);
        let renamed = [(port("p1", "eth1"), seen(None, Some((5, "x")), false))];
        assert_eq!(indices(&renamed, InterfaceChoice::ByName), [Some(5)]);
    }

    #[test]
    fn what_was_never_there_is_an_error_and_what_is_gone_is_waited_for() {
        for (own, had_name, is_known, waits) in [
            (None, true, true, true),
            // Another port had it before.
            (None, false, true, true),
            (None, false, false, false),
            // The port has an interface, and the configuration names one that does not exist.
            (Some((5, "eth1")), false, false, false),
        ] {
            let port = port("p1", "eth9");
            let seen = SeenInterface { had_name, is_known, ..seen(None, own, true) };
            let assigned = assign(&[(&port, seen)], InterfaceChoice::ByName);
            assert_eq!(assigned.is_ok(), waits);
            if let Err(error) = assigned {
                assert!(error.to_string().contains("there is no interface eth9"), "{error}");
            }
        }
    }

    #[test]
    fn one_interface_under_two_names_is_refused() {
        let ports = [port("p1", "eth1"), port("p2", "uplink")];
        let ports = ports.each_ref().map(|port| (port, seen(Some(5), None, false)));
        let error = assign(&ports, InterfaceChoice::ByName).unwrap_err().to_string();
        assert!(error.contains("port \"p2\": uplink") && error.contains("port \"p1\""), "{error}");
    }
}
