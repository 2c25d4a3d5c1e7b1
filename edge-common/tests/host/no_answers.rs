//! Frames that get no answer: above the rate, and those about which no router may say anything.

use crate::{
    packets::{ICMP, Packet},
    routed_runs::{Send, arriving},
    routed_tables::{A1, A2, PUNT_BURST, PUNT_RATE, SPARE_POLICERS, world},
};
use edge_common::{Action, Reason, abi::policer::Bucket, env::Way, host::FixedClock};

const SITE: &str = "172.16.0.1";
const HOST: &str = "10.1.0.9";
const SITE_V6: &str = "2001:db8:c0::1";
const HOST_V6: &str = "2001:db8:a1::9";

/// Asserts that the last hop of a packet ends in silence.
fn is_silent(packet: &Packet) {
    let mut tables = world();
    let sent = tables.send(A1, &packet.clone().ttl(1));
    assert_eq!((sent.reason, sent.action), (Reason::TtlExpired, Action::Drop), "{packet:?}");
    assert!(sent.is_unchanged() && sent.way().is_none(), "{packet:?}");
    let sent = tables.send(A1, packet);
    assert_eq!(sent.reason, Reason::Ok, "with another hop, it goes on: {packet:?}");
}

fn is_told(packet: &Packet) {
    let sent = world().send(A1, &packet.clone().ttl(1));
    assert_eq!((sent.reason, sent.action), (Reason::TtlExpired, Action::Answer), "{packet:?}");
}

/// RFC 1812, 4.3.2.7: not about errors.
#[test]
fn errors_are_not_answered_and_other_messages_are() {
    for kind in 0..=41 {
        let packet = Packet::icmp(SITE, HOST, kind, 0, &[0; 32]);
        match kind {
            3 | 4 | 5 | 11 | 12 => is_silent(&packet),
            _ => is_told(&packet),
        }
    }
    // RFC 4443, 2.4 (e): nor about an unknown error, nor about a redirect.
    for kind in [0, 1, 2, 3, 4, 100, 127, 137] {
        is_silent(&Packet::icmp(SITE_V6, HOST_V6, kind, 0, &[0; 32]));
    }
    for kind in [128, 129, 130, 135, 200, 255] {
        is_told(&Packet::icmp(SITE_V6, HOST_V6, kind, 0, &[0; 32]));
    }
}

#[test]
fn fragments_other_than_the_first_are_not_answered() {
    let packet = Packet::plain(SITE, HOST);
    is_told(&packet.clone().fragment(0x4000));
    is_told(&packet.clone().fragment(0x2000));
    for later in [1, 0x2001, 0x1fff, 0x00b9] {
        is_silent(&packet.clone().fragment(later));
    }
    let fragment = |offset: u16| {
        let mut payload = vec![17, 0, 0, 0, 0, 0, 0, 9];
        payload[2..4].copy_from_slice(&(offset << 3 | 1).to_be_bytes());
        payload.extend([0; 16]);
        Packet::new(SITE_V6, HOST_V6, 44, &payload)
    };
    is_told(&fragment(0));
    is_silent(&fragment(1));
    is_silent(&fragment(8191));
}

#[test]
fn errors_behind_options_and_extension_headers_are_seen() {
    is_silent(&Packet::icmp(SITE, HOST, 3, 1, &[0; 32]).options(&[1; 12]));
    let unreachable = [&[58, 0, 1, 4, 0, 0, 0, 0][..], &[1, 0, 0, 0, 0, 0, 0, 0]].concat();
    is_silent(&Packet::new(SITE_V6, HOST_V6, 60, &unreachable));
    // Behind more headers than the path passes over, there may be an error.
    let mut many = [60, 0, 1, 4, 0, 0, 0, 0].repeat(7);
    many[48] = 17;
    many.extend([0; 16]);
    is_silent(&Packet::new(SITE_V6, HOST_V6, 60, &many));
}

#[test]
fn packets_without_a_transport_are_not_answered() {
    for len in 0..4 {
        is_silent(&Packet::new(SITE, HOST, ICMP, &vec![8; len]));
        is_silent(&Packet::new(SITE, HOST, 17, &vec![8; len]));
        is_silent(&Packet::new(SITE_V6, HOST_V6, 17, &vec![8; len]));
    }
    is_told(&Packet::new(SITE, HOST, 17, &[8; 4]));
}

#[test]
fn groups_and_blackholes_hear_nothing() {
    for (destination, reason) in [
        ("224.0.0.9", Reason::NotForUs),
        ("255.255.255.255", Reason::NotForUs),
        ("10.0.0.3", Reason::NotForUs),
        ("10.5.0.1", Reason::NoRoute),
    ] {
        let sent = world().send(A1, &Packet::plain(SITE, destination).ttl(1));
        assert_eq!((sent.reason, sent.action), (reason, Action::Drop), "{destination}");
    }
    let mut frame = arriving(A1, &Packet::plain(SITE, HOST).ttl(1));
    frame[..6].fill(0xff);
    assert_eq!(world().send_frame(&frame).reason, Reason::NotForUs);
}

/// A source that this side may not send from gets no answer either: it would go to somebody else.
#[test]
fn spoofed_packets_are_not_answered() {
    for packet in [
        Packet::plain("198.51.100.1", HOST).ttl(1),
        Packet::plain("198.51.100.1", "8.8.8.8"),
        Packet::plain("2001:db8:ffff::1", "2001:db8:ffff::2"),
        Packet::echo("198.51.100.1", "10.1.255.5", 8),
    ] {
        let sent = world().send(A1, &packet);
        assert_eq!((sent.reason, sent.action), (Reason::Spoofed, Action::Drop), "{packet:?}");
    }
}

#[test]
fn without_room_in_front_there_is_no_error() {
    for (packet, room) in [(Packet::plain(SITE, HOST), 28), (Packet::plain(SITE_V6, HOST_V6), 48)] {
        let frame = arriving(A1, &packet.ttl(1));
        for (headroom, action) in
            [(0, Action::Drop), (room - 1, Action::Drop), (room, Action::Answer)]
        {
            let sent = world().send_with_headroom(&frame, headroom);
            assert_eq!((sent.reason, sent.action), (Reason::TtlExpired, action), "{headroom}");
        }
    }
    // An echo reply takes none.
    let frame = arriving(A1, &Packet::echo("10.0.0.1", "10.0.0.2", 8));
    assert_eq!(world().send_with_headroom(&frame, 0).reason, Reason::Answered);
}

#[test]
fn without_a_way_back_there_is_no_answer() {
    let mut tables = world();
    tables.has_egress = false;
    let sent = tables.send(A1, &Packet::plain(SITE, HOST).ttl(1));
    assert_eq!((sent.reason, sent.action), (Reason::TtlExpired, Action::Drop));
    let sent = tables.send(A1, &Packet::echo("10.0.0.1", "10.0.0.2", 8));
    assert_eq!((sent.reason, sent.action), (Reason::NoEgress, Action::Drop));
    assert_eq!(tables.lost(A1)[0].0, Reason::NoEgress);
}

#[test]
fn an_interface_without_an_address_tells_nobody() {
    let mut tables = world();
    tables.router.interfaces[A1 as usize].own_v4 = 0;
    tables.router.interfaces[A1 as usize].own_v6 = [0, 0];
    for packet in [Packet::plain(SITE, HOST), Packet::plain(SITE_V6, HOST_V6)] {
        let sent = tables.send(A1, &packet.ttl(1));
        assert_eq!((sent.reason, sent.action), (Reason::TtlExpired, Action::Drop));
    }
    // Its link-local address is there all the same.
    let echo = Packet::echo("fe80::1", "fe80::ed:9ff:fe00:1", 8);
    assert_eq!(tables.send(A1, &echo).reason, Reason::Answered);
}

#[test]
fn answers_above_the_rate_are_left_out() {
    let mut tables = world();
    let [policer, other] = SPARE_POLICERS;
    tables.router.interfaces[A1 as usize].answers = Bucket { policer, rate: PUNT_RATE };
    tables.router.interfaces[A2 as usize].answers = Bucket { policer: other, rate: PUNT_RATE };
    let expired = Packet::plain(SITE, HOST).ttl(1);
    let long = Packet::udp(SITE, "10.2.0.1", (1, 2), 1400);
    for number in 0..PUNT_BURST {
        let packet = if number % 2 == 0 { &expired } else { &long };
        assert_eq!(tables.send(A1, packet).action, Action::Answer, "whatever its length");
    }
    let sent = tables.send(A1, &expired);
    assert_eq!((sent.reason, sent.action), (Reason::TtlExpired, Action::Drop), "the same reason");
    assert!(sent.is_unchanged());
    let sent = tables.send(A1, &Packet::echo("10.0.0.1", "10.0.0.2", 8));
    assert_eq!((sent.reason, sent.action), (Reason::PuntLimited, Action::Drop));
    assert_eq!(tables.send(A2, &expired).way(), Some(Way::Back), "another interface's are its own");
    // Frames to the router don't use them up, and others go on.
    assert_eq!(
        tables.send(A1, &Packet::icmp(SITE, "10.0.0.2", 3, 4, &[0; 32])).reason,
        Reason::Punted
    );
    assert_eq!(tables.send(A1, &Packet::plain(SITE, HOST)).reason, Reason::Ok);
    // A thousand a second: one in a millisecond.
    tables.buckets.clock = FixedClock(1 + 1_000_000);
    assert_eq!(tables.send(A1, &expired).action, Action::Answer);
    assert_eq!(tables.send(A1, &expired).action, Action::Drop);
}
