//! Frames that are nearly right: no byte of any frame has the path panic, or change a frame that it drops.

use std::sync::OnceLock;

use crate::{
    icmp_check::{check_error, ip_offset},
    packets::{Packet, sum},
    routed_reasons::all_cases,
    routed_runs::{Send, Sent, arriving},
    routed_tables::{A_VNET, A1, A2, B_VNET, B1, BARE, own_mac, world},
};
use edge_common::{Action, Reason, env::Way};
use proptest::prelude::*;

/// Frames of every kind.
fn seeds() -> &'static [Vec<u8>] {
    static SEEDS: OnceLock<Vec<Vec<u8>>> = OnceLock::new();
    SEEDS.get_or_init(|| {
        let mut seeds: Vec<Vec<u8>> = all_cases().into_iter().map(|(_, frame, _)| frame).collect();
        for (at, source, destination) in [
            (A1, "172.16.0.1", "10.1.0.9"),
            (A2, "172.16.0.1", "10.2.0.9"),
            (B1, "10.0.0.1", "10.1.0.9"),
            (A_VNET, "10.1.0.9", "172.16.0.1"),
            (B_VNET, "10.1.0.9", "10.0.0.1"),
            (BARE, "192.0.2.1", "10.1.0.9"),
            (A1, "2001:db8:c0::1", "2001:db8:a1::9"),
            (A_VNET, "2001:db8:a1::9", "2001:db8:c0::1"),
        ] {
            let packet = Packet::plain(source, destination);
            seeds.push(arriving(at, &packet));
            seeds.push(arriving(at, &packet.ttl(1)));
        }
        seeds
    })
}

/// Sends a frame, and asserts that it leaves as its verdict says, or not at all.
fn check(frame: &[u8]) {
    let mut tables = world();
    let sent = tables.send_frame(frame);
    let frames: u64 = tables.port_counters.reasons.iter().map(|counter| counter.frames).sum();
    assert_eq!(frames, 1);
    match (sent.action, sent.way()) {
        (Action::Drop | Action::Pass, None) => assert!(sent.is_unchanged(), "{sent:02x?}"),
        (Action::Forward, Some(Way::Onwards)) => assert!(sent.is_unchanged(), "{sent:02x?}"),
        (Action::Forward, Some(Way::Port(_))) => went_on(&sent),
        (Action::Punt, Some(Way::Router)) => {
            let payload = ip_offset(&sent.sent) - 2;
            assert_eq!(sent.left[12..], sent.sent[payload..]);
            assert_eq!(sent.left[6..12], sent.sent[6..12]);
            assert_eq!(sent.left[..6], own_mac(sent.left[5].into()));
        }
        (Action::Answer, Some(Way::Back)) if sent.reason == Reason::Answered => {
            let offset = ip_offset(&sent.sent);
            assert_eq!((sent.left.len(), &sent.left[..6]), (sent.sent.len(), &sent.sent[6..12]));
            assert_eq!(sent.left[12..offset], sent.sent[12..offset]);
        }
        (Action::Answer, Some(Way::Back)) => check_error(&sent),
        other => panic!("{other:?} of {sent:02x?}"),
    }
}

/// The packet is the same but for its hops.
fn went_on(sent: &Sent) {
    let (packet, left) = (&sent.sent[ip_offset(&sent.sent)..], &sent.left[ip_offset(&sent.left)..]);
    let mut expected = packet.to_vec();
    if packet[0] >> 4 == 4 {
        let header_len = usize::from(packet[0] & 0xf) * 4;
        assert_eq!((sum(&packet[..header_len]), sum(&left[..header_len])), (0xffff, 0xffff));
        expected[8] -= 1;
        expected[10..12].copy_from_slice(&left[10..12]);
    } else {
        expected[7] -= 1;
    }
    assert_eq!(left, expected, "{sent:02x?}");
}

/// Writes IPv4's header checksum anew, so that changes in the header are looked at.
fn with_right_sum(mut frame: Vec<u8>) -> Vec<u8> {
    let offset = ip_offset(&frame);
    let is_v4 =
        frame.get(offset - 2..offset + 1).is_some_and(|at| at[..2] == [8, 0] && at[2] >> 4 == 4);
    let header_len = frame.get(offset).map_or(0, |first| usize::from(first & 0xf) * 4);
    if is_v4 && header_len >= 20 && frame.len() >= offset + header_len {
        frame[offset + 10..offset + 12].fill(0);
        let right = !sum(&frame[offset..offset + header_len]);
        frame[offset + 10..offset + 12].copy_from_slice(&right.to_be_bytes());
    }
    frame
}

#[test]
fn the_seeds_themselves_are_right() {
    seeds().iter().for_each(|frame| check(frame));
}

proptest! {
    // Sixteen times as many as `PROPTEST_CASES` says, or 4,096.
    #![proptest_config(ProptestConfig { cases: 16 * ProptestConfig::default().cases, ..ProptestConfig::default() })]

    #[test]
    fn changed_frames_leave_as_their_verdict_says(
        seed in 0..seeds().len(),
        // Most changes are where the headers are.
        changes in prop::collection::vec(
            (any::<prop::sample::Index>(), prop::bool::weighted(0.8), any::<u8>()), 0..6,
        ),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        more in prop::collection::vec(any::<u8>(), 0..20),
        is_sum_right: bool,
    ) {
        let mut frame = seeds()[seed].clone();
        for (at, is_in_headers, byte) in changes {
            let end = if is_in_headers { frame.len().min(82) } else { frame.len() };
            frame[at.index(end)] = byte;
        }
        if let Some(cut) = cut {
            frame.truncate(cut.index(frame.len() + 1));
        } else {
            frame.extend(more);
        }
        check(&if is_sum_right { with_right_sum(frame) } else { frame });
    }

    #[test]
    fn any_bytes_behind_right_tags_leave_as_their_verdict_says(
        seed in 0..seeds().len(), bytes in prop::collection::vec(any::<u8>(), 0..120), start in 0usize..8,
    ) {
        let mut frame = seeds()[seed].clone();
        let from = (ip_offset(&frame) + [0, 1, 4, 8, 16, 20, 24, 40][start]).min(frame.len());
        frame.truncate(from);
        frame.extend(bytes);
        check(&with_right_sum(frame));
    }
}
