//! The interface of each port: a port is an interface, and the configuration's name for it is how it
//! is found the first time.

use anyhow::{Context as _, Result, bail};

use crate::{
    config::{Config, Port},
    dataplane::{
        KernelTables, Place, PortLink,
        device::{Device, Devices},
        interface::Interface,
    },
};

/// The interface of each port of `config`, in order. `None`: the interface of a port that had one by
/// this name is gone.
///
/// An interface that was renamed is still its port's, as long as no other one has the name now.
pub(super) fn find_interfaces(
    config: &Config,
    tables: &KernelTables,
    links: &[PortLink],
    devices: &Devices,
) -> Result<Vec<Option<Interface>>> {
    let mut missing = Vec::new();
    let mut interfaces = Vec::new();
    for port in &config.ports {
        match find_device(port, tables, links, devices)? {
            Found::Device(device) => interfaces.push(Some(Interface::find(&device.name)?)),
            Found::Gone => {
                tracing::warn!(
                    "port \"{}\": there is no interface {}; its frames do not arrive until it is \
                     back",
                    port.name,
                    port.interface,
                );
                interfaces.push(None);
            }
            Found::Nothing => missing.push(format!(
                "port \"{}\": there is no interface {} in this network namespace; `ip link` lists \
                 those that there are",
                port.name, port.interface,
            )),
        }
    }
    if !missing.is_empty() {
        bail!(missing.join("\n"));
    }
    Ok(interfaces)
}

enum Found {
    Device(Device),
    /// The port had one.
    Gone,
    /// The port is new, or the name of its interface is.
    Nothing,
}

fn find_device(
    port: &Port,
    tables: &KernelTables,
    links: &[PortLink],
    devices: &Devices,
) -> Result<Found> {
    let device = devices.by_name(&port.interface);
    let device = device.with_context(|| format!("port \"{}\"", port.name))?;
    if let Some(device) = device {
        return Ok(Found::Device(device));
    }
    let Some(index) = tables.port_on(&port.name, &port.interface) else {
        return Ok(Found::Nothing);
    };
    let own = links.iter().find(|link| tables.port_of_program(link.program_id) == Some(index));
    if let Some(PortLink { place: Place::Here(ifindex), .. }) = own
        && let Some(device) = devices.by_index(*ifindex)?
    {
        tracing::warn!(
            "port \"{}\": {} is called {} now, and stays its interface",
            port.name,
            port.interface,
            device.name,
        );
        return Ok(Found::Device(device));
    }
    Ok(Found::Gone)
}
