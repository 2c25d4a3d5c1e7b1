//! The interfaces that a routing namespace has now.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use netlink_packet_route::{
    RouteNetlinkMessage,
    address::{AddressAttribute, AddressMessage},
    link::{InfoData, InfoKind, InfoMacVlan, LinkAttribute, LinkFlags, LinkInfo, LinkMessage},
};

use crate::routing::devices::{
    address::InterfaceAddress, error::Result, foreign::comes_with_every_namespace, mark::Mark,
    netlink::DeviceSocket, requests, wanted::index_of,
};

/// A device that edge made for a peering-link.
#[expect(clippy::struct_excessive_bools, reason = "the kernel has each of them as a flag, too")]
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct FoundDevice {
    /// The kernel's index of it.
    pub(super) ifindex: u32,
    /// Its MAC address.
    pub(super) mac: Vec<u8>,
    /// Its MTU.
    pub(super) mtu_bytes: u32,
    /// Whether it is in the mode that edge makes devices in.
    pub(super) is_in_mode: bool,
    /// Whether it is administratively up.
    pub(super) is_up: bool,
    /// Whether it is kept without carrier (`protodown`).
    pub(super) is_proto_down: bool,
    /// Whether it has carrier.
    pub(super) has_carrier: bool,
    /// Its addresses.
    pub(super) addresses: BTreeSet<InterfaceAddress>,
}

/// The interfaces of a routing namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Inventory {
    /// Devices that edge made, by the peering-links' indices.
    pub(super) devices: BTreeMap<u32, FoundDevice>,
    /// Devices that edge made and that are of no use, as they were renamed: the kernel's indices.
    pub(super) strays: Vec<u32>,
    /// Whether devices are left that were to be removed.
    pub(super) has_condemned: bool,
    /// Names of interfaces that edge did not make.
    pub(super) foreign: BTreeSet<String>,
}

impl Inventory {
    /// Reads it, where `lower` is the interface below the devices.
    pub(super) fn read(socket: &DeviceSocket, lower: u32, mark: Mark) -> Result<Self> {
        let mut found = Self::default();
        let mut indices = BTreeMap::new();
        for message in socket.dump(&requests::all_links())? {
            if let RouteNetlinkMessage::NewLink(link) = message {
                found.add(&link, lower, mark, &mut indices);
            }
        }
        for message in socket.dump(&requests::all_addresses())? {
            if let RouteNetlinkMessage::NewAddress(address) = message
                && let Some(index) = indices.get(&address.header.index)
                && let Some(device) = found.devices.get_mut(index)
            {
                device.addresses.extend(own_address(&address));
            }
        }
        Ok(found)
    }

    fn add(
        &mut self,
        link: &LinkMessage,
        lower: u32,
        mark: Mark,
        indices: &mut BTreeMap<u32, u32>,
    ) {
        let seen = SeenLink::of(link);
        let ifindex = link.header.index;
        if ifindex == lower || comes_with_every_namespace(link, &seen.name) {
            return;
        }
        if !(mark.is_on(seen.group) && seen.is_macvlan && seen.lower == Some(lower)) {
            self.foreign.insert(seen.name);
        } else if seen.group == mark.condemned() {
            self.has_condemned = true;
        } else if let Some(index) = index_of(&seen.name) {
            indices.insert(ifindex, index);
            self.devices.insert(index, seen.device);
        } else {
            self.strays.push(ifindex);
        }
    }
}

/// An interface as the kernel describes it.
#[derive(Default)]
struct SeenLink {
    name: String,
    group: u32,
    lower: Option<u32>,
    is_macvlan: bool,
    device: FoundDevice,
}

impl SeenLink {
    fn of(link: &LinkMessage) -> Self {
        let mut seen = Self::default();
        seen.device.ifindex = link.header.index;
        seen.device.is_up = link.header.flags.contains(LinkFlags::Up);
        seen.device.has_carrier = link.header.flags.contains(LinkFlags::LowerUp);
        for attribute in &link.attributes {
            if let LinkAttribute::IfName(name) = attribute {
                seen.name.clone_from(name);
            } else if let LinkAttribute::Group(group) = attribute {
                seen.group = *group;
            } else if let LinkAttribute::Link(lower) = attribute {
                seen.lower = Some(*lower);
            } else if let LinkAttribute::Address(mac) = attribute {
                seen.device.mac.clone_from(mac);
            } else if let LinkAttribute::Mtu(mtu_bytes) = attribute {
                seen.device.mtu_bytes = *mtu_bytes;
            } else if let LinkAttribute::ProtoDown(value) = attribute {
                seen.device.is_proto_down = *value != 0;
            } else if let LinkAttribute::LinkInfo(infos) = attribute {
                seen.is_macvlan = infos.contains(&LinkInfo::Kind(InfoKind::MacVlan));
                seen.device.is_in_mode = infos.iter().any(is_in_mode);
            }
        }
        seen
    }
}

fn is_in_mode(info: &LinkInfo) -> bool {
    let LinkInfo::Data(InfoData::MacVlan(settings)) = info else { return false };
    settings.contains(&InfoMacVlan::Mode(requests::MODE))
}

/// An interface's own address. With IPv4 that is the local one, where the other attribute may have
/// the address of a peer; with IPv6 it is the only one (`inet6_fill_ifaddr` in `net/ipv6/addrconf.c`).
fn own_address(message: &AddressMessage) -> Option<InterfaceAddress> {
    let mut local: Option<IpAddr> = None;
    let mut other = None;
    for attribute in &message.attributes {
        if let AddressAttribute::Local(address) = attribute {
            local = Some(*address);
        } else if let AddressAttribute::Address(address) = attribute {
            other = Some(*address);
        }
    }
    let address = local.or(other)?;
    Some(InterfaceAddress::found(address, message.header.prefix_len))
}
