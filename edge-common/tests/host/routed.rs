//! Routed packets: their next hop, their frame, and the owner that they count for.

use crate::{
    packets::{Packet, sum},
    routed_runs::{Send, arriving, leaving, link},
    routed_tables::{
        A_VNET, A1, A1_OUT, A2, A2_OUT, B_VNET, B1, B1_OUT, BARE, CORE_PORT, CUSTOMER_PORT,
        SPARE_POLICERS, WIRE, WIRE_TAGS, neighbour_mac, own_mac, tags, world,
    },
    tables::qos_row,
};
use edge_common::{
    Action, Reason,
    abi::{
        attachment::Attachment,
        counters::{ClassCounters, ReasonCounter},
        port::Features,
        rate::Rate,
    },
    env::Way,
};
use proptest::prelude::*;

/// A packet each of both versions, from a site of a customer to its network.
fn inbound() -> [Packet; 2] {
    [
        Packet::plain("172.16.0.1", "10.1.0.9").dscp(46),
        Packet::plain("2001:db8:c0::1", "2001:db8:a1::9").dscp(46),
    ]
}

/// And back.
fn outbound() -> [Packet; 2] {
    [
        Packet::plain("10.1.0.9", "10.0.0.1").dscp(46),
        Packet::plain("2001:db8:a1::9", "2001:db8:0:1::1").dscp(46),
    ]
}

#[test]
fn a_packet_goes_to_its_next_hop_with_one_hop_less() {
    for packet in inbound() {
        let sent = world().send(A1, &packet);
        assert_eq!((sent.reason, sent.action), (Reason::Ok, Action::Forward), "{packet:?}");
        assert_eq!(sent.way(), Some(Way::Port(CORE_PORT)));
        assert_eq!(sent.left, leaving(A_VNET, A_VNET, &packet.ttl(63)));
        assert_eq!(sent.outcome.attachment, A1, "it stays the sender's");
    }
    for packet in outbound() {
        let sent = world().send(A_VNET, &packet);
        assert_eq!((sent.reason, sent.action), (Reason::Ok, Action::Forward), "{packet:?}");
        assert_eq!(sent.way(), Some(Way::Port(CUSTOMER_PORT)));
        assert_eq!(sent.left, leaving(A1, A1, &packet.ttl(63)));
        assert_eq!(sent.outcome.attachment, A1_OUT, "it is the receiver's");
    }
}

#[test]
fn frames_come_and_leave_with_none_one_or_two_tags() {
    let to_bare = |packet: &Packet| {
        let mut tables = world();
        tables.router.next_hops[A_VNET as usize] = crate::routed_tables::next_hop_at(BARE, BARE, 0);
        [A1, BARE].map(|from| tables.send(from, packet).left)
    };
    for packet in inbound() {
        let onwards = packet.clone().ttl(63);
        let sent = world().send(BARE, &packet);
        assert_eq!((sent.reason, sent.outcome.attachment), (Reason::Ok, BARE));
        assert_eq!(sent.left, leaving(A_VNET, A_VNET, &onwards));
        assert_eq!(
            to_bare(&packet),
            [leaving(BARE, BARE, &onwards), leaving(BARE, BARE, &onwards)]
        );
    }
    // One tag more, and one less, with the priority of the outer one.
    let packet = &outbound()[0];
    let mut frame = arriving(A_VNET, packet);
    frame[14] |= 0xb0;
    let left = world().send_frame(&frame).left;
    let expected = [(0x88a8, 0xb064), (0x8100, 0xb00a)];
    let onwards = packet.clone().ttl(63).bytes();
    assert_eq!(left, link(neighbour_mac(A1), own_mac(A1), &expected, 0x0800, &onwards));
}

#[test]
fn customers_with_the_same_addresses_reach_their_own_networks() {
    for (packet, answer) in inbound().into_iter().zip(outbound()) {
        for (customer, out, vnet) in [(A1, A1_OUT, A_VNET), (B1, B1_OUT, B_VNET)] {
            let mut tables = world();
            let there = tables.send(customer, &packet);
            assert_eq!(there.left, leaving(vnet, vnet, &packet.clone().ttl(63)));
            let back = tables.send(vnet, &answer);
            assert_eq!(back.left, leaving(customer, customer, &answer.clone().ttl(63)));
            assert_eq!((there.outcome.attachment, back.outcome.attachment), (customer, out));
        }
    }
}

/// A side of a domain is looked up from the other side alone.
#[test]
fn no_way_leads_from_customer_to_customer_nor_from_network_to_network() {
    for (from, source, destinations) in [
        (A1, "172.16.0.1", ["172.16.0.2", "10.0.0.1", "172.31.0.1"]),
        (A2, "172.16.0.1", ["172.16.0.2", "10.0.0.1", "10.0.0.5"]),
        (B1, "172.16.0.1", ["172.16.0.2", "10.0.0.1", "10.2.0.1"]),
        (A_VNET, "10.1.0.9", ["10.1.0.8", "10.1.255.6", "10.2.0.1"]),
        (B_VNET, "10.1.0.9", ["10.1.0.8", "10.1.255.6", "10.2.0.1"]),
        (A1, "2001:db8:c0::1", ["2001:db8:c0::2", "2001:db8:0:1::1", "2001:db8:c1::1"]),
        (A_VNET, "2001:db8:a1::9", ["2001:db8:a1::8", "2001:db8:a2::1", "2001:db8:a1:ffff::6"]),
    ] {
        for destination in destinations {
            let sent = world().send(from, &Packet::plain(source, destination));
            assert_eq!(sent.reason, Reason::NoRoute, "{from}: {source} to {destination}");
            assert_eq!(sent.way(), Some(Way::Back));
        }
    }
}

/// Class, marking, bucket and meter are those of the customer that a packet goes to.
#[test]
fn the_owner_of_the_next_hop_classifies_polices_and_meters() {
    let mut tables = world();
    tables.qos_rows.push(qos_row(|_| 10));
    tables.qos_rows[1].pcp_marks = [3; 8];
    let [policer, _] = SPARE_POLICERS;
    let rate = u32::try_from(tables.buckets.rates.len()).unwrap();
    tables.buckets.rates.push(Rate::new(1_000_000, 500).unwrap());
    tables.attachments[A1_OUT as usize] = Attachment {
        policer,
        rate,
        qos_row: 1,
        len_adjust_bytes: 20,
        flags: Attachment::ROUTED | Attachment::MARKS_PCP,
        ..Attachment::default()
    };
    // The bucket has 500 bytes.
    let packet = Packet::udp("10.1.0.9", "10.0.0.1", (1, 2), 200).dscp(46);
    let sent = tables.send(A_VNET, &packet);
    assert_eq!((sent.reason, sent.outcome.attachment), (Reason::Ok, A1_OUT));
    assert_eq!((sent.outcome.class, sent.outcome.dscp_in, sent.outcome.dscp_out), (6, 46, 10));
    let tags = [(0x88a8, 0x6064), (0x8100, 10)];
    let onwards = packet.clone().ttl(63).dscp(10).bytes();
    assert_eq!(sent.left, link(neighbour_mac(A1), own_mac(A1), &tags, 0x0800, &onwards));
    let len_bytes = 14 + 228 + 20;
    let (_, record) = sent.handed_over.unwrap();
    assert_eq!((record.attachment, record.class, record.len_bytes), (A1_OUT, 6, len_bytes));
    assert_eq!(record.rx_len_bytes as usize, sent.came.len());

    let over = tables.send(A_VNET, &packet);
    assert_eq!((over.reason, over.action), (Reason::OverRate, Action::Drop));
    assert_eq!(over.way(), None);
    let expected = ClassCounters {
        forwarded_frames: 1,
        forwarded_bytes: len_bytes.into(),
        dropped_frames: 1,
        dropped_bytes: len_bytes.into(),
    };
    assert_eq!(tables.meters[A1_OUT as usize].classes[6], expected);
    assert_eq!(tables.metered(A_VNET), ReasonCounter::default(), "nothing is the network's");
    // Another customer's bucket is another one.
    assert_eq!(tables.send(B_VNET, &packet).reason, Reason::Ok);
}

#[test]
fn a_disabled_circuit_gets_nothing_and_sends_nothing() {
    let mut tables = world();
    tables.attachments[A1_OUT as usize].flags = Attachment::ROUTED | Attachment::DISABLED;
    let sent = tables.send(A_VNET, &outbound()[0]);
    assert_eq!((sent.reason, sent.is_unchanged()), (Reason::CircuitDisabled, true));
    let lost = ReasonCounter { frames: 1, bytes: sent.came.len() as u64 };
    assert_eq!(tables.lost(A1_OUT), [(Reason::CircuitDisabled, lost)]);
    assert_eq!(tables.lost(A_VNET), []);

    tables.attachments[A1 as usize].flags |= Attachment::DISABLED;
    assert_eq!(tables.send(A1, &inbound()[0]).reason, Reason::CircuitDisabled);
    assert_eq!(tables.lost(A1)[0].0, Reason::CircuitDisabled);
}

/// A packet counts for the same, whichever link it takes, and whatever tags that link has.
#[test]
fn tags_do_not_count_but_for_the_adjustment() {
    for packet in inbound() {
        let bytes = packet.bytes().len() as u64;
        for (adjust, flags, expected) in [
            (0, 0, 14 + bytes),
            (8, 0, 14 + bytes + 8),
            (-14, 0, bytes),
            (24, Attachment::ACCOUNT_PACKET, bytes),
        ] {
            for from in [A1, A2, BARE] {
                let mut tables = world();
                tables.attachments[from as usize].len_adjust_bytes = adjust;
                tables.attachments[from as usize].flags |= flags;
                assert_eq!(tables.send(from, &packet).reason, Reason::Ok);
                let metered = ReasonCounter { frames: 1, bytes: expected };
                assert_eq!(tables.metered(from), metered, "{from} {adjust}");
            }
        }
    }
    for (customer, out, destination) in [(A1, A1_OUT, "10.0.0.1"), (A2, A2_OUT, "172.16.0.9")] {
        let mut tables = world();
        tables.router.links[if customer == A1 { A2 } else { A1 } as usize] = 1;
        let packet = Packet::plain("10.1.0.9", destination);
        assert_eq!(
            tables.send(A_VNET, &packet).left,
            leaving(customer, customer, &packet.clone().ttl(63))
        );
        assert_eq!(tables.metered(out).bytes, 14 + packet.bytes().len() as u64);
    }
}

#[test]
fn wires_beside_are_not_routed() {
    // To any MAC address, from anywhere to anywhere, with any TTL and checksum.
    let mut packet = Packet::plain("127.0.0.1", "0.0.0.0").ttl(0).bytes();
    packet[10] ^= 1;
    let frame = link([2; 6], [4; 6], &WIRE_TAGS, 0x0800, &packet);
    let sent = world().send_frame(&frame);
    assert_eq!(
        (sent.reason, sent.way(), sent.is_unchanged()),
        (Reason::Ok, Some(Way::Onwards), true)
    );
    assert_eq!((sent.outcome.attachment, sent.outcome.len_bytes), (WIRE, frame.len() as u32));

    // A port without the feature has no code for routes.
    let mut tables = world();
    tables.port.features = Features::ALL.without(Features::ROUTED);
    for packet in
        [Packet::plain("172.16.0.1", "10.1.0.9"), Packet::plain("127.0.0.1", "0.0.0.0").ttl(0)]
    {
        let sent = tables.send(A1, &packet);
        assert_eq!((sent.way(), sent.is_unchanged()), (Some(Way::Onwards), true));
    }
}

#[test]
fn a_frame_without_room_for_its_tags_or_without_a_port_is_not_metered() {
    let packet = &outbound()[0];
    let mut tables = world();
    let frame = arriving(A_VNET, packet);
    assert_eq!(tables.send_with_headroom(&frame, 3).reason, Reason::NoHeadroom);
    assert_eq!(tables.send_with_headroom(&frame, 4).reason, Reason::Ok);
    assert_eq!((tables.metered(A1_OUT).frames, tables.lost(A1_OUT)[0].0), (1, Reason::NoHeadroom));
    tables.has_egress = false;
    assert_eq!(tables.send(A_VNET, packet).reason, Reason::NoEgress);
    assert_eq!((tables.metered(A1_OUT).frames, tables.lost(A1_OUT).len()), (1, 2));
}

#[test]
fn padding_behind_a_packet_goes_on_with_it() {
    let packet = Packet::udp("172.16.0.1", "10.1.0.9", (1, 2), 3);
    let frame = [arriving(A1, &packet), vec![0x55; 11]].concat();
    let sent = world().send_frame(&frame);
    assert_eq!(sent.left, [leaving(A_VNET, A_VNET, &packet.ttl(63)), vec![0x55; 11]].concat());
}

proptest! {
    /// The checksum is what a computation from scratch gives (RFC 1624).
    #[test]
    fn the_checksum_stays_right(
        source: u16, destination: u16, ttl in 2u8.., traffic_class: u8, words in 0usize..=10, mark in 0u8..64,
    ) {
        let [c, d] = source.to_be_bytes();
        let [e, f] = destination.to_be_bytes();
        let source = format!("172.16.{c}.{d}");
        let mut packet = Packet::plain(&source, &format!("10.1.{}.{f}", e & 0x7f)).ttl(ttl);
        packet.traffic_class = traffic_class;
        packet = packet.options(&vec![1; 4 * words]);
        let mut tables = world();
        tables.qos_rows[0] = qos_row(|_| mark);
        let sent = tables.send(A1, &packet);
        prop_assert_eq!(sent.reason, Reason::Ok);
        let header = &sent.left[14 + 4 * tags(A_VNET).len()..][..20 + 4 * words];
        prop_assert_eq!(sum(header), 0xffff);
        packet.traffic_class = mark << 2 | traffic_class & 3;
        prop_assert_eq!(sent.left, leaving(A_VNET, A_VNET, &packet.ttl(ttl - 1)));
    }
}
