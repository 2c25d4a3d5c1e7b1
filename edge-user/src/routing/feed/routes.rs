//! Routes as the kernel has them.

use std::net::IpAddr;

use netlink_packet_route::{
    AddressFamily,
    route::{
        RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteNextHop, RouteNextHopFlags,
        RouteType, RouteVia,
    },
};

/// A route of a table of the kernel's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KernelRoute {
    /// The first address of the prefix.
    pub destination: IpAddr,
    /// Bits of the prefix.
    pub prefix_len: u8,
    /// Of several routes to a prefix the one with the lowest counts (`RTA_PRIORITY`).
    pub metric: u32,
    /// The program that has made it (`rtm_protocol` of linux/rtnetlink.h), such as 12: BIRD.
    pub protocol: u8,
    /// The fate of packets.
    pub kind: RouteKind,
    /// Where packets go, in the kernel's order; empty where `kind` says that they go nowhere, or where the
    /// next-hop object is not known.
    pub hops: Vec<RouteHop>,
    /// The next-hop object that has the hops, by its id (ip-nexthop(8)).
    pub next_hop_object: Option<u32>,
    /// The source address of packets of this machine. An IPv4 route goes with this address.
    pub preferred_source: Option<IpAddr>,
}

/// The type of a route (rtnetlink(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteKind {
    /// Packets go to one of the hops.
    Unicast,
    /// Packets are dropped silently.
    Blackhole,
    /// Packets are dropped; the sender is told that the host is unreachable.
    Unreachable,
    /// Packets are dropped; the sender is told that it is forbidden.
    Prohibit,
    /// Another type by its number, which leads no packet to another machine: `local`, `throw` and such.
    Other(u8),
}

/// One of the ways of a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteHop {
    /// The interface by the kernel's index.
    pub ifindex: u32,
    /// The next router, which may have an IPv6 address for an IPv4 route (RFC 8950); `None`: the destination
    /// itself is on the link.
    pub gateway: Option<IpAddr>,
    /// Its part of the traffic, by the sum of all weights: 1 to 65,536.
    pub weight: u32,
    /// Whether the kernel does not use it, as its interface is down or gone (`RTNH_F_DEAD`).
    pub is_dead: bool,
    /// Whether its interface has no carrier (`RTNH_F_LINKDOWN`). The kernel goes on using it, or, with the sysctl
    /// `ignore_routes_with_linkdown`, has it dead.
    pub is_link_down: bool,
    /// Whether the gateway counts as being on the link, whatever the interface's addresses are.
    pub is_onlink: bool,
}

impl KernelRoute {
    /// Reads a message about a route. `None`: the route is not for all packets to its prefix, as it is for a
    /// DSCP, for a source prefix, a cached exception, or of another family.
    pub(super) fn read(message: &RouteMessage) -> Option<Self> {
        let header = &message.header;
        let is_for_all = header.tos == 0
            && header.source_prefix_length == 0
            && !header.flags.contains(RouteFlags::Cloned);
        let is_v4 = header.address_family == AddressFamily::Inet;
        if !is_v4 && header.address_family != AddressFamily::Inet6 {
            return None;
        }
        let mut route = Self {
            // The default route has no attribute for it.
            destination: if is_v4 { IpAddr::from([0u8; 4]) } else { IpAddr::from([0u8; 16]) },
            prefix_len: header.destination_prefix_length,
            metric: 0,
            protocol: header.protocol.into(),
            kind: header.kind.into(),
            hops: Vec::new(),
            next_hop_object: None,
            preferred_source: None,
        };
        let mut hop = HopParts::default();
        for attribute in &message.attributes {
            hop.take(attribute);
            if let RouteAttribute::Destination(address) = attribute {
                route.destination = ip(address)?;
            } else if let RouteAttribute::Priority(metric) = attribute {
                route.metric = *metric;
            } else if let RouteAttribute::PrefSource(address) = attribute {
                route.preferred_source = ip(address);
            } else if let RouteAttribute::NhId(id) = attribute {
                route.next_hop_object = Some(*id);
            } else if let RouteAttribute::MultiPath(hops) = attribute {
                route.hops = hops.iter().map(of_several).collect();
            }
        }
        let flags = RouteNextHopFlags::from_bits_retain(header.flags.bits().to_le_bytes()[0]);
        if let Some(ifindex) = hop.ifindex
            && route.hops.is_empty()
            && route.kind == RouteKind::Unicast
        {
            route.hops.push(RouteHop::new(ifindex, hop.gateway, 1, flags));
        }
        is_for_all.then_some(route)
    }
}

impl RouteHop {
    /// A hop with the flags of `struct rtnexthop`, `struct rtmsg` or `struct nhmsg`, which are the same.
    pub(super) fn new(
        ifindex: u32,
        gateway: Option<IpAddr>,
        weight: u32,
        flags: RouteNextHopFlags,
    ) -> Self {
        Self {
            ifindex,
            gateway,
            weight,
            is_dead: flags.contains(RouteNextHopFlags::Dead),
            is_link_down: flags.contains(RouteNextHopFlags::Linkdown),
            is_onlink: flags.contains(RouteNextHopFlags::Onlink),
        }
    }
}

impl From<RouteType> for RouteKind {
    #[expect(clippy::wildcard_enum_match_arm, reason = "the others are all one here")]
    fn from(kind: RouteType) -> Self {
        match kind {
            RouteType::Unicast => Self::Unicast,
            RouteType::BlackHole => Self::Blackhole,
            RouteType::Unreachable => Self::Unreachable,
            RouteType::Prohibit => Self::Prohibit,
            other => Self::Other(other.into()),
        }
    }
}

/// Attributes that a route with one hop has itself, and one with several in each hop.
#[derive(Default)]
struct HopParts {
    ifindex: Option<u32>,
    gateway: Option<IpAddr>,
}

impl HopParts {
    fn take(&mut self, attribute: &RouteAttribute) {
        if let RouteAttribute::Oif(ifindex) = attribute {
            self.ifindex = Some(*ifindex);
        } else if let RouteAttribute::Gateway(address) = attribute {
            self.gateway = ip(address);
        } else if let RouteAttribute::Via(RouteVia::Inet(address)) = attribute {
            self.gateway = Some((*address).into());
        } else if let RouteAttribute::Via(RouteVia::Inet6(address)) = attribute {
            self.gateway = Some((*address).into());
        }
    }
}

fn of_several(hop: &RouteNextHop) -> RouteHop {
    let mut parts = HopParts::default();
    hop.attributes.iter().for_each(|attribute| parts.take(attribute));
    // `rtnh_hops` is the weight less one.
    RouteHop::new(hop.interface_index, parts.gateway, u32::from(hop.hops) + 1, hop.flags)
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    if let RouteAddress::Inet(address) = address {
        Some((*address).into())
    } else if let RouteAddress::Inet6(address) = address {
        Some((*address).into())
    } else {
        None
    }
}
