//! The interface of each port: a port is an interface, and the configuration's name for it is how it
//! is found the first time.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail, ensure};

use crate::{
    config::{Config, Port},
    dataplane::{
        AttachedMode, KernelTables, KnownPort, Place, PortLink,
        device::{Device, Devices},
        interface::Interface,
    },
};

/// Which interface a port gets, where its own and the one with the configuration's name for it are
/// two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The one with the name: somebody has the configuration read.
    ByName,
    /// Its own, whatever that is called now.
    AsItIs,
}

/// A port's interface, as the kernel has it now.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    /// The interface that has the configuration's name for it.
    pub(super) named: Option<Device>,
    /// The one that the port was attached to last, if it has been there ever since.
    pub(super) own: Option<Device>,
    /// The mode that the port's program runs in on its own one.
    pub(super) mode: Option<AttachedMode>,
    /// The port had an interface of that name before.
    pub(super) had_name: bool,
    /// Some port had one.
    pub(super) is_known: bool,
}

impl Seen {
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
            Place::Here(ifindex) => Some(ifindex),
            Place::Elsewhere | Place::Nowhere => None,
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
    /// None: there is none of that name.
    Gone,
    /// None: the one with that name is the port's with this name.
    TakenBy(String),
}

/// The interface of each port. No two have the same one.
pub(super) fn assign(ports: &[(&Port, Seen)], wanted: Wanted) -> Result<Vec<Assigned>> {
    let mut claims = Claims::default();
    match wanted {
        Wanted::ByName => {
            for (port, seen) in ports {
                if let Some(device) = &seen.named
                    && let Some(other) = claims.claim(port, device)
                {
                    claims.problems.push(format!(
                        "port \"{}\": {} is the interface of port \"{other}\", too; give one of \
                         them another interface",
                        port.name, port.interface,
                    ));
                }
            }
            for (port, seen) in ports.iter().filter(|(_, seen)| seen.named.is_none()) {
                match seen.own.as_ref().filter(|_| seen.had_name) {
                    Some(device) => {
                        let _taken = claims.claim(port, device);
                    }
                    None if seen.is_known => {}
                    None => claims.problems.push(format!(
                        "port \"{}\": there is no interface {} in this network namespace; `ip \
                         link` lists those that there are",
                        port.name, port.interface,
                    )),
                }
            }
        }
        Wanted::AsItIs => {
            // Before its own one, that which runs its program; last, that which has its name.
            let passes: [fn(&Seen) -> Option<Device>; 3] = [
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
struct Claims<'a> {
    /// By port.
    devices: BTreeMap<&'a str, Device>,
    /// Ports by the index of their interface.
    ports: BTreeMap<u32, &'a str>,
    problems: Vec<String>,
}

impl<'a> Claims<'a> {
    /// Gives the port an interface, or returns the port that has it.
    fn claim(&mut self, port: &'a Port, device: &Device) -> Option<&'a str> {
        if let Some(other) = self.ports.get(&device.ifindex) {
            return Some(other);
        }
        self.ports.insert(device.ifindex, &port.name);
        self.devices.insert(&port.name, device.clone());
        None
    }

    fn assigned(mut self, ports: &[(&Port, Seen)]) -> Result<Vec<Assigned>> {
        if !self.problems.is_empty() {
            bail!(self.problems.join("\n"));
        }
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

/// The interface that was found for a port.
pub(super) struct Found {
    /// `None`: the port waits for it.
    pub(super) interface: Option<Interface>,
    /// A repair goes on without the port where it can't be attached: no program of it runs that would
    /// be in the way.
    pub(super) may_wait: bool,
}

/// What is known of ports from before.
pub(super) struct Known<'a> {
    /// The tables that they are to have.
    pub(super) tables: &'a KernelTables,
    /// The layout of these.
    pub(super) version: u32,
    /// The ports as tables of other versions know them.
    pub(super) earlier: &'a [KnownPort],
}

impl Known<'_> {
    /// Looks for a port's interface. Tables of another version speak of it where they have its program, or
    /// where ours know nothing of it, or only what was so before the others took over.
    fn look(&self, port: &Port, links: &[PortLink], devices: &Devices) -> Result<Seen> {
        let &Self { tables, version, earlier } = self;
        let index = tables.port_names().get(&port.name).copied();
        let here = || links.iter().filter(|link| matches!(link.place, Place::Here(_)));
        let own =
            here().find(|link| index.is_some() && tables.port_of_program(link.program_id) == index);
        let mut others: Vec<_> =
            earlier.iter().filter(|earlier| earlier.name == port.name).collect();
        let mut link = own;
        if own.is_none() {
            let program = |link: &&PortLink| {
                others.iter().any(|other| other.program_ids.contains(&link.program_id))
            };
            link = here().find(program);
        }
        if let Some(link) = link.filter(|_| own.is_none()) {
            others.retain(|other| other.program_ids.contains(&link.program_id));
        }
        let is_left = !links.is_empty() && links.iter().all(|link| link.pins.version() != version);
        let is_ours = own.is_some() || link.is_none() && !is_left;
        let index = index.filter(|_| is_ours);
        let mut seen = Seen::look(port, index, link, tables, devices)?;
        let had = |other: &KnownPort| other.interface.as_ref() == Some(&port.interface);
        if !index.is_some_and(|index| tables.has_any_interface(index)) {
            seen.had_name |= others.into_iter().any(had);
        }
        seen.is_known |= earlier.iter().any(had);
        Ok(seen)
    }
}

/// The interface of each port of `config`, in order.
pub(super) fn find_interfaces(
    config: &Config,
    known: &Known<'_>,
    links: &[PortLink],
    devices: &Devices,
    wanted: Wanted,
) -> Result<Vec<Found>> {
    let mut ports = Vec::new();
    for port in &config.ports {
        let seen = known.look(port, links, devices);
        ports.push((port, seen.with_context(|| format!("port \"{}\"", port.name))?));
    }
    let assigned = assign(&ports, wanted)?.into_iter().zip(&ports);
    let found = assigned.map(|(assigned, (_, seen))| match assigned {
        Assigned::Gone | Assigned::TakenBy(_) => {
            Ok(Found { interface: None, may_wait: wanted == Wanted::AsItIs })
        }
        Assigned::Device(device) => {
            let interface = Interface::find(&device.name)?;
            ensure!(
                interface.index() == device.ifindex,
                "{} has become another interface just now; try again",
                device.name
            );
            let is_running = seen.mode.is_some() && seen.own.as_ref() == Some(&device);
            let may_wait = wanted == Wanted::AsItIs && !is_running;
            Ok(Found { interface: Some(interface), may_wait })
        }
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, interface: &str) -> Port {
        let text = format!(
            "[edge]\nname = \"e\"\n[[port]]\nname = \"{name}\"\ninterface = \"{interface}\"\n\
             side = \"customer\"\n"
        );
        let config = crate::config::parse(&text, "test.toml".as_ref()).unwrap();
        config.ports.into_iter().next().unwrap()
    }

    fn device(ifindex: u32, name: &str) -> Device {
        let (altnames, programs) = (Vec::new(), Vec::new());
        Device { ifindex, name: name.to_owned(), altnames, is_up: true, programs }
    }

    /// A port whose program runs on an interface with this index and name, or is attached nowhere.
    fn seen(named: Option<u32>, own: Option<(u32, &str)>, is_running: bool) -> Seen {
        Seen {
            named: named.map(|ifindex| device(ifindex, "named")),
            own: own.map(|(ifindex, name)| device(ifindex, name)),
            mode: is_running.then_some(AttachedMode::Native),
            had_name: true,
            is_known: true,
        }
    }

    /// The index of each port's interface.
    fn indices(ports: &[(Port, Seen)], wanted: Wanted) -> Vec<Option<u32>> {
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
        assert_eq!(indices(&ports, Wanted::AsItIs), [Some(5), Some(6)]);
        assert_eq!(indices(&ports, Wanted::ByName), [Some(6), Some(5)]);
    }

    /// The interface of the first port is gone, and that of the second one has got its name.
    #[test]
    fn a_name_that_another_ports_interface_has_got_is_not_its_any_more() {
        let ports = [
            (port("p1", "eth1"), seen(Some(6), None, false)),
            (port("p2", "eth2"), seen(None, Some((6, "eth1")), true)),
        ];
        assert_eq!(indices(&ports, Wanted::AsItIs), [None, Some(6)]);
        assert_eq!(indices(&ports, Wanted::ByName), [Some(6), None]);
        let found: Vec<_> = ports.iter().map(|(port, seen)| (port, seen.clone())).collect();
        let assigned = assign(&found, Wanted::AsItIs).unwrap();
        assert_eq!(assigned[0], Assigned::TakenBy("p2".to_owned()));
    }

    /// It was renamed, its program was taken off, and another interface has its name now.
    #[test]
    fn a_port_without_program_keeps_its_interface_until_a_reload() {
        let ports = [(port("p1", "eth1"), seen(Some(9), Some((5, "x")), false))];
        assert_eq!(indices(&ports, Wanted::AsItIs), [Some(5)]);
        assert_eq!(indices(&ports, Wanted::ByName), [Some(9)]);
        let renamed = [(port("p1", "eth1"), seen(None, Some((5, "x")), false))];
        assert_eq!(indices(&renamed, Wanted::ByName), [Some(5)]);
    }

    #[test]
    fn what_was_never_there_is_an_error_and_what_is_gone_is_waited_for() {
        for (own, had_name, is_known, waits) in [
            (None, true, true, true),
            // Another port had it before.
            (None, false, true, true),
            (None, false, false, false),
            // It has an interface, and the configuration names one that does not exist.
            (Some((5, "eth1")), false, false, false),
        ] {
            let port = port("p1", "eth9");
            let seen = Seen { had_name, is_known, ..seen(None, own, true) };
            let assigned = assign(&[(&port, seen)], Wanted::ByName);
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
        let error = assign(&ports, Wanted::ByName).unwrap_err().to_string();
        assert!(error.contains("port \"p2\": uplink") && error.contains("port \"p1\""), "{error}");
    }
}
