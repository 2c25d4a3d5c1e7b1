//! A router in memory: two customers with identical addresses, one of them with two links, the virtual network of
//! each, and a customer without tags. All come in by one port; a wire does, too.
//!
//! ```text
//! customer A  ═ A1, A2 ═╗                 ╔═ A_VNET ═ network of A   10.1/16
//!             172.16/12 ╠═ domain A: edge ╝
//! customer B  ══ B1 ════╗                 ╔═ B_VNET ═ network of B   10.1/16
//!             172.16/12 ╠═ domain B: edge ╝
//! customer C  ══ BARE ══  domain C, everything to A_VNET's gateway
//! ```

use crate::{
    routes::{halves, install, word},
    tables::{qos_row, sample},
};
use edge_common::{
    abi::{
        attachment::{Attachment, Slot},
        counters::{Losses, Meter},
        fib::{RouteValue, Tree},
        policer::Limits,
        port::Features,
        rate::Rate,
        rewrite::{LeavingTag, Retag, TagSource},
        router::{FRAME_COST_BYTES, RouterInterface, mac_of},
        routing::{LINK_UP, Mac, NextHop, NextHopGroup},
    },
    host::{HostRouter, HostTables},
};

/// Interfaces, each with the attachment of the same number, by which its frames come in.
pub(crate) const A1: u32 = 1;
pub(crate) const A2: u32 = 2;
pub(crate) const B1: u32 = 3;
pub(crate) const A_VNET: u32 = 4;
pub(crate) const B_VNET: u32 = 5;
pub(crate) const BARE: u32 = 6;
pub(crate) const INTERFACES: [u32; 6] = [A1, A2, B1, A_VNET, B_VNET, BARE];

/// Attachments of frames to customers, which own what comes from the networks.
pub(crate) const A1_OUT: u32 = 7;
pub(crate) const A2_OUT: u32 = 8;
pub(crate) const B1_OUT: u32 = 9;
/// The attachment of a wire, by [`WIRE_TAGS`].
pub(crate) const WIRE: u32 = 10;
pub(crate) const WIRE_TAGS: [(u16, u16); 1] = [(0x8100, 40)];
const ATTACHMENTS: usize = 11;

/// Next hops. The first six are the neighbours at the interfaces with these numbers.
pub(crate) const NARROW: u32 = 7;
pub(crate) const UNRESOLVED: u32 = 8;
pub(crate) const CUT: u32 = 9;
/// The longest packet that [`NARROW`] takes, and the others.
pub(crate) const NARROW_MTU: u32 = 600;
pub(crate) const MTU: u32 = 1500;

/// Customer A's two links.
pub(crate) const BOTH_LINKS: u32 = 1;

/// Indices of roots: a domain's side has one for IPv4, and the next one for IPv6.
pub(crate) const A_CLOUD: u32 = 1;
pub(crate) const A_CUSTOMER: u32 = 3;
pub(crate) const B_CLOUD: u32 = 5;
pub(crate) const B_CUSTOMER: u32 = 7;
pub(crate) const C_CLOUD: u32 = 9;
const ROOTS: usize = 11;

/// Policers without an owner yet, and rates: the index of one that allows 1,000 frames a second to the router and four
/// at once.
pub(crate) const SPARE_POLICERS: [u32; 2] = [2, 3];
pub(crate) const PUNT_RATE: u32 = 1;
pub(crate) const PUNT_BURST: usize = 4;

/// Ports in `TX_PORTS`.
pub(crate) const CUSTOMER_PORT: u32 = 1;
pub(crate) const CORE_PORT: u32 = 2;

/// The tags by which frames come to an interface, and leave it.
pub(crate) fn tags(interface: u32) -> &'static [(u16, u16)] {
    match interface {
        A1 => &[(0x88a8, 100), (0x8100, 10)],
        A2 => &[(0x88a8, 100), (0x8100, 11)],
        B1 => &[(0x88a8, 200), (0x8100, 10)],
        A_VNET => &[(0x8100, 20)],
        B_VNET => &[(0x8100, 21)],
        _ => &[],
    }
}

/// The edge's MAC address at an interface.
pub(crate) fn own_mac(interface: u32) -> [u8; 6] {
    mac_of(9, interface).to_bytes()
}

/// The MAC address of the neighbour at an interface, or of another next hop.
pub(crate) fn neighbour_mac(next_hop: u32) -> [u8; 6] {
    [2, 0, 0, 0, 1, next_hop as u8]
}

/// Addresses of an interface, own and the neighbour's, of IPv4 and of IPv6.
pub(crate) fn addresses(interface: u32) -> [[&'static str; 2]; 2] {
    match interface {
        A1 | B1 => [["10.0.0.2", "10.0.0.1"], ["2001:db8:0:1::2", "2001:db8:0:1::1"]],
        A2 => [["10.0.0.6", "10.0.0.5"], ["2001:db8:0:2::2", "2001:db8:0:2::1"]],
        A_VNET | B_VNET => {
            [["10.1.255.5", "10.1.255.6"], ["2001:db8:a1:ffff::5", "2001:db8:a1:ffff::6"]]
        }
        _ => [["192.0.2.2", "192.0.2.1"], ["2001:db8:0:3::2", "2001:db8:0:3::1"]],
    }
}

/// The router and its port.
pub(crate) fn world() -> HostTables {
    let mut tables = sample(&qos_row(|arriving| arriving));
    tables.port.features = Features::ALL;
    tables.buckets.features = Features::ALL;
    let cost_bytes = u64::from(FRAME_COST_BYTES);
    let punts = Rate::new(1_000 * 8 * cost_bytes, cost_bytes * PUNT_BURST as u64);
    tables.buckets.rates.push(punts.unwrap());
    tables.buckets.policers.resize_with(4, Default::default);
    tables.meters = vec![Meter::default(); ATTACHMENTS];
    tables.losses = vec![Losses::default(); ATTACHMENTS];
    tables.limits = vec![Limits::default(); ATTACHMENTS];
    tables.attachments = vec![Attachment::default(); ATTACHMENTS];
    tables.s_table.fill(0);
    tables.c_tables.clear();
    for interface in INTERFACES {
        claim(&mut tables, tags(interface), interface);
        let flags = Attachment::ROUTED;
        tables.attachments[interface as usize] =
            Attachment { flags, router_interface: interface, ..Attachment::default() };
    }
    claim(&mut tables, &WIRE_TAGS, WIRE);
    tables.router = router();
    tables
}

fn claim(tables: &mut HostTables, tags: &[(u16, u16)], attachment: u32) {
    let slot = Slot::Attachment(attachment).to_bits();
    let s_vid = tags.first().map_or(0, |(_, vid)| *vid);
    match tags.get(1) {
        None => tables.s_table[usize::from(s_vid)] = slot,
        Some((_, c_vid)) => {
            tables.s_table[usize::from(s_vid)] = Slot::CTable(u32::from(s_vid)).to_bits();
            let table = tables.c_tables.entry(u32::from(s_vid));
            table.or_insert_with(|| Box::new([0; 4096]))[usize::from(*c_vid)] = slot;
        }
    }
}

fn router() -> HostRouter {
    let mut router = HostRouter {
        interfaces: vec![RouterInterface::default()],
        roots: vec![0; ROOTS],
        next_hops: vec![NextHop::default(); 10],
        groups: vec![NextHopGroup::default(); 2],
        links: vec![LINK_UP; 10],
        ..HostRouter::default()
    };
    // Tree 0 is none.
    router.fib.trees.push(Tree::default());
    router.interfaces.extend(INTERFACES.map(interface));
    for (next_hop, at, owner) in [
        (A1, A1, A1_OUT),
        (A2, A2, A2_OUT),
        (B1, B1, B1_OUT),
        (A_VNET, A_VNET, 0),
        (B_VNET, B_VNET, 0),
        (BARE, BARE, 0),
        (NARROW, A_VNET, 0),
        (UNRESOLVED, A_VNET, 0),
        (CUT, A_VNET, 0),
    ] {
        router.next_hops[next_hop as usize] = next_hop_at(next_hop, at, owner);
    }
    router.next_hops[NARROW as usize].mtu_bytes = NARROW_MTU;
    router.next_hops[UNRESOLVED as usize].neighbour = 0;
    router.links[CUT as usize] = 1;
    router.groups[BOTH_LINKS as usize] = group(&[A1, A2]);

    let hop = |index| RouteValue::next_hop(index).unwrap();
    let links = RouteValue::group(BOTH_LINKS).unwrap();
    let odd = [
        ("10.2.0.0/16", hop(NARROW)),
        ("2001:db8:a2::/48", hop(NARROW)),
        ("10.3.0.0/16", hop(UNRESOLVED)),
        ("2001:db8:a3::/48", hop(UNRESOLVED)),
        ("10.4.0.0/16", hop(CUT)),
        ("2001:db8:a4::/48", hop(CUT)),
        ("10.5.0.0/16", RouteValue::BLACKHOLE),
        ("2001:db8:a5::/48", RouteValue::BLACKHOLE),
        ("10.6.0.0/16", hop(77)),
    ];
    let cloud = |gateway| {
        [
            ("10.1.0.0/16", hop(gateway)),
            ("2001:db8:a1::/48", hop(gateway)),
            ("10.1.255.5/32", RouteValue::LOCAL),
            ("2001:db8:a1:ffff::5/128", RouteValue::LOCAL),
        ]
    };
    let customer = |first, sites| {
        [
            ("172.16.0.0/12", sites),
            ("2001:db8:c0::/44", sites),
            ("10.0.0.0/30", hop(first)),
            ("2001:db8:0:1::/126", hop(first)),
            ("10.0.0.2/32", RouteValue::LOCAL),
            ("2001:db8:0:1::2/128", RouteValue::LOCAL),
        ]
    };
    install(&mut router, A_CLOUD, &[&cloud(A_VNET)[..], &odd].concat());
    install(&mut router, A_CUSTOMER, &customer(A1, links));
    install(&mut router, B_CLOUD, &cloud(B_VNET));
    install(&mut router, B_CUSTOMER, &customer(B1, hop(B1)));
    install(&mut router, C_CLOUD, &[("0.0.0.0/0", hop(A_VNET)), ("::/0", hop(A_VNET))]);
    router
}

fn interface(index: u32) -> RouterInterface {
    let [[own_v4, peer_v4], [own_v6, peer_v6]] = addresses(index);
    let (destinations, sources, egress) = match index {
        A1 | A2 => (A_CLOUD, A_CUSTOMER, CUSTOMER_PORT),
        B1 => (B_CLOUD, B_CUSTOMER, CUSTOMER_PORT),
        A_VNET => (A_CUSTOMER, A_CLOUD, CORE_PORT),
        B_VNET => (B_CUSTOMER, B_CLOUD, CORE_PORT),
        _ => (C_CLOUD, 0, CUSTOMER_PORT),
    };
    RouterInterface {
        mac: mac_of(9, index).to_bits(),
        own_v4: word(own_v4),
        peer_v4: word(peer_v4),
        own_v6: halves(own_v6),
        peer_v6: halves(peer_v6),
        prefix_len_v4: if index == BARE { 29 } else { 30 },
        destinations_v4: destinations,
        destinations_v6: destinations + 1,
        sources_v4: sources,
        sources_v6: if sources == 0 { 0 } else { sources + 1 },
        bgp_port: 179,
        retag: leaving(index).to_bits(),
        egress,
        ..RouterInterface::default()
    }
}

/// A next hop of `owner`'s at an interface, on a link of the next hop's number.
pub(crate) fn next_hop_at(next_hop: u32, interface: u32, owner: u32) -> NextHop {
    let is_customer = [A1, A2, B1, BARE].contains(&interface);
    NextHop {
        neighbour: Mac::new(neighbour_mac(next_hop)).to_bits(),
        own_mac: mac_of(9, interface).to_bits(),
        retag: leaving(interface).to_bits(),
        egress: if is_customer { CUSTOMER_PORT } else { CORE_PORT },
        owner,
        link: next_hop,
        mtu_bytes: MTU,
        ..NextHop::default()
    }
}

pub(crate) fn group(members: &[u32]) -> NextHopGroup {
    let mut group = NextHopGroup { count: members.len() as u32, ..NextHopGroup::default() };
    group.members[..members.len()].copy_from_slice(members);
    group
}

/// The tags with which frames leave by an interface.
fn leaving(interface: u32) -> Retag {
    let tag =
        |(tpid, vid): &(u16, u16)| LeavingTag { tpid: *tpid, vid: *vid, source: TagSource::Outer };
    let tags = tags(interface);
    Retag::to(tags.first().map(tag), tags.get(1).map(tag))
}
