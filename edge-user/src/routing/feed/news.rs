//! Messages that the kernel sends to all who listen, by what they are about.

use std::net::IpAddr;

use netlink_packet_core::{Parseable as _, parse_ip, parse_u32};
use netlink_packet_route::{
    AddressFamily,
    neighbour::{
        NeighbourAddress, NeighbourAttribute, NeighbourExtFlags, NeighbourMessage, NeighbourState,
    },
};

use crate::routing::feed::{
    datagram::RawMessage,
    error::Result,
    next_hops::{self, RTM_DELNEXTHOP, RTM_NEWNEXTHOP},
};

/// Message types of linux/rtnetlink.h.
const RTM_NEWLINK: u16 = 16;
const RTM_DELLINK: u16 = 17;
const RTM_NEWADDR: u16 = 20;
const RTM_DELADDR: u16 = 21;
const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
pub(super) const RTM_NEWNEIGH: u16 = 28;
const RTM_DELNEIGH: u16 = 29;
/// `struct rtmsg`, and the table in it, whose number an attribute has where it is above 255.
const ROUTE_HEADER_LEN_BYTES: usize = 12;
const ROUTE_TABLE: usize = 4;
const RTA_DST: u16 = 1;
const RTA_TABLE: u16 = 15;
/// The interface in `struct ifinfomsg` and in `struct ifaddrmsg`.
const IFINDEX: usize = 4;
/// `struct ifaddrmsg` of `linux/if_addr.h`.
const ADDRESS_HEADER_LEN_BYTES: usize = 8;
const IFA_ADDRESS: u16 = 1;
const IFA_LOCAL: u16 = 2;

/// A change in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum KernelNews {
    /// A route came, went or changed.
    Route {
        table: u32,
        is_v4: bool,
        /// The first address of its prefix; `None`: the default route.
        destination: Option<IpAddr>,
    },
    /// An interface came, went or changed. Routes over it may go without messages of their own.
    Link { ifindex: u32 },
    /// An address of an interface came, went or changed. See [`Self::Link`].
    Address { ifindex: u32, address: Option<IpAddr> },
    /// A next-hop object came, went or changed. See [`Self::Link`].
    NextHopObject { id: u32 },
    /// A neighbour came, went or changed.
    Neighbour(NeighbourNews),
    /// The kernel had no room for messages, and dropped some.
    Lost,
}

/// A neighbour, as a message has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourNews {
    /// The neighbour's interface and address.
    pub key: NeighbourKey,
    /// Its MAC address; `None`: it is not known, or not any longer.
    pub mac: Option<[u8; 6]>,
    /// Whether the kernel has an entry for it.
    pub is_there: bool,
    /// Whether an operator has given it its MAC address, which the kernel doesn't check.
    pub is_fixed: bool,
    /// Whether the kernel asks for it again and again (`NTF_EXT_MANAGED`).
    pub is_managed: bool,
}

/// A neighbour's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NeighbourKey {
    /// Its interface by the kernel's index.
    pub ifindex: u32,
    /// Its address.
    pub address: IpAddr,
}

impl KernelNews {
    /// Reads a message; `None`: it is about something else.
    pub(super) fn read(message: &RawMessage<'_>) -> Result<Option<Self>> {
        Ok(match message.message_type {
            RTM_NEWROUTE | RTM_DELROUTE => route(message)?,
            RTM_NEWLINK | RTM_DELLINK => Some(Self::Link { ifindex: message.word(IFINDEX)? }),
            RTM_NEWADDR | RTM_DELADDR => Some(address(message)?),
            RTM_NEWNEXTHOP | RTM_DELNEXTHOP => {
                Some(Self::NextHopObject { id: next_hops::id(message)? })
            }
            RTM_NEWNEIGH | RTM_DELNEIGH => neighbour(message)?.map(Self::Neighbour),
            _ => None,
        })
    }
}

/// Reads a message about a neighbour; `None`: it is one of a bridge, or of another protocol.
pub(super) fn neighbour(message: &RawMessage<'_>) -> Result<Option<NeighbourNews>> {
    let is_there = message.message_type == RTM_NEWNEIGH;
    // Entries of bridges are other things, by the same messages.
    let family = message.payload.first().copied().unwrap_or_default();
    if ![AddressFamily::Inet, AddressFamily::Inet6].contains(&family.into()) {
        return Ok(None);
    }
    let message = NeighbourMessage::parse(message.payload)?;
    let (mut address, mut mac, mut is_managed) = (None, None, false);
    for attribute in &message.attributes {
        if let NeighbourAttribute::Destination(NeighbourAddress::Inet(found)) = attribute {
            address = Some(IpAddr::V4(*found));
        } else if let NeighbourAttribute::Destination(NeighbourAddress::Inet6(found)) = attribute {
            address = Some(IpAddr::V6(*found));
        } else if let NeighbourAttribute::LinkLayerAddress(bytes) = attribute {
            mac = <[u8; 6]>::try_from(bytes.as_slice()).ok();
        } else if let NeighbourAttribute::ExtFlags(flags) = attribute {
            is_managed = flags.contains(NeighbourExtFlags::Managed);
        }
    }
    let Some(address) = address else { return Ok(None) };
    let state = message.header.state;
    // NUD_VALID of `include/net/neighbour.h`.
    let is_valid = [
        NeighbourState::Permanent,
        NeighbourState::Noarp,
        NeighbourState::Reachable,
        NeighbourState::Probe,
        NeighbourState::Stale,
        NeighbourState::Delay,
    ]
    .contains(&state);
    Ok(Some(NeighbourNews {
        key: NeighbourKey { ifindex: message.header.ifindex, address },
        mac: mac.filter(|_| is_there && is_valid),
        is_there,
        is_fixed: [NeighbourState::Permanent, NeighbourState::Noarp].contains(&state),
        is_managed,
    }))
}

fn route(message: &RawMessage<'_>) -> Result<Option<KernelNews>> {
    let family = AddressFamily::from(message.payload.first().copied().unwrap_or_default());
    let is_v4 = family == AddressFamily::Inet;
    if !is_v4 && family != AddressFamily::Inet6 {
        return Ok(None);
    }
    let mut table = u32::from(message.payload.get(ROUTE_TABLE).copied().unwrap_or_default());
    let mut destination = None;
    for attribute in message.attributes(ROUTE_HEADER_LEN_BYTES)? {
        let attribute = attribute?;
        match attribute.kind() {
            RTA_TABLE => table = parse_u32(attribute.value())?,
            RTA_DST => destination = Some(parse_ip(attribute.value())?),
            _ => {}
        }
    }
    Ok(Some(KernelNews::Route { table, is_v4, destination }))
}

fn address(message: &RawMessage<'_>) -> Result<KernelNews> {
    let mut address = None;
    for attribute in message.attributes(ADDRESS_HEADER_LEN_BYTES)? {
        let attribute = attribute?;
        // On a link with two ends the other one's is in IFA_ADDRESS.
        let is_local = attribute.kind() == IFA_LOCAL;
        if is_local || (attribute.kind() == IFA_ADDRESS && address.is_none()) {
            address = Some(parse_ip(attribute.value())?);
        }
    }
    Ok(KernelNews::Address { ifindex: message.word(IFINDEX)?, address })
}
