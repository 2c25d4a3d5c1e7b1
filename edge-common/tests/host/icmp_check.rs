//! ICMP errors that the path made, held against the RFCs: by etherparse, and byte by byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::{
    packets::{ICMP, ICMPV6, icmp_checksum, sum},
    routed_runs::Sent,
    routed_tables::{NARROW_MTU, addresses, own_mac},
};
use edge_common::{Action, Reason, env::Way};
use etherparse::{
    Icmpv4Type, Icmpv6Type, NetSlice, SlicedPacket, TransportSlice,
    icmpv4::{DestUnreachableHeader, TimeExceededCode},
    icmpv6::{DestUnreachableCode, TimeExceededCode as TimeExceededCodeV6},
};

/// Bytes that an error quotes of a packet of IPv4, and of one of IPv6 at most.
const MOST_V4: usize = 128;
const MOST_V6: usize = 1280 - 48;

/// Class selector 6 in the byte of the traffic class.
const CONTROL: u8 = 48 << 2;

/// Asserts that a frame was turned into the ICMP error of its reason, from the interface that it came to.
pub(crate) fn check_error(sent: &Sent) {
    assert_eq!((sent.action, sent.way()), (Action::Answer, Some(Way::Back)), "{sent:02x?}");
    let interface = u32::from(sent.left[11]);
    let offset = ip_offset(&sent.sent);
    let (packet, answer) = (&sent.sent[offset..], &sent.left[offset..]);
    assert_eq!(sent.left[..6], sent.sent[6..12], "to the sender");
    assert_eq!(sent.left[6..12], own_mac(interface));
    assert_eq!(
        sent.left[12..offset],
        sent.sent[12..offset],
        "with the tags and the EtherType that came"
    );
    let [[own_v4, _], [own_v6, _]] = addresses(interface);
    if packet[0] >> 4 == 4 {
        check_v4(packet, answer, own_v4.parse().unwrap(), sent.reason);
    } else {
        check_v6(packet, answer, own_v6.parse().unwrap(), sent.reason);
    }
    parses(sent);
}

/// The place of what follows a frame's tags and its EtherType.
pub(crate) fn ip_offset(frame: &[u8]) -> usize {
    let is_tag = |at: usize| matches!(frame.get(at..at + 2), Some([0x81, 0] | [0x88, 0xa8]));
    (12..).step_by(4).find(|at| !is_tag(*at)).unwrap() + 2
}

/// RFC 792, RFC 1812, 4.3.2, and RFC 1191, 4.
fn check_v4(packet: &[u8], answer: &[u8], own: Ipv4Addr, reason: Reason) {
    let total_len = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
    let quote = &packet[..total_len.min(MOST_V4)];
    assert_eq!(answer.len(), 28 + quote.len(), "headers, quote, and no padding");
    assert_eq!(answer[..2], [0x45, CONTROL]);
    assert_eq!(usize::from(u16::from_be_bytes([answer[2], answer[3]])), answer.len());
    assert_eq!(answer[4..10], [0, 0, 0x40, 0, 64, ICMP], "no identification, DF, TTL 64");
    assert_eq!(sum(&answer[..20]), 0xffff, "the header's checksum");
    assert_eq!(answer[12..16], own.octets());
    assert_eq!(answer[16..20], packet[12..16], "to the sender");
    let (kind, code, mtu) = match reason {
        Reason::TtlExpired => (11, 0, 0),
        Reason::NoRoute => (3, 0, 0),
        Reason::TooBig => (3, 4, NARROW_MTU as u16),
        other => panic!("no error of {other:?}"),
    };
    let message = &answer[20..];
    assert_eq!(message[..2], [kind, code]);
    assert_eq!(sum(message), 0xffff, "the message's checksum");
    assert_eq!(message[4..8], [&[0, 0], &mtu.to_be_bytes()[..]].concat());
    assert_eq!(&message[8..], quote);
}

/// RFC 4443, 2.4 and 3, and RFC 8200, 8.1.
fn check_v6(packet: &[u8], answer: &[u8], own: Ipv6Addr, reason: Reason) {
    let total_len = 40 + usize::from(u16::from_be_bytes([packet[4], packet[5]]));
    let quote = &packet[..total_len.min(MOST_V6)];
    assert_eq!(answer.len(), 48 + quote.len(), "headers, quote, and no padding");
    assert!(answer.len() <= 1280, "no longer than the least MTU");
    let start = 6 << 28 | u32::from(CONTROL) << 20;
    assert_eq!(answer[..4], start.to_be_bytes());
    assert_eq!(usize::from(u16::from_be_bytes([answer[4], answer[5]])), answer.len() - 40);
    assert_eq!(answer[6..8], [ICMPV6, 64]);
    assert_eq!(answer[8..24], own.octets());
    assert_eq!(answer[24..40], packet[8..24], "to the sender");
    let (kind, code, mtu) = match reason {
        Reason::TtlExpired => (3, 0, 0),
        Reason::NoRoute => (1, 0, 0),
        Reason::TooBig => (2, 0, NARROW_MTU),
        other => panic!("no error of {other:?}"),
    };
    let mut message = answer[40..].to_vec();
    assert_eq!(message[..2], [kind, code]);
    assert_eq!(message[4..8], mtu.to_be_bytes());
    assert_eq!(&message[8..], quote);
    let written = [message[2], message[3]];
    message[2..4].fill(0);
    let sender: [u8; 16] = packet[8..24].try_into().unwrap();
    let expected = icmp_checksum(IpAddr::V6(own), IpAddr::V6(sender.into()), &message);
    assert_eq!(u16::from_be_bytes(written), expected, "the message's checksum");
}

/// Another's parser reads the same.
fn parses(sent: &Sent) {
    let parsed = SlicedPacket::from_ethernet(&sent.left).unwrap();
    match (parsed.net.unwrap(), parsed.transport.unwrap()) {
        (NetSlice::Ipv4(ip), TransportSlice::Icmpv4(icmp)) => {
            let header = ip.header().to_header();
            assert_eq!(header.calc_header_checksum(), header.header_checksum);
            let expected = match sent.reason {
                Reason::TtlExpired => {
                    Icmpv4Type::TimeExceeded(TimeExceededCode::TtlExceededInTransit)
                }
                Reason::NoRoute => {
                    Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::Network)
                }
                _ => {
                    Icmpv4Type::DestinationUnreachable(DestUnreachableHeader::FragmentationNeeded {
                        next_hop_mtu: NARROW_MTU as u16,
                    })
                }
            };
            assert_eq!(icmp.icmp_type(), expected);
            assert_eq!(icmp.checksum(), expected.calc_checksum(icmp.payload()));
        }
        (NetSlice::Ipv6(ip), TransportSlice::Icmpv6(icmp)) => {
            let expected = match sent.reason {
                Reason::TtlExpired => {
                    Icmpv6Type::TimeExceeded(TimeExceededCodeV6::HopLimitExceeded)
                }
                Reason::NoRoute => Icmpv6Type::DestinationUnreachable(DestUnreachableCode::NoRoute),
                _ => Icmpv6Type::PacketTooBig { mtu: NARROW_MTU },
            };
            assert_eq!(icmp.icmp_type(), expected);
            let header = ip.header();
            assert!(icmp.is_checksum_valid(header.source(), header.destination()));
        }
        other => panic!("no ICMP: {other:?}"),
    }
}
