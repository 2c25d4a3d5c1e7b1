//! The requests by which devices are made, changed and removed.

use std::{net::IpAddr, os::fd::RawFd};

use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    address::{AddressAttribute, AddressFlags, AddressHeaderFlags, AddressMessage, AddressScope},
    link::{
        InfoData, InfoKind, InfoMacVlan, InfoVeth, LinkAttribute, LinkExtentMask, LinkFlags,
        LinkInfo, LinkMessage, MacVlanMode,
    },
    nsid::{NsidAttribute, NsidMessage},
};

use crate::routing::devices::{
    address::InterfaceAddress, batch::LinkChange, router_mac::RouterMac,
};

/// Devices of peering-links don't see each other's frames, and a frame from one to another's
/// address leaves by `pr`, where the path drops it: a customer can't reach another one through the
/// namespace. In each mode a broadcast from outside reaches all of them, so the path sends none.
pub(super) const MODE: MacVlanMode = MacVlanMode::Private;

/// The interface with this name.
pub(super) fn named(name: &str) -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(name.to_owned()));
    RouteNetlinkMessage::GetLink(message)
}

/// All interfaces, without their counters.
pub(super) fn all_links() -> RouteNetlinkMessage {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::ExtMask(vec![LinkExtentMask::SkipStats]));
    RouteNetlinkMessage::GetLink(message)
}

/// All addresses.
pub(super) fn all_addresses() -> RouteNetlinkMessage {
    RouteNetlinkMessage::GetAddress(AddressMessage::default())
}

/// The number that the asked namespace has for the one of this descriptor.
pub(super) fn nsid_of(netns: RawFd) -> RouteNetlinkMessage {
    let mut message = NsidMessage::default();
    message.attributes.push(NsidAttribute::Fd(netns.cast_unsigned()));
    RouteNetlinkMessage::GetNsId(message)
}

/// A veth pair with one end here and the other one in the namespace of a descriptor.
pub(super) struct NewPair<'a> {
    /// The end here.
    pub(super) outer: &'a str,
    /// The end there.
    pub(super) inner: &'a str,
    /// The namespace there.
    pub(super) netns: RawFd,
    /// The MTU of both.
    pub(super) mtu_bytes: u32,
    /// The group of both.
    pub(super) group: u32,
}

/// Makes the pair.
pub(super) fn make_pair(pair: &NewPair<'_>) -> LinkChange {
    let end = |name: &str| {
        vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::Mtu(pair.mtu_bytes),
            LinkAttribute::Group(pair.group),
        ]
    };
    let mut peer = LinkMessage::default();
    peer.attributes = end(pair.inner);
    peer.attributes.push(LinkAttribute::NetNsFd(pair.netns));
    let mut message = LinkMessage::default();
    message.attributes = end(pair.outer);
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
    ]));
    LinkChange::make(RouteNetlinkMessage::NewLink(message))
}

/// Makes a macvlan device on `lower`, which is down.
pub(super) fn make_device(
    name: String,
    lower: u32,
    mac: RouterMac,
    mtu_bytes: u32,
    group: u32,
) -> LinkChange {
    let mut message = LinkMessage::default();
    message.attributes = vec![
        LinkAttribute::IfName(name),
        LinkAttribute::Link(lower),
        LinkAttribute::Address(mac.bytes().to_vec()),
        LinkAttribute::Mtu(mtu_bytes),
        LinkAttribute::Group(group),
        macvlan(),
    ];
    LinkChange::make(RouteNetlinkMessage::NewLink(message))
}

/// Sets a macvlan device's mode to [`MODE`].
pub(super) fn set_mode(ifindex: u32) -> LinkChange {
    let mut message = link(ifindex);
    message.attributes.push(macvlan());
    LinkChange::alter(RouteNetlinkMessage::NewLink(message))
}

/// Sets an attribute of an interface.
pub(super) fn set(ifindex: u32, attribute: LinkAttribute) -> LinkChange {
    let mut message = link(ifindex);
    message.attributes.push(attribute);
    LinkChange::alter(RouteNetlinkMessage::SetLink(message))
}

/// Sets an interface up or down.
pub(super) fn set_up(ifindex: u32, is_up: bool) -> LinkChange {
    let mut message = link(ifindex);
    message.header.change_mask = LinkFlags::Up;
    message.header.flags = if is_up { LinkFlags::Up } else { LinkFlags::empty() };
    LinkChange::alter(RouteNetlinkMessage::SetLink(message))
}

/// Removes an interface.
pub(super) fn remove(ifindex: u32) -> LinkChange {
    LinkChange::alter(RouteNetlinkMessage::DelLink(link(ifindex)))
}

/// Removes all interfaces of a group.
pub(super) fn remove_group(group: u32) -> LinkChange {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::Group(group));
    LinkChange::alter(RouteNetlinkMessage::DelLink(message))
}

/// Gives an interface an address. Duplicate address detection would find the address of the next
/// peering-link, which may be the same.
pub(super) fn add_address(ifindex: u32, address: InterfaceAddress) -> LinkChange {
    let mut message = interface_address(ifindex, address);
    if address.address().is_ipv6() {
        message.header.flags = AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    LinkChange::make(RouteNetlinkMessage::NewAddress(message))
}

/// Takes an address from an interface.
pub(super) fn remove_address(ifindex: u32, address: InterfaceAddress) -> LinkChange {
    let message = interface_address(ifindex, address);
    LinkChange::alter(RouteNetlinkMessage::DelAddress(message))
}

fn link(ifindex: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = ifindex;
    message
}

fn macvlan() -> LinkAttribute {
    LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::MacVlan),
        LinkInfo::Data(InfoData::MacVlan(vec![InfoMacVlan::Mode(MODE)])),
    ])
}

fn interface_address(ifindex: u32, address: InterfaceAddress) -> AddressMessage {
    let mut message = AddressMessage::default();
    message.header.index = ifindex;
    message.header.prefix_len = address.prefix_len();
    message.header.family = match address.address() {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    if address.is_link_local() {
        message.header.scope = AddressScope::Link;
    }
    message.attributes.push(AddressAttribute::Local(address.address()));
    message.attributes.push(AddressAttribute::Address(address.address()));
    message
}
