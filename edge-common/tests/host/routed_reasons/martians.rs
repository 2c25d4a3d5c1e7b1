//! Addresses that no packet has: RFC 1812, 5.3.7; RFC 3927, 7; RFC 4291.

use super::{Case, HOST, HOST_V6, OWN, SITE, SITE_V6, at_a1};
use crate::{packets::Packet, routed_runs::arriving, routed_tables::A1};
use edge_common::Reason;

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for source in [
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.255.0.1",
        "224.0.0.5",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "169.254.1.1",
    ] {
        cases.push(at_a1(
            "a source that no host has",
            &Packet::plain(source, HOST),
            Reason::Martian,
        ));
        if source != "169.254.1.1" {
            let echo = Packet::echo(source, OWN, 8);
            cases.push(at_a1("the same to the edge itself", &echo, Reason::Martian));
        }
    }
    for destination in [
        "0.0.0.0",
        "0.255.255.255",
        "127.0.0.1",
        "127.1.1.1",
        "240.0.0.1",
        "255.255.255.254",
        "169.254.0.1",
    ] {
        let packet = Packet::plain(SITE, destination);
        cases.push(at_a1("a destination that no host has", &packet, Reason::Martian));
    }
    for source in
        ["::1", "::", "ff02::1", "ff0e::1", "::ffff:10.0.0.1", "::10.0.0.1", "fe80::1", "febf::1"]
    {
        let packet = Packet::plain(source, HOST_V6);
        cases.push(at_a1("the same in IPv6", &packet, Reason::Martian));
    }
    for destination in
        ["::", "::1", "::ffff:10.1.0.9", "::10.1.0.9", "fe80::77", "fe80::ed:9ff:fe00:2"]
    {
        let packet = Packet::plain(SITE_V6, destination);
        cases.push(at_a1("the same in IPv6", &packet, Reason::Martian));
    }
    let packet = Packet::plain(SITE, HOST);
    for mac in [[0; 6], [0xff; 6], [3, 0, 0, 0, 0, 1]] {
        let mut frame = arriving(A1, &packet);
        frame[6..12].copy_from_slice(&mac);
        cases.push(("a MAC address that no station sends from", frame, Reason::Martian));
    }
    cases
}
