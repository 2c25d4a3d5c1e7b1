//! Each reason for which a routed frame goes no further: 11 to 23, and the frames that cause it.

mod headers;
mod martians;
mod router;
mod strays;
mod ways;

use crate::{
    packets::Packet,
    routed_runs::{Send, arriving},
    routed_tables::{A1, BARE, PUNT_RATE, SPARE_POLICERS, neighbour_mac, world},
};
use edge_common::{
    Action, Reason,
    abi::{
        counters::{LOSS_REASONS, ReasonCounter},
        policer::Bucket,
    },
};

pub(crate) const SYN: u8 = 0x02;
pub(crate) const SITE: &str = "172.16.0.1";
pub(crate) const HOST: &str = "10.1.0.9";
pub(crate) const SITE_V6: &str = "2001:db8:c0::1";
pub(crate) const HOST_V6: &str = "2001:db8:a1::9";
pub(crate) const OWN: &str = "10.0.0.2";
pub(crate) const PEER: &str = "10.0.0.1";
pub(crate) const OWN_V6: &str = "2001:db8:0:1::2";
pub(crate) const PEER_V6: &str = "2001:db8:0:1::1";
/// The link-local address that goes with the MAC address 02:ed:09:00:00:01.
pub(crate) const OWN_LINK_LOCAL: &str = "fe80::ed:9ff:fe00:1";

/// The name of a case, its frame, and the verdict.
pub(crate) type Case = (&'static str, Vec<u8>, Reason);

pub(crate) fn at_a1(name: &'static str, packet: &Packet, reason: Reason) -> Case {
    (name, arriving(A1, packet), reason)
}

/// The same packet in a frame to another station.
pub(crate) fn to_mac(mac: [u8; 6], packet: &Packet) -> Vec<u8> {
    let mut frame = arriving(A1, packet);
    frame[..6].copy_from_slice(&mac);
    frame
}

pub(crate) fn all_cases() -> Vec<Case> {
    [martians::cases(), strays::cases(), router::cases(), headers::cases(), ways::cases()].concat()
}

/// An ARP packet (RFC 826).
pub(crate) fn arp(operation: u8, sender: &str, target: &str) -> Vec<u8> {
    let octets = |address: &str| address.parse::<std::net::Ipv4Addr>().unwrap().octets();
    let mut packet = vec![0, 1, 8, 0, 6, 4, 0, operation];
    packet.extend(neighbour_mac(A1));
    packet.extend(octets(sender));
    packet.extend([0; 6]);
    packet.extend(octets(target));
    packet
}

#[test]
fn every_routed_case_has_its_reason_and_is_counted_once() {
    for (name, frame, reason) in all_cases() {
        let mut tables = world();
        let sent = tables.send_frame(&frame);
        let at = format!("{name}: {frame:02x?}");
        assert_eq!(sent.reason, reason, "{at}");
        let counted = tables.port_counters.reasons[usize::from(reason.number())];
        let one = ReasonCounter { frames: 1, bytes: frame.len() as u64 };
        assert_eq!(counted, one, "{at}");
        let frames: u64 = tables.port_counters.reasons.iter().map(|counter| counter.frames).sum();
        assert_eq!(frames, 1, "{at}");
        let by = if frame[12..14] == [0x88, 0xa8] { A1 } else { BARE };
        let lost = if LOSS_REASONS.contains(&reason) { vec![(reason, one)] } else { vec![] };
        assert_eq!(tables.lost(by), lost, "{at}");
        assert_eq!(tables.metered(by).frames, u64::from(reason == Reason::Ok), "{at}");
    }
}

/// A frame leaves the path once, and a frame that is dropped is as it came.
#[test]
fn the_verdict_tells_where_a_frame_goes() {
    for (name, frame, reason) in all_cases() {
        let sent = world().send_frame(&frame);
        let is_dropped = sent.action == Action::Drop;
        assert_eq!(sent.way().is_none(), is_dropped, "{name}");
        assert_eq!(sent.is_unchanged(), is_dropped, "{name}");
        let may_drop = !matches!(reason, Reason::Ok | Reason::Punted | Reason::Answered);
        assert!(may_drop || !is_dropped, "{name}");
    }
}

#[test]
fn every_reason_of_routed_frames_has_a_case() {
    let mut produced: Vec<Reason> = all_cases().into_iter().map(|(_, _, reason)| reason).collect();
    produced.push(punt_limited());
    for reason in Reason::ALL.into_iter().skip(usize::from(Reason::Punted.number())) {
        assert!(produced.contains(&reason), "{}", reason.as_str());
    }
}

fn punt_limited() -> Reason {
    let mut tables = world();
    let [policer, _] = SPARE_POLICERS;
    tables.router.interfaces[A1 as usize].punts = Bucket { policer, rate: PUNT_RATE };
    let packet = Packet::tcp(PEER, OWN, (50_000, 179), SYN);
    (0..5).map(|_| tables.send(A1, &packet).reason).last().unwrap()
}
