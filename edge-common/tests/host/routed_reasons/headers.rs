//! Headers that a router refuses.

use super::{Case, HOST, HOST_V6, OWN, SITE, SITE_V6, at_a1};
use crate::{
    packets::{Packet, UDP},
    routed_runs::arriving,
    routed_tables::A1,
};
use edge_common::Reason;

pub(super) fn cases() -> Vec<Case> {
    let option = |name, options: &[u8], reason| {
        at_a1(name, &Packet::plain(SITE, HOST).options(options), reason)
    };
    let broken = |name, packet: &Packet| {
        let mut frame = arriving(A1, packet);
        frame[33] ^= 1;
        (name, frame, Reason::BadChecksum)
    };
    let routing = |kind, left| {
        let mut header = vec![UDP, 2, kind, left, 0, 0, 0, 0];
        header.extend([0x20; 16]);
        Packet::new(SITE_V6, HOST_V6, 43, &[&header[..], &[0, 9, 0, 9, 0, 8, 0, 0]].concat())
    };
    vec![
        broken("in transit", &Packet::plain(SITE, HOST)),
        broken("with options", &Packet::plain(SITE, HOST).options(&[1; 4])),
        broken("to the edge itself", &Packet::echo(SITE, OWN, 8)),
        broken(
            "with a source route",
            &Packet::plain(SITE, HOST).options(&[131, 7, 4, 10, 1, 0, 1, 0]),
        ),
        option("loose", &[131, 7, 4, 10, 1, 0, 1, 0], Reason::SourceRouted),
        option("strict, behind others", &[1, 7, 3, 4, 137, 3, 4, 0], Reason::SourceRouted),
        option("even if it ends nowhere", &[1, 1, 1, 131], Reason::SourceRouted),
        at_a1(
            "to the edge itself",
            &Packet::echo(SITE, OWN, 8).options(&[131, 3, 4, 0]),
            Reason::SourceRouted,
        ),
        at_a1("type 0 (RFC 5095)", &routing(0, 1), Reason::SourceRouted),
        option("no option is shorter than two", &[7, 1, 0, 0], Reason::Malformed),
        option("nor empty", &[7, 0, 0, 0], Reason::Malformed),
        option("nor longer than the header", &[7, 5, 0, 0], Reason::Malformed),
        option("nor without a length", &[1, 1, 1, 7], Reason::Malformed),
        at_a1("none is left of type 0", &routing(0, 0), Reason::Ok),
        at_a1("another type of routing header", &routing(4, 1), Reason::Ok),
        option("record route", &[7, 7, 4, 0, 0, 0, 0, 0], Reason::Ok),
        option("router alert", &[148, 4, 0, 0], Reason::Ok),
        option("what follows the end is none", &[0, 131, 137, 7], Reason::Ok),
    ]
}
