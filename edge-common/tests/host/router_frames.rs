//! Frames to the router and from it.

use crate::{
    packets::Packet,
    routed_reasons::arp,
    routed_runs::{Send, arriving, link},
    routed_tables::{
        A_VNET, A1, A2, B1, BARE, CORE_PORT, CUSTOMER_PORT, INTERFACES, PUNT_BURST, PUNT_RATE,
        SPARE_POLICERS, addresses, neighbour_mac, own_mac, tags, world,
    },
};
use edge_common::{
    Action, Reason,
    abi::{counters::Meter, in_flight::HandedOver, policer::Bucket},
    env::Way,
    host::{Buffer, FixedClock, HostTables},
    path,
};

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const ROOM: usize = 16;

fn bgp(at: u32) -> Packet {
    let [[own, peer], _] = addresses(at);
    Packet::tcp(peer, own, (50_000, 179), SYN)
}

#[test]
fn a_frame_to_the_router_loses_its_tags_and_goes_to_the_interface_alone() {
    for at in INTERFACES {
        let [[own, peer], [own_v6, peer_v6]] = addresses(at);
        let solicitation = Packet::neighbour(peer_v6, own_v6, 135, own_v6);
        for (group, ether_type, payload) in [
            ([0xff; 6], 0x0806, arp(1, peer, own)),
            ([0x33, 0x33, 0xff, 0, 0, 2], 0x86dd, solicitation.bytes()),
            (own_mac(at), 0x0800, bgp(at).bytes()),
        ] {
            let mut tables = world();
            let sent =
                tables.send_frame(&link(group, neighbour_mac(at), tags(at), ether_type, &payload));
            assert_eq!((sent.reason, sent.action), (Reason::Punted, Action::Punt), "{at}");
            assert_eq!(sent.way(), Some(Way::Router));
            assert_eq!(sent.left, link(own_mac(at), neighbour_mac(at), &[], ether_type, &payload));
            let (_, record) = sent.handed_over.unwrap();
            assert_eq!(record, HandedOver::nobodys());
            assert!(tables.meters.iter().all(|meter| *meter == Meter::default()));
            assert_eq!(tables.lost(at), []);
        }
    }
}

#[test]
fn frames_to_the_router_above_the_rate_are_dropped_for_their_interface_alone() {
    let mut tables = world();
    for (at, policer) in [A1, A2].into_iter().zip(SPARE_POLICERS) {
        tables.router.interfaces[at as usize].punts = Bucket { policer, rate: PUNT_RATE };
    }
    for _ in 0..PUNT_BURST {
        assert_eq!(tables.send(A1, &bgp(A1)).reason, Reason::Punted);
    }
    let sent = tables.send(A1, &bgp(A1));
    assert_eq!((sent.reason, sent.action), (Reason::PuntLimited, Action::Drop));
    assert!(sent.is_unchanged());
    assert_eq!(tables.lost(A1)[0].0, Reason::PuntLimited);
    assert_eq!(tables.send(A2, &bgp(A2)).reason, Reason::Punted);
    assert_eq!(tables.send(A1, &Packet::echo("10.0.0.1", "10.0.0.2", 8)).reason, Reason::Answered);
    tables.buckets.clock = FixedClock(1 + 1_000_000);
    assert_eq!(tables.send(A1, &bgp(A1)).reason, Reason::Punted);
    assert_eq!(tables.send(A1, &bgp(A1)).reason, Reason::PuntLimited);
}

#[test]
fn without_the_routers_device_nothing_goes_there() {
    let mut tables = world();
    tables.has_egress = false;
    let sent = tables.send(A1, &bgp(A1));
    assert_eq!((sent.reason, sent.action), (Reason::NoEgress, Action::Drop));
    assert_eq!(tables.lost(A1)[0].0, Reason::NoEgress);
}

/// A segment that the router's stack would reset never gets there.
#[test]
fn a_connection_is_begun_where_the_router_listens_and_nowhere_else() {
    let (own, peer) = ("10.0.0.2", "10.0.0.1");
    let (own_v6, peer_v6) = ("2001:db8:0:1::2", "2001:db8:0:1::1");
    for (listens_on, ports, flags, reason) in [
        (179, (50_000, 179), SYN, Reason::Punted),
        (179, (50_000, 179), ACK, Reason::Punted),
        (179, (179, 50_000), SYN | ACK, Reason::Punted),
        (179, (179, 50_000), ACK, Reason::Punted),
        (179, (179, 50_000), SYN, Reason::NotForUs),
        (179, (50_000, 50_001), ACK, Reason::NotForUs),
        (179, (179, 179), SYN, Reason::Punted),
        (1790, (50_000, 1790), SYN, Reason::Punted),
        (1790, (50_000, 179), SYN, Reason::NotForUs),
        (1790, (50_000, 179), ACK, Reason::NotForUs),
        (0, (50_000, 179), SYN, Reason::NotForUs),
        (0, (50_000, 0), SYN, Reason::NotForUs),
        (0, (179, 50_000), SYN | ACK, Reason::Punted),
        (0, (179, 50_000), 4, Reason::Punted),
        (0, (179, 50_000), SYN, Reason::NotForUs),
    ] {
        let mut tables = world();
        tables.router.interfaces[A1 as usize].bgp_port = listens_on;
        for packet in
            [Packet::tcp(peer, own, ports, flags), Packet::tcp(peer_v6, own_v6, ports, flags)]
        {
            assert_eq!(tables.send(A1, &packet).reason, reason, "{listens_on} {ports:?} {flags:x}");
            let cut = Packet { payload: packet.payload[..13].to_vec(), ..packet };
            let is_for_listener = listens_on != 0 && ports.1 == listens_on;
            let expected = if is_for_listener { Reason::Punted } else { Reason::NotForUs };
            assert_eq!(tables.send(A1, &cut).reason, expected, "without its flags");
        }
    }
}

#[test]
fn an_interface_without_ipv4_takes_no_arp() {
    let mut tables = world();
    let interface = &mut tables.router.interfaces[A1 as usize];
    (interface.own_v4, interface.peer_v4) = (0, 0);
    for target in ["0.0.0.0", "10.0.0.2"] {
        let frame =
            link([0xff; 6], neighbour_mac(A1), tags(A1), 0x0806, &arp(1, "0.0.0.0", target));
        assert_eq!(tables.send_frame(&frame).reason, Reason::NotForUs, "{target}");
    }
}

#[test]
fn half_an_arp_packet_is_malformed() {
    let whole = arp(1, "10.0.0.1", "10.0.0.2");
    for len in 0..whole.len() {
        let frame = link([0xff; 6], neighbour_mac(A1), tags(A1), 0x0806, &whole[..len]);
        assert_eq!(world().send_frame(&frame).reason, Reason::Malformed, "{len} bytes");
    }
}

/// A frame from the router with this source, and what became of it.
fn from_router(tables: &mut HostTables, frame: &[u8], room: usize) -> (Reason, Vec<u8>) {
    tables.handed_over.clear();
    let mut bytes = [&vec![0xee; room], frame].concat();
    let mut buffer = Buffer::new(&mut bytes, room);
    let reason = path::process_from_router(&mut buffer, tables);
    (reason, buffer.as_bytes().to_vec())
}

#[test]
fn a_frame_from_the_router_gets_the_tags_of_its_interface() {
    for at in INTERFACES {
        let mut tables = world();
        let payload = bgp(at).bytes();
        let frame = link(neighbour_mac(at), own_mac(at), &[], 0x0800, &payload);
        let (reason, left) = from_router(&mut tables, &frame, ROOM);
        assert_eq!(reason, Reason::Ok);
        assert_eq!(left, link(neighbour_mac(at), own_mac(at), tags(at), 0x0800, &payload));
        let port = if at == A_VNET || at == 5 { CORE_PORT } else { CUSTOMER_PORT };
        let [(way, record)] = tables.handed_over[..] else { panic!("it leaves once") };
        assert_eq!((way, record.attachment, record.len_bytes), (Way::Port(port), 0, 0));
        assert_eq!(record.rx_len_bytes as usize, frame.len());
        assert!(tables.meters.iter().all(|meter| *meter == Meter::default()), "and is not billed");
        let counted = tables.port_counters.reasons[0];
        assert_eq!((counted.frames, counted.bytes), (1, frame.len() as u64));
    }
}

#[test]
fn a_frame_from_no_interface_goes_nowhere() {
    let mut other_edge = own_mac(A1);
    other_edge[2] ^= 1;
    for source in
        [other_edge, own_mac(0), own_mac(7), own_mac(0xff_ffff), [0; 6], [0xff; 6], [2; 6]]
    {
        let mut tables = world();
        let frame = link(neighbour_mac(A1), source, &[], 0x0800, &bgp(A1).bytes());
        let (reason, left) = from_router(&mut tables, &frame, ROOM);
        assert_eq!((reason, left), (Reason::Unmatched, frame), "{source:x?}");
        assert_eq!(tables.handed_over, []);
    }
    for len in 0..14 {
        let frame = link(neighbour_mac(A1), own_mac(A1), &[], 0x0800, &[])[..len].to_vec();
        assert_eq!(from_router(&mut world(), &frame, ROOM), (Reason::Malformed, frame));
    }
}

#[test]
fn a_frame_from_the_router_without_room_or_port_is_dropped() {
    for (at, room) in [(B1, 8), (A_VNET, 4), (BARE, 0)] {
        let frame =
            link(neighbour_mac(at), own_mac(at), &[], 0x0806, &arp(2, "10.0.0.2", "10.0.0.1"));
        assert_eq!(from_router(&mut world(), &frame, room).0, Reason::Ok);
        if let Some(less) = room.checked_sub(1) {
            assert_eq!(
                from_router(&mut world(), &frame, less),
                (Reason::NoHeadroom, frame.clone())
            );
        }
        let mut tables = world();
        tables.has_egress = false;
        assert_eq!(from_router(&mut tables, &frame, room).0, Reason::NoEgress);
    }
}

/// The whole way of an ARP request of the router, and its answer.
#[test]
fn arp_finds_the_neighbour() {
    let mut tables = world();
    let request = link([0xff; 6], own_mac(B1), &[], 0x0806, &arp(1, "10.0.0.2", "10.0.0.1"));
    let (reason, left) = from_router(&mut tables, &request, ROOM);
    assert_eq!((reason, &left[12..20]), (Reason::Ok, &[0x88, 0xa8, 0, 200, 0x81, 0, 0, 10][..]));
    let reply =
        link(own_mac(B1), neighbour_mac(B1), tags(B1), 0x0806, &arp(2, "10.0.0.1", "10.0.0.2"));
    assert_eq!(tables.send_frame(&reply).left[..6], own_mac(B1));
    assert_eq!(arriving(B1, &bgp(B1))[..6], own_mac(B1));
}

/// To many stations, the router's devices have nothing to say but ARP and neighbour discovery.
#[test]
fn chatter_of_the_routers_devices_goes_nowhere() {
    let solicitation = ([0x33, 0x33, 0xff, 0, 0, 1], 0x86dd, 58, 135);
    let advertisement = ([0x33, 0x33, 0, 0, 0, 1], 0x86dd, 58, 136);
    let listener_report = ([0x33, 0x33, 0, 0, 0, 0x16], 0x86dd, 0, 58);
    let router_solicitation = ([0x33, 0x33, 0, 0, 0, 2], 0x86dd, 58, 133);
    let multicast_dns = ([0x33, 0x33, 0, 0, 0, 0xfb], 0x86dd, 17, 135);
    let igmp = ([1, 0, 0x5e, 0, 0, 0x16], 0x0800, 58, 135);
    let broadcast = ([0xff; 6], 0x0800, 58, 135);
    let unicast = (neighbour_mac(A1), 0x86dd, 0, 58);
    for ((destination, ether_type, next_header, icmp_type), is_sent) in [
        (solicitation, true),
        (advertisement, true),
        (unicast, true),
        (listener_report, false),
        (router_solicitation, false),
        (multicast_dns, false),
        (igmp, false),
        (broadcast, false),
    ] {
        let mut packet = [0; 64];
        (packet[6], packet[40]) = (next_header, icmp_type);
        let frame = link(destination, own_mac(A1), &[], ether_type, &packet);
        let expected = if is_sent { Reason::Ok } else { Reason::Unmatched };
        assert_eq!(from_router(&mut world(), &frame, ROOM).0, expected, "{destination:x?}");
        // One that ends before its type tells nothing.
        let cut = &frame[..14 + 40];
        let expected =
            if destination == neighbour_mac(A1) { Reason::Ok } else { Reason::Unmatched };
        assert_eq!(from_router(&mut world(), cut, ROOM).0, expected);
    }
}
