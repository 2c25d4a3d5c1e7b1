//! The search for the interface of each port, by links and by the notes that tables hold of ports.

use super::interfaces::{Assigned, InterfaceChoice, SeenInterface, assign};
use crate::{
    config::{Config, Port},
    daemon::error::{Context as _, DaemonError, Result},
    kernel::{
        KernelTables, KnownPort, LinkPlace, PortLink,
        host::{device::Devices, interface::Interface},
    },
    report::Told,
};

/// The interface that was found for a port.
pub(super) struct FoundInterface {
    /// `None`: the port waits for it.
    pub(super) interface: Option<Interface>,
    /// Whether the port may wait where it can't be attached: an automatic repair goes on without a
    /// port whose program runs nowhere.
    pub(super) may_wait: bool,
}

/// The notes that tables hold of ports.
pub(super) struct PortNotes<'a> {
    /// The tables that the ports are to have.
    pub(super) tables: &'a KernelTables,
    /// The layout of these tables.
    pub(super) version: u32,
    /// The notes of tables with other layouts.
    pub(super) earlier: &'a [KnownPort],
}

/// The interface of each port of `config`, in order.
pub(super) fn find_interfaces(
    config: &Config,
    known: &PortNotes<'_>,
    links: &[PortLink],
    devices: &Devices,
    wanted: InterfaceChoice,
) -> Result<Vec<FoundInterface>> {
    let indices = known.tables.port_names();
    let mut ports = Vec::new();
    for port in &config.ports {
        let seen = known.look(port, indices.get(&port.name).copied(), links, devices);
        ports.push((port, seen.with_context(|| format!("port \"{}\"", port.name))?));
    }
    let assigned = assign(&ports, wanted)?.into_iter().zip(&ports);
    let found = assigned.map(|(assigned, (_, seen))| match assigned {
        Assigned::Gone | Assigned::TakenBy(_) => {
            Ok(FoundInterface { interface: None, may_wait: wanted == InterfaceChoice::AsItIs })
        }
        Assigned::Device(device) => {
            let interface = Interface::find(&device.name)?;
            if interface.index() != device.ifindex {
                return Err(DaemonError::NoInterface(Told::new(format!(
                    "the interface {} was replaced by another one just now, and nothing was \
                     changed; try again",
                    device.name
                ))));
            }
            let is_running = seen.mode.is_some() && seen.own.as_ref() == Some(&device);
            let may_wait = wanted == InterfaceChoice::AsItIs && !is_running;
            Ok(FoundInterface { interface: Some(interface), may_wait })
        }
    });
    found.collect()
}

impl PortNotes<'_> {
    /// Looks for the interface of `port`, which has this index in our tables.
    ///
    /// The notes of those tables count that the port's program uses. Where no program runs, ours
    /// count, unless another version has taken over since: then ours are the older ones.
    fn look(
        &self,
        port: &Port,
        index: Option<u32>,
        links: &[PortLink],
        devices: &Devices,
    ) -> Result<SeenInterface> {
        let &Self { tables, version, earlier } = self;
        let mut others: Vec<_> = earlier.iter().filter(|other| other.name == port.name).collect();
        let has = |other: &KnownPort, link: &PortLink| other.program_ids.contains(&link.program_id);
        let here = || links.iter().filter(|link| matches!(link.place, LinkPlace::Here(_)));
        let own =
            here().find(|link| index.is_some() && tables.port_of_program(link.program_id) == index);
        let theirs = here()
            .filter(|_| own.is_none())
            .find(|link| others.iter().any(|other| has(other, link)));
        if let Some(link) = theirs {
            others.retain(|other| has(other, link));
        }
        let is_left = !links.is_empty() && links.iter().all(|link| link.pins.version() != version);
        let is_ours = own.is_some() || theirs.is_none() && !is_left;
        let index = index.filter(|_| is_ours);
        let mut seen = SeenInterface::look(port, index, own.or(theirs), tables, devices)?;
        let had = |other: &KnownPort| other.interface.as_ref() == Some(&port.interface);
        if !index.is_some_and(|index| tables.has_any_interface(index)) {
            seen.had_name |= others.into_iter().any(had);
        }
        seen.is_known |= earlier.iter().any(had);
        Ok(seen)
    }
}
