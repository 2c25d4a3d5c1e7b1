//! The router's own device: the interface by which frames to the router leave, and its program.

use sha2::{Digest as _, Sha256};

use crate::{
    daemon::{error::Result, install::Set},
    kernel::{
        HeldInterface, LinkPlace, PortLink, PortProgram,
        host::{device::Devices, interface::Interface},
    },
    model::XdpMode,
    plan::PortPlan,
    routing::engine::state::RoutingPort,
};

/// The longest name of an interface (`IFNAMSIZ` of linux/if.h, without the terminating zero).
const LONGEST_NAME: usize = 15;

/// Name of the interface that leads to the network namespace `netns`: the same name, or, where that is too long for an
/// interface, its begin and a number of the whole.
pub(super) fn outer_name(netns: &str) -> String {
    if netns.len() <= LONGEST_NAME && !netns.contains(':') {
        return netns.to_owned();
    }
    let [a, b, c, d, ..]: [u8; 32] = Sha256::digest(netns).into();
    let head: String = netns.chars().filter(char::is_ascii_alphanumeric).take(6).collect();
    format!("{head}-{:08x}", u32::from_be_bytes([a, b, c, d]))
}

/// Has frames to the router leave by this interface, and its frames pass the router's program: with the tables of `set`.
/// Nothing is touched that is so already. Returns whether the interface is there: the one that the engine has made, as
/// another one may have its name.
pub(super) fn attach(set: &mut Set, devices: &Devices, outer: &RoutingPort) -> Result<bool> {
    let (name, ifindex) = (&outer.name, outer.ifindex);
    let found = if ifindex == 0 { None } else { devices.by_index(ifindex)? };
    if !found.is_some_and(|device| device.is_called(name)) {
        return Ok(false);
    }
    let capacity = set.tables.capacity();
    let port = PortPlan::of_router(name, &capacity);
    if set.tables.egress(port.index) != Some(ifindex) {
        set.tables.set_egress(port.index, ifindex)?;
    }
    let links = PortLink::all(&set.pins, devices)?;
    let link = links.into_iter().find(|link| link.place == LinkPlace::Here(ifindex));
    let (_, known) = set.tables.programs(port.index);
    if link.as_ref().is_some_and(|link| link.pins == set.pins && known.contains(&link.program_id)) {
        return Ok(true);
    }
    let mut program = PortProgram::load_of_router(&port, &capacity, &set.pins)?;
    let link = if let Some(link) = link {
        link.open()?
    } else {
        let interface = Interface::find(name)?;
        if interface.index() != ifindex {
            return Ok(false);
        }
        HeldInterface::attach(&mut program, &interface, XdpMode::Auto)?.pin(&set.pins)?
    };
    let mode = link.pinned().name.mode;
    let id = program.id(mode)?;
    // A daemon that is killed in between finds the program in either case.
    set.tables.note_programs(&port, [link.pinned().program_id, id]);
    link.replace(program.xdp(mode)?, id, &set.pins)?;
    set.tables.note_programs(&port, [id, 0]);
    Ok(true)
}
