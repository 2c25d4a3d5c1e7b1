//! Frames for the router, which answers echo requests itself.

use super::{Case, OWN, OWN_LINK_LOCAL, OWN_V6, PEER, PEER_V6, SITE, SITE_V6, SYN, at_a1, to_mac};
use crate::{
    packets::Packet,
    routed_runs::link,
    routed_tables::{A1, neighbour_mac, own_mac, tags},
};
use edge_common::Reason;

pub(super) fn cases() -> Vec<Case> {
    let punted = |name, packet: &Packet| at_a1(name, packet, Reason::Punted);
    let answered = |name, packet: &Packet| at_a1(name, packet, Reason::Answered);
    let arp = |mac, packet: &[u8]| link(mac, neighbour_mac(A1), tags(A1), 0x0806, packet);
    let solicited = [0x33, 0x33, 0xff, 0, 0, 2];
    let neighbour = Packet::neighbour(PEER_V6, "ff02::1:ff00:2", 135, OWN_V6);
    vec![
        ("ARP to the edge", arp(own_mac(A1), &super::arp(2, PEER, OWN)), Reason::Punted),
        ("ARP to all", arp([0xff; 6], &super::arp(1, PEER, OWN)), Reason::Punted),
        ("an ARP probe", arp([0xff; 6], &super::arp(1, "0.0.0.0", OWN)), Reason::Punted),
        ("a solicitation", to_mac(solicited, &neighbour), Reason::Punted),
        punted("one to the edge", &Packet::neighbour(PEER_V6, OWN_V6, 135, OWN_V6)),
        punted(
            "one for the link-local address",
            &Packet::neighbour("fe80::1", "ff02::1:ff00:1", 135, OWN_LINK_LOCAL),
        ),
        punted("a probe of the address", &Packet::neighbour("::", "ff02::1:ff00:2", 135, OWN_V6)),
        punted("an advertisement", &Packet::neighbour(PEER_V6, OWN_V6, 136, PEER_V6)),
        punted("an advertisement to all", &Packet::neighbour(PEER_V6, "ff02::1", 136, PEER_V6)),
        punted(
            "one of a link-local address",
            &Packet::neighbour("fe80::1", OWN_LINK_LOCAL, 136, "fe80::1"),
        ),
        punted("BGP", &Packet::tcp(PEER, OWN, (50_000, 179), SYN)),
        punted("BGP", &Packet::tcp(PEER_V6, OWN_V6, (50_000, 179), 0x10)),
        punted("BGP that the edge began", &Packet::tcp(PEER, OWN, (179, 50_000), 0x12)),
        punted("BFD", &Packet::udp(PEER, OWN, (49_152, 3784), 24).ttl(255)),
        punted("BFD", &Packet::udp(PEER_V6, OWN_V6, (49_152, 3784), 24).ttl(255)),
        punted("an ICMP error", &Packet::icmp(SITE, OWN, 3, 4, &[0; 32])),
        punted("an ICMP error", &Packet::icmp(SITE_V6, OWN_V6, 2, 0, &[0; 52])),
        punted("BGP behind options", &Packet::tcp(PEER, OWN, (50_000, 179), SYN).options(&[1; 8])),
        answered("echo", &Packet::echo(PEER, OWN, 56)),
        answered("echo from beyond", &Packet::echo(SITE, OWN, 0)),
        answered("echo in IPv6", &Packet::echo(PEER_V6, OWN_V6, 56)),
        answered("echo to the link-local address", &Packet::echo("fe80::1", OWN_LINK_LOCAL, 1)),
        answered("echo to another interface", &Packet::echo(SITE, "10.1.255.5", 9)),
        answered("echo to another interface", &Packet::echo(SITE_V6, "2001:db8:a1:ffff::5", 9)),
        answered("echo with the last hop", &Packet::echo(SITE, OWN, 9).ttl(1)),
        answered("echo with the last hop", &Packet::echo(SITE, "10.1.255.5", 9).ttl(1)),
    ]
}
