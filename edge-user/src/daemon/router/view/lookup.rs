//! The fate of a frame by its addresses: a frame of that kind is taken along the path in this process, on a copy of the
//! tables that frames are forwarded by.

use std::net::IpAddr;

use edge_api::{NextHopStatus, RouteFamily, RouteLookup};
use edge_common::{
    Reason,
    abi::router::{self, RouterInterface},
    env::Way,
    host::{Buffer, HostRouter},
    packet::vlan::Tag,
    path::rewrite,
};
use etherparse::PacketBuilder;

use super::{
    hops::{HopNames, next_hops},
    links::ShownLink,
};
use crate::{
    model::PeeringKind,
    plan::{Capacity, Plan},
    replay::{HostEngine, SentFrame},
    routing::bird::model::DomainSide,
};

/// Room in front of a frame for two tags.
const HEADROOM_BYTES: usize = 64;
/// Hops that the frame has left.
const TTL: u8 = 64;
/// The MAC address of the neighbour that the frame is from.
const NEIGHBOUR: [u8; 6] = [0x02, 0, 0, 0, 0, 0x01];

/// The tables to look in.
pub(super) struct LookupTables<'a> {
    pub(super) plan: &'a Plan,
    pub(super) capacity: &'a Capacity,
    pub(super) router: HostRouter,
    /// All links of the configuration.
    pub(super) links: &'a [ShownLink],
}

/// The fate of a frame to `address` in the domain of `links`, which are those of one peering.
pub(super) fn lookup(
    tables: &LookupTables<'_>,
    links: &[&ShownLink],
    address: IpAddr,
    from: Option<IpAddr>,
) -> RouteLookup {
    let services = tables.services(links);
    let own: Option<String> = links.first().map(|link| link.owner());
    let mut last = None;
    for (side, direction) in [(DomainSide::Customer, "inbound"), (DomainSide::Cloud, "outbound")] {
        let family = RouteFamily::of(address);
        let mut all = links.iter().chain(&services);
        let arrives = all.find(|link| link.side == side && link.ends_of(family).is_some());
        let Some(arrives) = arrives else { continue };
        let found = tables.send(arrives, address, from, direction);
        // From the service network, ways lead to other customers, too.
        if services.iter().any(|link| link.index == arrives.index) && found.owner != own {
            continue;
        }
        // A source of the other side is none of this one's, where the destination isn't, either.
        let is_of_other_side =
            found.reason == Reason::Spoofed.as_str() && found.next_hops.is_empty();
        if found.reason != Reason::NoRoute.as_str() && !is_of_other_side {
            return found;
        }
        last = last.or(Some(found));
    }
    last.unwrap_or_else(|| nowhere(Reason::NoRoute, "inbound"))
}

fn nowhere(reason: Reason, direction: &str) -> RouteLookup {
    RouteLookup {
        reason: reason.as_str().to_owned(),
        next_hop: None,
        port: None,
        owner: None,
        direction: direction.to_owned(),
        next_hops: Vec::new(),
        source: None,
        neighbour_mac: None,
        mtu_bytes: None,
    }
}

impl LookupTables<'_> {
    /// The link to the service network, if these are links of a peering that leads there.
    fn services(&self, links: &[&ShownLink]) -> Option<&ShownLink> {
        let is_private = links.first().is_none_or(|link| link.peering == PeeringKind::Private);
        let services = self.plan.services.as_ref().filter(|_| !is_private)?;
        self.links.iter().find(|link| link.index == services.link.index)
    }

    fn send(
        &self,
        arrives: &ShownLink,
        address: IpAddr,
        from: Option<IpAddr>,
        direction: &str,
    ) -> RouteLookup {
        let mut router = self.router.clone();
        let Some(interface) = router.interfaces.get_mut(arrives.index as usize) else {
            return nowhere(Reason::DanglingTable, direction);
        };
        if from.is_none() {
            (interface.sources_v4, interface.sources_v6) = (0, 0);
        }
        let interface = *interface;
        let family = RouteFamily::of(address);
        let peer = arrives.ends_of(family).map(|ends| ends.peer);
        let value = super::hops::value_of(&router, &interface, address);
        let names = HopNames { plan: self.plan, links: self.links, arrives };
        let sent = self.plan.port(&arrives.port).and_then(|port| {
            let frame = frame(&interface, from.or(peer)?, address)?;
            let mut engine = HostEngine::new(self.plan, port, self.capacity);
            engine.route_by(router.clone());
            Some(engine.send(&frame))
        });
        let Some(sent) = sent else { return nowhere(Reason::Malformed, direction) };
        let reason = sent.reason;
        let hops = next_hops(&router, &names, value, family);
        let source = from.map(|_| if reason == Reason::Spoofed { "spoofed" } else { "ok" });
        let mut found = RouteLookup {
            next_hops: hops,
            source: source.map(str::to_owned),
            ..nowhere(reason, direction)
        };
        if reason == Reason::Ok {
            self.tell_hop(&mut found, &router, &sent, arrives, family);
        }
        found
    }

    /// Adds the next hop of a frame that was sent. Its source is the interface that it leaves by.
    fn tell_hop(
        &self,
        found: &mut RouteLookup,
        router: &HostRouter,
        sent: &SentFrame,
        arrives: &ShownLink,
        family: RouteFamily,
    ) {
        let leaves = router::index_of(sent.source());
        let Some(link) = self.links.iter().find(|link| link.index == leaves) else { return };
        found.next_hop = link.ends_of(family).map(|ends| ends.peer);
        let port = |index| self.plan.ports.iter().find(|port| port.index == index);
        found.port = match sent.way {
            Some(Way::Port(index)) => port(index).map(|port| port.name.clone()),
            _ => None,
        };
        let owner = self.plan.attachments.iter().find(|own| own.index == sent.owner);
        let of_wire = owner.map(|own| format!("{}/{}", own.key.circuit, own.key.peering.as_str()));
        found.owner = of_wire.or_else(|| Some(arrives.owner()));
        let hop = found
            .next_hops
            .iter()
            .find(|hop: &&NextHopStatus| Some(hop.next_hop) == found.next_hop);
        found.neighbour_mac = hop.and_then(|hop| hop.neighbour_mac.clone());
        found.mtu_bytes = super::hops::mtu_bytes(router, leaves, family);
    }
}

/// An echo request as it arrives at an interface, with its tags; `None`: both addresses are not of one family.
fn frame(interface: &RouterInterface, from: IpAddr, to: IpAddr) -> Option<Vec<u8>> {
    let builder = PacketBuilder::ethernet2(NEIGHBOUR, interface.mac().to_bytes());
    let mut plain = vec![0; HEADROOM_BYTES];
    let written = match (from, to) {
        (IpAddr::V4(from), IpAddr::V4(to)) => builder
            .ipv4(from.octets(), to.octets(), TTL)
            .icmpv4_echo_request(1, 1)
            .write(&mut plain, &[]),
        (IpAddr::V6(from), IpAddr::V6(to)) => builder
            .ipv6(from.octets(), to.octets(), TTL)
            .icmpv6_echo_request(1, 1)
            .write(&mut plain, &[]),
        _ => return None,
    };
    written.ok()?;
    let ether_type = if from.is_ipv4() { 0x0800 } else { 0x86dd };
    let mut buffer = Buffer::new(&mut plain, HEADROOM_BYTES);
    rewrite::retag(&mut buffer, &Tag::none(ether_type), interface.retag()).ok()?;
    Some(buffer.as_bytes().to_vec())
}
