//! The exact records of one configuration.

use edge_common::{
    abi::{
        attachment::Attachment,
        policer::Bucket,
        port::Features,
        rewrite::{LeavingTag, Retag, TagSource},
        router::{RouterInterface, mac_of},
        routing::NextHop,
    },
    packet::vlan::Vid,
};

use super::{parse, plan};
use crate::{
    model::{Direction, Link, PeeringKind},
    plan::{AttachmentPlan, Plan, PolicerKey, RoutedKey, Scope},
};

/// A circuit with a private peering on both links and two VNets, and a wire to Microsoft.
pub(super) const ROUTED: &str = r#"[edge]
name = "lab"
[[port]]
name = "customer0"
interface = "eth0"
side = "customer"
tpids = ["0x88a8", "0x8100"]
[[port]]
name = "customer1"
interface = "eth1"
side = "customer"
link = "secondary"
[[port]]
name = "core0"
interface = "eth2"
side = "core"
tpids = ["0x9100"]
[routing]
daemon = "none"
table = 3000
icmp_rate = 0
[[circuit]]
name = "contoso"
bandwidth = "10 Mbps"
fairness = "flow"
s_tag = 100
[[circuit.peering]]
kind = "private"
c_tag = 10
peer_asn = 65001
primary = "192.168.15.16/30"
secondary = "192.168.15.20/30"
primary_v6 = "fd00:15::10/126"
max_routes = 4000
max_routes_v6 = 100
source_check = "off"
static_routes = ["10.9.0.0/16"]
[[circuit.peering]]
kind = "microsoft"
c_tag = 20
[[circuit.vnet_link]]
vnet = "hub"
port = "core0"
s_tag = 2001
c_tag = 1
own = "10.1.255.5/30"
gateway = "10.1.255.6"
prefixes = ["10.1.0.0/16", "10.3.0.0/16"]
[[circuit.vnet_link]]
vnet = "spoke"
port = "core0"
c_tag = 7
own_v6 = "fd00:2::5/126"
gateway_v6 = "fd00:2::6"
asn = 65515
"#;

pub(super) fn peering_link(link: Link) -> RoutedKey {
    RoutedKey::Peering { circuit: "contoso".into(), peering: PeeringKind::Private, link }
}

pub(super) fn vnet_link(vnet: &str) -> RoutedKey {
    RoutedKey::Vnet { circuit: "contoso".into(), vnet: vnet.into() }
}

pub(super) fn own<'p>(plan: &'p Plan, port: &str, direction: Direction) -> &'p AttachmentPlan {
    let is_it = |own: &&AttachmentPlan| {
        let key = &own.key;
        key.is_routed && key.is_billed() && key.port == port && key.direction == direction
    };
    plan.attachments.iter().find(is_it).expect("an attachment")
}

fn bucket(plan: &Plan, link: Link, direction: Direction, vnet: Option<&str>, scope: Scope) -> u32 {
    let (circuit, vnet) = ("contoso".to_owned(), vnet.map(str::to_owned));
    let peering = scope.is_of_router().then_some(PeeringKind::Private);
    let key = PolicerKey { circuit, peering, vnet, scope, direction, link };
    plan.policers[&key].index
}

#[test]
fn a_peering_link_is_an_interface_and_two_owners() {
    let plan = plan(&parse(ROUTED));
    let interface = plan.interface(&peering_link(Link::Primary)).expect("planned");
    let port = plan.port("customer0").expect("a port");
    let tag = |tpid, vid| Some(LeavingTag { tpid, vid, source: TagSource::Outer });
    let retag = Retag::to(tag(0x88a8, 100), tag(0x8100, 10)).to_bits();
    let (mac, root) = (mac_of(0xa5, interface.index).to_bits(), 4 * interface.index);
    let rate = interface.value.punts.rate;
    let punts = bucket(&plan, Link::Primary, Direction::Inbound, None, Scope::Punts);
    let answers = bucket(&plan, Link::Primary, Direction::Inbound, None, Scope::Answers);
    let expected = RouterInterface {
        mac,
        own_v4: u32::from_be_bytes([192, 168, 15, 18]),
        peer_v4: u32::from_be_bytes([192, 168, 15, 17]),
        prefix_len_v4: 30,
        own_v6: [0xfd00_0015 << 32, 0x12],
        peer_v6: [0xfd00_0015 << 32, 0x11],
        destinations_v4: root,
        destinations_v6: root + 1,
        // `source_check = "off"`.
        sources_v4: 0,
        sources_v6: 0,
        retag,
        punts: Bucket { policer: punts, rate },
        answers: Bucket { policer: answers, rate: interface.value.answers.rate },
        egress: port.index,
        ..RouterInterface::default()
    };
    assert_eq!(interface.value, expected);
    assert_ne!(rate, interface.value.answers.rate);

    let to_customer = own(&plan, "customer0", Direction::Outbound);
    let next_hop = NextHop {
        own_mac: mac,
        retag,
        egress: port.index,
        owner: to_customer.index,
        link: interface.index,
        mtu_bytes: 1500,
        ..NextHop::default()
    };
    assert_eq!(interface.next_hops, [next_hop; 2]);

    // Two tags of the customer's count, as they would on a wire.
    for (direction, port) in [(Direction::Inbound, "customer0"), (Direction::Outbound, "customer0")]
    {
        let own = own(&plan, port, direction);
        let policer = bucket(&plan, Link::Primary, direction, None, Scope::Purchased);
        assert_eq!(own.value.policer, policer);
        assert_eq!((own.value.retag, own.value.len_adjust_bytes), (0, 8));
        assert_eq!(own.value.flags, Attachment::ROUTED);
        assert_eq!(own.value.router_interface, interface.index);
        assert_ne!(own.value.flow_queues, 0);
        assert_eq!(own.key.link, Link::Primary);
        assert!(!own.key.classes.is_empty());
    }
    let secondary = plan.interface(&peering_link(Link::Secondary)).expect("planned");
    assert_eq!((secondary.value.own_v6, secondary.value.destinations_v6), ([0, 0], 0));
    assert_eq!(secondary.value.destinations_v4, 4 * secondary.index);
}

#[test]
fn a_vnet_link_is_an_interface_and_an_entry_that_nobody_pays_for() {
    let plan = plan(&parse(ROUTED));
    let interface = plan.interface(&vnet_link("hub")).expect("planned");
    let core = plan.port("core0").expect("a port");
    let tag = |tpid, vid| Some(LeavingTag { tpid, vid, source: TagSource::Outer });
    // The S-tag is pushed with the port's first TPID.
    let retag = Retag::to(tag(0x9100, 2001), tag(0x8100, 1)).to_bits();
    let (value, root) = (interface.value, 4 * interface.index);
    assert_eq!((value.retag, value.egress), (retag, core.index));
    assert_eq!((value.destinations_v4, value.sources_v4), (root, root + 2));
    assert_eq!((value.destinations_v6, value.sources_v6), (0, 0), "it has no IPv6");
    assert_eq!(interface.next_hops.map(|next_hop| next_hop.owner), [0, 0]);
    let punts = bucket(&plan, Link::Primary, Direction::Outbound, Some("hub"), Scope::Punts);
    assert_eq!(value.punts.policer, punts);

    let spoke = plan.interface(&vnet_link("spoke")).expect("planned");
    assert_eq!(spoke.value.retag, Retag::to(tag(0x8100, 7), None).to_bits());
    assert!(spoke.has_session && !interface.has_session);

    let own =
        |vnet: &str| plan.attachments.iter().find(|own| own.key.vnet.as_deref() == Some(vnet));
    let hub = own("hub").expect("an entry");
    assert!(!hub.key.is_billed() && hub.key.classes.is_empty());
    assert_eq!((hub.value.policer, hub.value.flow_queues), (0, 0));
    assert_eq!(hub.value.flags, Attachment::ROUTED);
    assert_eq!(hub.value.router_interface, interface.index);
    assert_eq!((hub.key.direction, &*hub.key.port), (Direction::Outbound, "core0"));
    // Its tags lead to it, and those of the other VNet to that one.
    let c_tables: Vec<u32> =
        plan.c_tags.values().map(|vids| vids[1]).filter(|bits| *bits != 0).collect();
    assert_eq!(c_tables, [hub.index]);
    assert_eq!(plan.s_tags[&core.index][7], own("spoke").expect("an entry").index);
}

#[test]
fn ports_have_the_features_of_the_owners_whose_frames_come_there() {
    let plan = plan(&parse(ROUTED));
    let expected = Features::ROUTED.with(Features::FAIRNESS);
    for port in &plan.ports {
        assert_eq!(port.features, expected, "{}", port.name);
    }
}

#[test]
fn a_port_for_bgp_is_that_of_links_with_sessions() {
    let mut plan = plan(&parse(ROUTED));
    for interface in &mut plan.interfaces {
        interface.listen(179);
        interface.set_mtu(9_000);
        assert_eq!(interface.next_hops.map(|next_hop| next_hop.mtu_bytes), [9_000; 2]);
    }
    let listening = plan.interfaces.iter().filter(|own| own.value.bgp_port == 179);
    let listening: Vec<_> = listening.map(|own| own.key.clone()).collect();
    let expected = [peering_link(Link::Primary), peering_link(Link::Secondary), vnet_link("spoke")];
    assert_eq!(listening, expected);
}

#[test]
fn routed_peerings_and_vnet_links_have_no_entry_of_a_wire() {
    let plan = plan(&parse(ROUTED));
    let wires = plan.attachments.iter().filter(|own| !own.key.is_routed);
    let wires: Vec<_> = wires.map(|own| (own.key.peering, own.key.port.as_str())).collect();
    let microsoft = PeeringKind::Microsoft;
    assert_eq!(wires, ["customer0", "customer1", "core0"].map(|port| (microsoft, port)));
    // The tags of the private peering lead nowhere on the core's side.
    let core0 = plan.port("core0").expect("a port").index;
    let table = plan.c_tables.iter().find(|(key, _)| key.port == core0 && key.s_vid == 100);
    let vids = &plan.c_tags[&table.expect("the wire's").1.index];
    assert!((0..Vid::COUNT).all(|vid| (vids[vid] != 0) == (vid == 20)));
}
