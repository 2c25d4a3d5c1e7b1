//! The router's interfaces, with the two next hops of each.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, Ipv6Addr},
};

use edge_common::{
    abi::{
        policer::Bucket,
        rewrite::{LeavingTag, Retag, TagSource},
        router::{RouterInterface, mac_of},
        routing::NextHop,
    },
    packet::vlan::TPID_C_TAG,
};

use super::{
    edge_number::edge_number,
    places::{InterfacePlaces, NEXT_HOPS_PER_INTERFACE},
};
use crate::{
    config::{
        CircuitVnet, Config, LinkEnds, PeeringLink, Port, RoutedKey, ServiceNetwork, SideTags,
        SourceCheck, VnetRoutes,
    },
    plan::slots::SlotClaim,
};

/// The longest IP packet in bytes on a link of which nothing else is known (RFC 894).
const DEFAULT_MTU_BYTES: u32 = 1_500;

/// An interface of the router, planned: the edge's end of a peering-link or a VNet link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfacePlan {
    /// Index in the table of interfaces. Everything else of it has its place by that: [`InterfacePlaces`].
    pub index: u32,
    /// Whether the index was another link's before, or unused.
    pub is_new: bool,
    /// The link.
    pub key: RoutedKey,
    /// Whether a BGP session is configured on it.
    pub has_session: bool,
    /// The record that the path reads. Its port for BGP is 0 until [`Self::listen`].
    pub value: RouterInterface,
    /// The next hops, IPv4's first. They have no neighbour: only the one who resolves neighbours writes that word.
    pub next_hops: [NextHop; NEXT_HOPS_PER_INTERFACE as usize],
}

impl InterfacePlan {
    /// Its places in the tables.
    #[must_use]
    pub const fn places(&self) -> InterfacePlaces {
        InterfacePlaces::of(self.index)
    }

    /// Has frames of BGP go to the router, which listens on this TCP port, where the interface has a session.
    pub fn listen(&mut self, bgp_port: u16) {
        self.value.bgp_port = if self.has_session { bgp_port } else { 0 };
    }

    /// Sets the longest IP packet in bytes that may leave by the interface.
    pub fn set_mtu(&mut self, mtu_bytes: u32) {
        for next_hop in &mut self.next_hops {
            next_hop.mtu_bytes = mtu_bytes;
        }
    }
}

/// Names of all links with routes.
pub(in crate::plan) fn routed_keys(config: &Config) -> impl Iterator<Item = RoutedKey> {
    let peerings = config.peering_links().map(|link| link.key());
    let vnets = config.vnet_links().map(|link| link.key());
    peerings.chain(vnets).chain(config.service_network.iter().map(|_| RoutedKey::Services))
}

/// A link whose interface is to be planned, and what the plan has for it so far.
pub(in crate::plan) struct NewInterface<'a> {
    pub(in crate::plan) config: &'a Config,
    pub(in crate::plan) claims: &'a BTreeMap<RoutedKey, SlotClaim>,
    pub(in crate::plan) ports: &'a BTreeMap<String, SlotClaim>,
    /// Buckets of frames to the router, and of answers, by the link's name.
    pub(in crate::plan) buckets: &'a dyn Fn(&RoutedKey) -> [Bucket; 2],
}

impl NewInterface<'_> {
    /// The interface of a peering-link. Frames to the customer belong to the attachment with the index `owner`.
    pub(in crate::plan) fn of_peering(&self, link: &PeeringLink<'_>, owner: u32) -> InterfacePlan {
        let ends = LinkAddresses { v4: link.link.v4, v6: link.link.v6 };
        let tags = LinkTags {
            tags: link.tags(),
            s_tpid: link.circuit.s_tpid,
            c_tpid: link.peering.c_tpid,
        };
        let has_session = link.routed.session.is_some();
        let checks_sources = link.routed.source_check != SourceCheck::Off;
        let planned = self.plan(link.key(), &link.link.port, ends, &tags, checks_sources);
        with_owner(InterfacePlan { has_session, ..planned }, owner)
    }

    /// The interface of a VNet link. Frames to the VNet belong to the link that they came by.
    pub(in crate::plan) fn of_vnet(&self, link: &CircuitVnet<'_>) -> InterfacePlan {
        let ends = LinkAddresses { v4: link.link.v4, v6: link.link.v6 };
        let tags = LinkTags { tags: link.link.tags(), s_tpid: None, c_tpid: None };
        let has_session = matches!(link.link.routes, VnetRoutes::Bgp { .. });
        let planned = self.plan(link.key(), &link.link.port, ends, &tags, true);
        InterfacePlan { has_session, ..planned }
    }

    /// The interface of the link to the service network. Frames to there belong to the link that they came by.
    pub(in crate::plan) fn of_services(&self, network: &ServiceNetwork) -> InterfacePlan {
        let ends = LinkAddresses { v4: network.v4, v6: network.v6 };
        let tags = LinkTags { tags: network.tags(), s_tpid: None, c_tpid: None };
        let planned = self.plan(RoutedKey::Services, &network.port, ends, &tags, true);
        InterfacePlan { has_session: network.asn.is_some(), ..planned }
    }

    fn plan(
        &self,
        key: RoutedKey,
        port: &str,
        ends: LinkAddresses,
        tags: &LinkTags,
        checks_sources: bool,
    ) -> InterfacePlan {
        let SlotClaim { index, is_new } = self.claims[&key];
        let places = InterfacePlaces::of(index);
        let mac = mac_of(edge_number(&self.config.edge.name), index).to_bits();
        let egress = self.ports[port].index;
        let port = self.config.ports.iter().find(|own| own.name == port);
        let retag = tags.retag(port).to_bits();
        let [punts, answers] = (self.buckets)(&key);
        // Without an address of a family, the link has no routes of it, either.
        let if_v4 = |root: u32| if ends.v4.is_some() { root } else { 0 };
        let if_v6 = |root: u32| if ends.v6.is_some() { root } else { 0 };
        let if_checked = |root: u32| if checks_sources { root } else { 0 };
        let value = RouterInterface {
            mac,
            own_v4: ends.v4.map_or(0, |v4| v4.own.to_bits()),
            peer_v4: ends.v4.map_or(0, |v4| v4.peer.to_bits()),
            prefix_len_v4: ends.v4.map_or(0, |v4| v4.prefix_len_bits),
            own_v6: ends.v6.map_or([0; 2], |v6| halves(v6.own)),
            peer_v6: ends.v6.map_or([0; 2], |v6| halves(v6.peer)),
            destinations_v4: if_v4(places.destinations_v4),
            destinations_v6: if_v6(places.destinations_v6),
            sources_v4: if_v4(if_checked(places.sources_v4)),
            sources_v6: if_v6(if_checked(places.sources_v6)),
            retag,
            punts,
            answers,
            egress,
            ..RouterInterface::default()
        };
        let next_hop = NextHop {
            own_mac: mac,
            retag,
            egress,
            link: places.link,
            mtu_bytes: DEFAULT_MTU_BYTES,
            ..NextHop::default()
        };
        InterfacePlan { index, is_new, key, has_session: false, value, next_hops: [next_hop; 2] }
    }
}

fn with_owner(mut interface: InterfacePlan, owner: u32) -> InterfacePlan {
    for next_hop in &mut interface.next_hops {
        next_hop.owner = owner;
    }
    interface
}

/// The addresses of a link's ends.
#[derive(Clone, Copy)]
struct LinkAddresses {
    v4: Option<LinkEnds<Ipv4Addr>>,
    v6: Option<LinkEnds<Ipv6Addr>>,
}

/// The tags of a link, and their TPIDs where the configuration gives them.
struct LinkTags {
    tags: SideTags,
    s_tpid: Option<u16>,
    c_tpid: Option<u16>,
}

impl LinkTags {
    /// From whatever tags a frame has to these. A TPID that nobody has given is that of a tag which is pushed
    /// towards `egress`. Both tags have the priority of the outer one that the frame came with.
    fn retag(&self, egress: Option<&Port>) -> Retag {
        let source = TagSource::Outer;
        let pushed_tpid = || egress.and_then(|port| port.tpids.first().copied());
        let s_tag = self.tags.s_vid.map(|vid| LeavingTag {
            tpid: self.s_tpid.or_else(pushed_tpid).unwrap_or(TPID_C_TAG),
            vid,
            source,
        });
        let c_tag = self.tags.c_vids.map(|vids| LeavingTag {
            tpid: self.c_tpid.unwrap_or(TPID_C_TAG),
            vid: vids.first,
            source,
        });
        match s_tag {
            Some(s_tag) => Retag::to(Some(s_tag), c_tag),
            None => Retag::to(c_tag, None),
        }
    }
}

fn halves(address: Ipv6Addr) -> [u64; 2] {
    let halves: [[u8; 8]; 2] = zerocopy::transmute!(address.octets());
    halves.map(u64::from_be_bytes)
}
