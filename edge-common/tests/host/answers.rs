//! Answers that the path makes: errors and echo replies.

use crate::{
    icmp_check::check_error,
    packets::{ICMP, ICMPV6, Packet},
    routed_runs::{Send, Sent, arriving, link},
    routed_tables::{A_VNET, A1, B1, BARE, neighbour_mac, own_mac, tags, world},
};
use edge_common::{
    Action, Reason,
    abi::{counters::Meter, in_flight::HandedOver},
    env::Way,
};
use etherparse::{IcmpEchoHeader, Icmpv4Type, Icmpv6Type, SlicedPacket, TransportSlice};
use proptest::prelude::*;

/// Under Miri, which is slow, one length of so many.
const LENS: usize = if cfg!(miri) { 59 } else { 1 };

/// Bytes of data with which a packet of UDP is 28 to 1,500 bytes long.
const MOST_DATA_V4: usize = 1472;
const MOST_DATA_V6: usize = 1452;

/// Packets of so many bytes of data that are answered, with the interfaces that they come to: two tags, one and none.
fn answered(data_len: usize) -> Vec<(u32, Packet, Reason)> {
    let packet = |source, destination| Packet::udp(source, destination, (1, 2), data_len);
    let expired = |source, destination| packet(source, destination).ttl(1);
    let long = |source, destination| Packet::udp(source, destination, (1, 2), data_len.max(600));
    let mut cases = vec![
        (A1, packet("172.16.0.1", "8.8.8.8"), Reason::NoRoute),
        (A1, expired("172.16.0.1", "10.1.0.9"), Reason::TtlExpired),
        (A1, long("172.16.0.1", "10.2.0.9"), Reason::TooBig),
        (B1, packet("10.0.0.1", "10.2.0.1"), Reason::NoRoute),
        (A_VNET, packet("10.1.0.9", "10.1.0.8"), Reason::NoRoute),
        (A_VNET, expired("10.1.0.9", "172.16.0.1"), Reason::TtlExpired),
        (BARE, expired("198.51.100.1", "10.1.0.9"), Reason::TtlExpired),
        (
            A1,
            expired("172.16.0.1", "10.1.0.9").options(&[7, 7, 4, 1, 2, 3, 4, 0]),
            Reason::TtlExpired,
        ),
        // The first fragment has the ports, and is answered.
        (A1, expired("172.16.0.1", "10.1.0.9").fragment(0x2000), Reason::TtlExpired),
    ];
    if data_len <= MOST_DATA_V6 {
        cases.extend([
            (A1, packet("2001:db8:c0::1", "2001:db8::1"), Reason::NoRoute),
            (A1, expired("2001:db8:c0::1", "2001:db8:a1::9"), Reason::TtlExpired),
            (A1, long("2001:db8:c0::1", "2001:db8:a2::9"), Reason::TooBig),
            (A_VNET, packet("2001:db8:a1::9", "2001:db8:a1::8"), Reason::NoRoute),
            (BARE, expired("2001:db8:ffff::1", "2001:db8:a1::9"), Reason::TtlExpired),
        ]);
    }
    cases
}

#[test]
fn errors_of_every_length_quote_the_packet() {
    let lens = (0..160).chain((160..MOST_DATA_V4).step_by(37)).chain([1190, 1191, 1192, 1193]);
    for data_len in lens.chain([MOST_DATA_V6, MOST_DATA_V4]).step_by(LENS) {
        for (interface, packet, reason) in answered(data_len) {
            let sent = world().send(interface, &packet);
            assert_eq!(sent.reason, reason, "{interface} {packet:?}");
            check_error(&sent);
        }
    }
}

#[test]
fn padding_is_not_quoted() {
    for padding in [1, 18, 45] {
        for (interface, packet, reason) in answered(1) {
            let frame = [arriving(interface, &packet), vec![0xa5; padding]].concat();
            let sent = world().send_frame(&frame);
            assert_eq!(sent.reason, reason);
            check_error(&sent);
        }
    }
}

/// The answer's attachment is nobody's: the frame is not metered, and what is handed over has no owner.
#[test]
fn an_answer_is_nobodys() {
    for (interface, packet, _) in answered(64) {
        let mut tables = world();
        let sent = tables.send(interface, &packet);
        let (_, record) = sent.handed_over.unwrap();
        // The port counts it under its reason, from which a refusal takes nothing off.
        assert_eq!(record, HandedOver { attachment: 0, class: 0, len_bytes: 0, rx_len_bytes: 0 });
        assert!(tables.meters.iter().all(|meter| *meter == Meter::default()));
        assert_eq!(tables.lost(interface)[0].0, sent.reason);
    }
}

#[test]
fn an_errors_bytes_are_as_the_rfcs_have_them() {
    // Written by hand: a packet of 31 bytes whose TTL ends.
    let mut packet = Packet::udp("172.16.0.1", "10.1.0.9", (1, 2), 3).ttl(1);
    packet.payload[8..].copy_from_slice(b"abc");
    let sent = world().send(A1, &packet);
    let quote = packet.bytes();
    let header = [0x45, 0xc0, 0, 59, 0, 0, 0x40, 0, 64, 1, 0x83, 0xef, 10, 0, 0, 2, 172, 16, 0, 1];
    let message = &sent.left[42..];
    let expected =
        link(neighbour_mac(A1), own_mac(A1), tags(A1), 0x0800, &[&header[..], message].concat());
    assert_eq!(sent.left, expected);
    assert_eq!(message[..2], [11, 0]);
    assert_eq!(message[8..], quote);
}

/// The reply to an echo request: the same but for addresses, type, TTL and checksums.
fn check_reply(sent: &Sent, request: &Packet, at: u32) {
    assert_eq!((sent.reason, sent.action), (Reason::Answered, Action::Answer), "{request:?}");
    assert_eq!(sent.way(), Some(Way::Back));
    let mut reply =
        Packet { source: request.destination, destination: request.source, ..request.clone() };
    let is_v6 = request.is_v6();
    reply.ttl = 64;
    reply.payload[0] = if is_v6 { 129 } else { 0 };
    reply.payload[2..4].fill(0);
    let sum = crate::packets::icmp_checksum(reply.source, reply.destination, &reply.payload);
    reply.payload[2..4].copy_from_slice(&sum.to_be_bytes());
    let bytes = reply.bytes();
    assert_eq!(
        sent.left,
        link(neighbour_mac(at), own_mac(at), tags(at), reply.ether_type(), &bytes)
    );

    let parsed = SlicedPacket::from_ethernet(&sent.left).unwrap();
    let echo = IcmpEchoHeader { id: 0x1234, seq: 7 };
    match parsed.transport.unwrap() {
        TransportSlice::Icmpv4(icmp) => assert_eq!(icmp.icmp_type(), Icmpv4Type::EchoReply(echo)),
        TransportSlice::Icmpv6(icmp) => assert_eq!(icmp.icmp_type(), Icmpv6Type::EchoReply(echo)),
        other => panic!("no reply: {other:?}"),
    }
}

#[test]
fn echo_requests_of_every_length_are_answered() {
    for data_len in (0..70).chain([1400, 1451, 1452]).step_by(LENS) {
        for (at, source, own) in [
            (A1, "10.0.0.1", "10.0.0.2"),
            (A1, "172.16.0.1", "10.1.255.5"),
            (A_VNET, "10.1.255.6", "10.1.255.5"),
            (BARE, "192.0.2.1", "192.0.2.2"),
            (A1, "2001:db8:0:1::1", "2001:db8:0:1::2"),
            (A1, "fe80::1", "fe80::ed:9ff:fe00:1"),
            (A_VNET, "2001:db8:a1::9", "2001:db8:0:1::2"),
            (BARE, "fe80::9", "fe80::ed:9ff:fe00:6"),
        ] {
            let request = Packet::echo(source, own, data_len).dscp(data_len as u8 & 63);
            check_reply(&world().send(at, &request), &request, at);
        }
    }
}

#[test]
fn echo_with_options_and_padding_is_answered() {
    for words in 1..=10 {
        let request = Packet::echo("10.0.0.1", "10.0.0.2", 13).options(&vec![1; 4 * words]);
        check_reply(&world().send(A1, &request), &request, A1);
    }
    let request = Packet::echo("10.0.0.1", "10.0.0.2", 1);
    let frame = [arriving(A1, &request), vec![0; 13]].concat();
    let sent = world().send_frame(&frame);
    assert_eq!((sent.reason, sent.left.len()), (Reason::Answered, frame.len()));
}

#[test]
fn an_echo_request_with_a_wrong_checksum_gets_a_wrong_reply() {
    for (source, own, kind, protocol) in
        [("10.0.0.1", "10.0.0.2", 8, ICMP), ("2001:db8:0:1::1", "2001:db8:0:1::2", 128, ICMPV6)]
    {
        let request = Packet::new(source, own, protocol, &[kind, 0, 0x12, 0x34, 0, 1, 0, 2]);
        let sent = world().send(A1, &request);
        assert_eq!(sent.reason, Reason::Answered);
        let message = &sent.left[sent.left.len() - 8..];
        let mut zeroed = message.to_vec();
        zeroed[2..4].fill(0);
        let right = crate::packets::icmp_checksum(request.source, request.destination, &zeroed);
        assert_ne!(message[2..4], right.to_be_bytes());
    }
}

proptest! {
    #[test]
    fn any_packet_that_is_answered_gets_a_right_answer(
        data in prop::collection::vec(any::<u8>(), 4..1452), traffic_class: u8, protocol: u8, case in 0usize..14,
    ) {
        let (interface, packet, reason) = answered(0).swap_remove(case);
        // Errors of ICMP get no answer, and headers of extension are others'.
        prop_assume!(![ICMP, ICMPV6, 0, 43, 44, 51, 60].contains(&protocol));
        prop_assume!(reason != Reason::TooBig || data.len() > 600);
        let packet = Packet { payload: data, traffic_class, protocol, ..packet };
        let sent = world().send(interface, &packet);
        prop_assert_eq!(sent.reason, reason);
        check_error(&sent);
    }
}
