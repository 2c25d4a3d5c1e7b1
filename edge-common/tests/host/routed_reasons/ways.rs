//! Packets that end by their source, their destination, their hops or their length.

use super::{Case, HOST, HOST_V6, OWN, OWN_LINK_LOCAL, OWN_V6, SITE, SITE_V6, at_a1};
use crate::packets::{Packet, TCP};
use edge_common::Reason;

pub(super) fn cases() -> Vec<Case> {
    let long = |destination: &str| Packet::udp(SITE, destination, (1, 2), 600);
    let long_v6 = Packet::udp(SITE_V6, "2001:db8:a2::1", (1, 2), 600);
    vec![
        at_a1("not the customer's", &Packet::plain("198.51.100.1", HOST), Reason::Spoofed),
        at_a1("not the customer's", &Packet::plain("2001:db8:ffff::1", HOST_V6), Reason::Spoofed),
        at_a1("the network's own", &Packet::plain("10.1.0.8", HOST), Reason::Spoofed),
        at_a1("the edge's own", &Packet::plain(OWN, HOST), Reason::Spoofed),
        at_a1("the edge's own", &Packet::echo(OWN, OWN, 8), Reason::Spoofed),
        at_a1("the edge's own", &Packet::plain(OWN_V6, HOST_V6), Reason::Spoofed),
        at_a1(
            "the edge's own",
            &Packet::neighbour(OWN_LINK_LOCAL, "ff02::1:ff00:2", 135, OWN_V6),
            Reason::Spoofed,
        ),
        at_a1("to nowhere", &Packet::plain(SITE, "8.8.8.8"), Reason::NoRoute),
        at_a1("to nowhere", &Packet::plain(SITE_V6, "2001:db8:ffff::1"), Reason::NoRoute),
        at_a1("into a black hole", &Packet::plain(SITE, "10.5.0.1"), Reason::NoRoute),
        at_a1("the last hop", &Packet::plain(SITE, HOST).ttl(1), Reason::TtlExpired),
        at_a1("none left", &Packet::plain(SITE, HOST).ttl(0), Reason::TtlExpired),
        at_a1("the last hop", &Packet::plain(SITE_V6, HOST_V6).ttl(1), Reason::TtlExpired),
        at_a1("none left", &Packet::plain(SITE_V6, HOST_V6).ttl(0), Reason::TtlExpired),
        at_a1("longer than 600 bytes", &long("10.2.0.1"), Reason::TooBig),
        at_a1("longer than 600 bytes", &long_v6, Reason::TooBig),
        at_a1("600 bytes", &Packet::udp(SITE, "10.2.0.1", (1, 2), 572), Reason::Ok),
        at_a1("600 bytes", &Packet::udp(SITE_V6, "2001:db8:a2::1", (1, 2), 552), Reason::Ok),
        at_a1("not found yet", &Packet::plain(SITE, "10.3.0.1"), Reason::NoNeighbour),
        at_a1("not found yet", &Packet::plain(SITE_V6, "2001:db8:a3::1"), Reason::NoNeighbour),
        at_a1("a link that is down", &Packet::plain(SITE, "10.4.0.1"), Reason::LinkDown),
        at_a1("a link that is down", &Packet::plain(SITE_V6, "2001:db8:a4::1"), Reason::LinkDown),
        at_a1(
            "a next hop that is not there",
            &Packet::plain(SITE, "10.6.0.1"),
            Reason::DanglingTable,
        ),
        at_a1(
            "TCP with the last hop",
            &Packet::new(SITE, HOST, TCP, &[0; 20]).ttl(1),
            Reason::TtlExpired,
        ),
    ]
}
