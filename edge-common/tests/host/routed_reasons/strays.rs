//! Frames for others, and services that the edge has not.

use super::{
    Case, HOST, HOST_V6, OWN, OWN_V6, PEER, PEER_V6, SITE, SITE_V6, SYN, arp, at_a1, to_mac,
};
use crate::{
    packets::{ICMP, ICMPV6, Packet},
    routed_runs::{arriving, link},
    routed_tables::{A_VNET, A1, BARE, neighbour_mac, own_mac, tags},
};
use edge_common::Reason;

pub(super) fn cases() -> Vec<Case> {
    let (v4, v6) = (Packet::plain(SITE, HOST), Packet::plain(SITE_V6, HOST_V6));
    let stray = |name, frame| (name, frame, Reason::NotForUs);
    let dropped = |name, packet: &Packet| at_a1(name, packet, Reason::NotForUs);
    let shim = |ether_type, header: [u8; 8]| {
        let payload = [&header[..], &v4.bytes()].concat();
        link(own_mac(A1), neighbour_mac(A1), tags(A1), ether_type, &payload)
    };
    let other = |ether_type, payload: &[u8]| {
        link(own_mac(A1), neighbour_mac(A1), tags(A1), ether_type, payload)
    };
    vec![
        stray("another station's", to_mac(own_mac(A_VNET), &v4)),
        stray("another station's", to_mac([2, 9, 9, 9, 9, 9], &v6)),
        stray("link-layer broadcast (RFC 1812, 5.3.4)", to_mac([0xff; 6], &v4)),
        stray("link-layer multicast", to_mac([1, 0, 0x5e, 0, 0, 5], &v4)),
        stray("link-layer multicast", to_mac([0x33, 0x33, 0, 0, 0, 1], &v6)),
        stray("an echo request by broadcast", to_mac([0xff; 6], &Packet::echo(SITE, OWN, 8))),
        dropped("multicast", &Packet::plain(SITE, "224.0.0.5")),
        dropped("multicast", &Packet::plain(SITE, "239.1.2.3")),
        dropped("multicast", &Packet::plain(SITE_V6, "ff0e::101")),
        dropped("limited broadcast", &Packet::plain(PEER, "255.255.255.255")),
        dropped("broadcast of the link (RFC 2644)", &Packet::plain(SITE, "10.0.0.3")),
        dropped("the network itself", &Packet::plain(SITE, "10.0.0.0")),
        stray("of a larger one", arriving(BARE, &Packet::plain("192.0.2.1", "192.0.2.7"))),
        stray("of a larger one", arriving(BARE, &Packet::plain("192.0.2.1", "192.0.2.0"))),
        dropped("a service of nobody", &Packet::udp(PEER, OWN, (1, 161), 8)),
        dropped("a service of nobody", &Packet::udp(PEER_V6, OWN_V6, (1, 161), 8)),
        dropped("a service of nobody", &Packet::tcp(PEER, OWN, (1, 22), SYN)),
        dropped("a service of nobody", &Packet::new(PEER, OWN, 47, &[0; 8])),
        dropped("an echo reply", &Packet::icmp(PEER, OWN, 0, 0, &[0; 12])),
        dropped("an echo reply", &Packet::icmp(PEER_V6, OWN_V6, 129, 0, &[0; 12])),
        dropped("a timestamp request", &Packet::icmp(PEER, OWN, 13, 0, &[0; 16])),
        dropped("an echo request in fragments", &Packet::echo(PEER, OWN, 64).fragment(0x2000)),
        dropped(
            "the same to another interface",
            &Packet::echo(SITE, "10.1.255.5", 64).fragment(0x2000),
        ),
        dropped("half of one", &Packet::new(SITE, "10.1.255.5", ICMP, &[8, 0, 0xf7, 0xff])),
        dropped("a later fragment", &Packet::udp(PEER, OWN, (1, 3784), 24).ttl(255).fragment(7)),
        dropped("half an echo request", &Packet::new(PEER, OWN, ICMP, &[8, 0, 0xf7, 0xff])),
        dropped("half an echo request", &Packet::new(PEER_V6, OWN_V6, ICMPV6, &[128, 0, 0, 0])),
        dropped("a packet of nothing", &Packet::new(PEER, OWN, ICMP, &[])),
        dropped(
            "behind an extension header",
            &Packet::new(PEER_V6, OWN_V6, 0, &[58, 0, 1, 4, 0, 0, 0, 0]),
        ),
        dropped("not from the neighbour", &Packet::tcp(SITE, OWN, (1, 179), SYN)),
        dropped("not from the neighbour", &Packet::tcp(SITE_V6, OWN_V6, (1, 179), SYN)),
        dropped("BFD that was routed", &Packet::udp(PEER, OWN, (49_152, 3784), 24).ttl(254)),
        dropped("BFD that was routed", &Packet::udp(PEER_V6, OWN_V6, (49_152, 3784), 24).ttl(254)),
        dropped("BFD of somebody else", &Packet::udp(SITE, OWN, (49_152, 3784), 24).ttl(255)),
        dropped("multihop BFD", &Packet::udp(PEER, OWN, (49_152, 4784), 24).ttl(255)),
        dropped("to an address of another interface", &Packet::plain(SITE, "10.1.255.5")),
        dropped(
            "to an address of another interface",
            &Packet::plain(SITE_V6, "2001:db8:a1:ffff::5"),
        ),
        dropped(
            "a router's solicitation",
            &Packet::icmp("fe80::1", "ff02::2", 133, 0, &[0; 4]).ttl(255),
        ),
        dropped(
            "a router's advertisement",
            &Packet::icmp("fe80::1", "ff02::1", 134, 0, &[0; 12]).ttl(255),
        ),
        dropped("a redirect", &Packet::icmp("fe80::1", OWN_V6, 137, 0, &[0; 36]).ttl(255)),
        dropped(
            "a solicitation for another",
            &Packet::neighbour(PEER_V6, "ff02::1:ff00:2", 135, PEER_V6),
        ),
        dropped(
            "a solicitation to another",
            &Packet::neighbour(PEER_V6, "ff02::1:ff00:9", 135, OWN_V6),
        ),
        dropped("an advertisement of another", &Packet::neighbour(PEER_V6, OWN_V6, 136, SITE_V6)),
        dropped("half a solicitation", &Packet::icmp(PEER_V6, OWN_V6, 135, 0, &[0; 8]).ttl(255)),
        stray("IP in a PPPoE session", shim(0x8864, [0x11, 0, 0, 1, 0, 56, 0, 0x21])),
        stray("IP behind SNAP", shim(62, [0xaa, 0xaa, 3, 0, 0, 0, 8, 0])),
        stray("MPLS", other(0x8847, &[0, 1, 1, 64, 0x45, 0, 0, 20])),
        stray("a further tag", other(0x8100, &[&[0, 7, 8, 0][..], &v4.bytes()].concat())),
        stray("ARP for another", other(0x0806, &arp(1, PEER, "10.0.0.9"))),
        stray("ARP of a stranger", other(0x0806, &arp(1, "10.0.0.9", OWN))),
        stray(
            "ARP of other lengths",
            other(0x0806, &[&[0, 1, 8, 0, 8, 4][..], &arp(1, PEER, OWN)[6..]].concat()),
        ),
    ]
}
