//! The path on the host: every reason, and the bytes that marking may change.

use crate::{
    frames::{QINQ_TAGS, frame, ipv4, ipv4_checksum, ipv6},
    tables::{DOT1Q, DOT1Q_DISABLED, QINQ, Run, claim_untagged, qos_row, sample},
};
use edge_common::{
    Reason,
    abi::{
        counters::ReasonCounter,
        outcome::Outcome,
        rate::Rate,
        rewrite::{LeavingTag, Retag, TagSource},
    },
    env::Way,
};
use proptest::prelude::*;

/// A frame, and its expected verdict.
struct Case {
    name: &'static str,
    frame: Vec<u8>,
    reason: Reason,
    attachment: u32,
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn cases() -> Vec<Case> {
    let case = |name, frame, reason, attachment| Case { name, frame, reason, attachment };
    let mut lldp = frame(&[], 0x88cc, &[0; 46]);
    lldp[..6].copy_from_slice(&[1, 0x80, 0xc2, 0, 0, 0x0e]);
    let mut tagged_stp = frame(&QINQ_TAGS, 0x0800, &ipv4(0, 26));
    tagged_stp[..6].copy_from_slice(&[1, 0x80, 0xc2, 0, 0, 0]);
    let mut multicast = frame(&QINQ_TAGS, 0x0800, &ipv4(0, 26));
    multicast[..6].copy_from_slice(&[1, 0x80, 0xc2, 0, 0, 0x10]);

    let packet = ipv4(0, 26);
    let with_byte = |at: usize, value: u8| {
        let mut packet = ipv4(0, 26);
        packet[at] = value;
        frame(&QINQ_TAGS, 0x0800, &packet)
    };
    let mut long_options = ipv4(0, 26);
    long_options[0] = 0x4c;
    let mut version_7 = ipv6(0, 8);
    version_7[0] = 0x70;

    vec![
        case("QinQ", frame(&QINQ_TAGS, 0x0800, &packet), Reason::Ok, QINQ),
        case(
            "QinQ, both 0x8100",
            frame(&[(0x8100, 100), (0x8100, 10)], 0x0800, &packet),
            Reason::Ok,
            QINQ,
        ),
        case(
            "QinQ, both 0x88a8",
            frame(&[(0x88a8, 100), (0x88a8, 10)], 0x0800, &packet),
            Reason::Ok,
            QINQ,
        ),
        case(
            "PCP and DEI set",
            frame(&[(0x88a8, 0xf064), (0x8100, 0xf00a)], 0x0800, &packet),
            Reason::Ok,
            QINQ,
        ),
        case("Dot1Q", frame(&[(0x8100, 21)], 0x86dd, &ipv6(0, 8)), Reason::Ok, DOT1Q),
        case(
            "a tag more than the circuit has",
            frame(&[(0x8100, 21), (0x8100, 5)], 0x0800, &packet),
            Reason::Ok,
            DOT1Q,
        ),
        case("ARP", frame(&QINQ_TAGS, 0x0806, &[0; 28]), Reason::Ok, QINQ),
        case(
            "IPv4 options",
            frame(&QINQ_TAGS, 0x0800, &{
                let mut packet = ipv4(0, 26);
                packet[0] = 0x46;
                packet
            }),
            Reason::Ok,
            QINQ,
        ),
        case(
            "padding",
            frame(&QINQ_TAGS, 0x0800, &[packet.clone(), vec![0; 20]].concat()),
            Reason::Ok,
            QINQ,
        ),
        case("IPv6, payload length 0", frame(&QINQ_TAGS, 0x86dd, &ipv6(0, 0)), Reason::Ok, QINQ),
        case("multicast of no control protocol", multicast, Reason::Ok, QINQ),
        case(
            "S-tag of nobody",
            frame(&[(0x8100, 101), (0x8100, 10)], 0x0800, &packet),
            Reason::Unmatched,
            0,
        ),
        case(
            "C-tag of nobody",
            frame(&[(0x8100, 100), (0x8100, 11)], 0x0800, &packet),
            Reason::Unmatched,
            0,
        ),
        case("S-tag without C-tag", frame(&[(0x8100, 100)], 0x0800, &packet), Reason::Unmatched, 0),
        case("priority tag", frame(&[(0x8100, 0)], 0x0800, &packet), Reason::Unmatched, 0),
        case("no tag", frame(&[], 0x0800, &packet), Reason::Untagged, 0),
        case(
            "TPID not accepted",
            frame(&[(0x9100, 100), (0x8100, 10)], 0x0800, &packet),
            Reason::Untagged,
            0,
        ),
        case("IEEE 802.3 length 0", frame(&[], 0, &packet), Reason::Untagged, 0),
        case("nothing", vec![], Reason::Malformed, 0),
        case("no EtherType", frame(&QINQ_TAGS, 0, &[])[..13].to_vec(), Reason::Malformed, 0),
        case("half an outer tag", frame(&QINQ_TAGS, 0, &[])[..17].to_vec(), Reason::Malformed, 0),
        case("half an inner tag", frame(&QINQ_TAGS, 0, &[])[..21].to_vec(), Reason::Malformed, 0),
        case("no IPv4 header", frame(&QINQ_TAGS, 0x0800, &packet[..19]), Reason::Malformed, QINQ),
        case("IPv4, version 5", with_byte(0, 0x55), Reason::Malformed, QINQ),
        case("IPv4, IHL 4", with_byte(0, 0x44), Reason::Malformed, QINQ),
        case(
            "IPv4, header longer than packet",
            frame(&QINQ_TAGS, 0x0800, &long_options),
            Reason::Malformed,
            QINQ,
        ),
        case("IPv4, longer than the frame", with_byte(3, 47), Reason::Malformed, QINQ),
        case("IPv4, shorter than its header", with_byte(3, 19), Reason::Malformed, QINQ),
        case(
            "no IPv6 header",
            frame(&QINQ_TAGS, 0x86dd, &ipv6(0, 0)[..39]),
            Reason::Malformed,
            QINQ,
        ),
        case("IPv6, version 7", frame(&QINQ_TAGS, 0x86dd, &version_7), Reason::Malformed, QINQ),
        case(
            "IPv6, longer than the frame",
            frame(&QINQ_TAGS, 0x86dd, &ipv6(0, 8)[..47]),
            Reason::Malformed,
            QINQ,
        ),
        case("LLDP", lldp, Reason::Control, 0),
        case("LACP to an odd address", frame(&[], 0x8809, &[0; 46]), Reason::Control, 0),
        case("STP inside a circuit's tags", tagged_stp, Reason::Control, 0),
        case(
            "circuit disabled",
            frame(&[(0x8100, 20)], 0x0800, &packet),
            Reason::CircuitDisabled,
            DOT1Q_DISABLED,
        ),
        case(
            "dangling attachment",
            frame(&[(0x8100, 4000)], 0x0800, &packet),
            Reason::DanglingTable,
            0,
        ),
    ]
}

#[test]
fn every_case_has_its_reason_and_is_counted_once() {
    let mut tables = sample(&qos_row(|arriving| arriving));
    for Case { name, mut frame, reason, attachment } in cases() {
        let before = tables.port_counters;
        let sent = frame.clone();
        assert_eq!(tables.run(&mut frame), reason, "{name}");
        assert_eq!(tables.outcome.get().attachment, attachment, "{name}");
        assert_eq!(frame, sent, "{name}: `preserve` changes nothing");

        let mut expected = before;
        let counter = &mut expected.reasons[usize::from(reason.number())];
        *counter =
            ReasonCounter { frames: counter.frames + 1, bytes: counter.bytes + frame.len() as u64 };
        assert_eq!(tables.port_counters, expected, "{name}");
    }
}

/// By its owner's counters too, where it has an owner.
#[test]
fn a_frame_of_somebodys_is_metered_or_lost_once() {
    for Case { name, mut frame, reason, attachment } in cases() {
        let mut tables = sample(&qos_row(|arriving| arriving));
        tables.run(&mut frame);
        let index = attachment as usize;
        let lost = tables.losses.iter().flat_map(|losses| losses.reasons);
        let lost = lost.fold(ReasonCounter::default(), |sum, lost| ReasonCounter {
            frames: sum.frames + lost.frames,
            bytes: sum.bytes + lost.bytes,
        });
        let metered: u64 = tables.meters[index].classes.iter().map(|c| c.forwarded_bytes).sum();
        let len_bytes = frame.len() as u64;
        // Some are malformed, or lead nowhere, before their owner is known.
        let is_lost = attachment != 0 && reason != Reason::Ok;
        let one = ReasonCounter { frames: 1, bytes: len_bytes };
        assert_eq!(lost, if is_lost { one } else { ReasonCounter::default() }, "{name}");
        assert_eq!(metered, if reason == Reason::Ok { len_bytes } else { 0 }, "{name}");
        assert_eq!(tables.handed_over.len(), usize::from(reason == Reason::Ok), "{name}");
        if let [(way, handed_over)] = tables.handed_over[..] {
            assert_eq!(way, Way::Onwards, "{name}");
            assert_eq!(handed_over.attachment, attachment, "{name}");
            assert_eq!(u64::from(handed_over.len_bytes), metered, "{name}");
            assert_eq!(u64::from(handed_over.rx_len_bytes), len_bytes, "{name}");
        }
    }
}

#[test]
fn every_reason_has_a_case() {
    let mut produced: Vec<Reason> = cases().iter().map(|case| case.reason).collect();
    produced.extend([over_rate(), no_egress(), no_headroom()]);
    // `EgressRefused` is a device's, not the path's (`tests/tests/netns/egress.rs`), and `routed_reasons.rs` has those
    // of routed frames.
    for reason in
        Reason::ALL.into_iter().filter(|reason| reason.number() < Reason::EgressRefused.number())
    {
        assert!(produced.contains(&reason), "{}", reason.as_str());
    }
}

/// A burst of a frame and a half, a second frame at the same time.
fn over_rate() -> Reason {
    let mut tables = sample(&qos_row(|arriving| arriving));
    tables.buckets.rates[0] = Rate::new(50_000_000, 1500).unwrap();
    tables.attachments[QINQ as usize].policer = 1;
    let sent = frame(&QINQ_TAGS, 0x0800, &ipv4(46 << 2, 958));
    assert_eq!(tables.run(&mut sent.clone()), Reason::Ok);
    let reason = tables.run(&mut sent.clone());
    let class = tables.meters[QINQ as usize].classes[46 % 8];
    assert_eq!((class.forwarded_frames, class.forwarded_bytes), (1, 1000));
    assert_eq!((class.dropped_frames, class.dropped_bytes), (1, 1000));
    reason
}

/// A frame that could not be sent is not metered.
fn no_egress() -> Reason {
    let mut tables = sample(&qos_row(|arriving| arriving));
    tables.has_egress = false;
    let reason = tables.run(&mut frame(&QINQ_TAGS, 0x0800, &ipv4(0, 26)));
    assert_eq!(tables.meters[QINQ as usize], edge_common::abi::counters::Meter::default());
    reason
}

/// A frame that can't grow stays as it came, and is not metered.
fn no_headroom() -> Reason {
    let mut tables = sample(&qos_row(|arriving| arriving));
    let pushed = LeavingTag { tpid: 0x88a8, vid: 7, source: TagSource::Outer };
    let kept = LeavingTag::default();
    tables.attachments[DOT1Q as usize].retag = Retag::to(Some(pushed), Some(kept)).to_bits();
    let sent = frame(&[(0x8100, 21)], 0x0800, &ipv4(0, 26));
    let mut left = sent.clone();
    let reason = tables.run_with_headroom(&mut left, 3);
    assert_eq!(left, sent);
    assert_eq!(tables.meters[DOT1Q as usize], edge_common::abi::counters::Meter::default());
    reason
}

#[test]
fn what_is_not_ip_has_the_class_of_its_pcp_and_no_dscp() {
    for (outer_tci, class) in [(100, 5), (0xb064, 5), (0xc064, 6), (0xf064, 7)] {
        let mut tables = sample(&qos_row(|_| 0));
        // The inner tag's PCP makes no difference.
        tables.run(&mut frame(&[(0x88a8, outer_tci), (0x8100, 0xe00a)], 0x0806, &[0; 28]));
        let outcome = tables.outcome.get();
        assert_eq!(
            (outcome.class, outcome.dscp_in, outcome.dscp_out),
            (class, Outcome::NONE, Outcome::NONE)
        );
        let class = usize::from(class);
        assert_eq!(tables.meters[QINQ as usize].classes[class].forwarded_bytes, 50);
    }
}

#[test]
fn frames_without_a_tag_and_with_a_priority_tag_can_be_claimed() {
    let packet = ipv4(46 << 2, 26);
    for tags in [&[][..], &[(0x8100, 0xa000)], &[(0x88a8, 0)]] {
        let mut tables = sample(&qos_row(|_| 0));
        claim_untagged(&mut tables);
        let mut left = frame(tags, 0x0800, &packet);
        assert_eq!(tables.run(&mut left), Reason::Ok, "{tags:x?}");
        assert_eq!(tables.outcome.get().attachment, DOT1Q);
        assert_eq!(left, frame(tags, 0x0800, &ipv4(0, 26)), "marked behind {tags:x?}");
    }
    // A frame with another tag belongs to another circuit, wherever and of whatever kind that tag
    // is.
    for tpid in [0x8100, 0x88a8, 0x9100, 0x9200] {
        for vid in [0, 21, 100, 999, 4095] {
            for first in [&[][..], &[(0x8100, 0xa000)], &[(0x88a8, 0)], &[(0x8100, 0); 2]] {
                let mut tables = sample(&qos_row(|_| 0));
                claim_untagged(&mut tables);
                let sent = frame(&[first, &[(tpid, vid)]].concat(), 0x0800, &packet);
                let mut left = sent.clone();
                let reason = tables.run(&mut left);
                if first.is_empty() && [0x8100, 0x88a8].contains(&tpid) {
                    // Its own tag tells.
                    assert_eq!(reason == Reason::Ok, vid == 0 || vid == 21, "{tpid:x} {vid}");
                    continue;
                }
                let nobodys = if first.is_empty() { Reason::Untagged } else { Reason::Unmatched };
                assert_eq!(reason, nobodys, "{first:x?} and {tpid:x} {vid}");
                assert_eq!((left, tables.outcome.get().attachment), (sent, 0));
            }
        }
    }
    // Control protocols still go to the stack, and a reserved VID belongs to no circuit.
    let mut tables = sample(&qos_row(|_| 0));
    claim_untagged(&mut tables);
    assert_eq!(tables.run(&mut frame(&[], 0x88cc, &[0; 46])), Reason::Control);
    assert_eq!(tables.run(&mut frame(&[(0x8100, 4095)], 0x0800, &packet)), Reason::Unmatched);
}

/// A frame is refused that would leave with another circuit's tags.
#[test]
fn no_frame_with_more_tags_than_its_circuit_loses_all_of_these() {
    for (tpid, reason) in [
        (0x8100, Reason::Unmatched),
        (0x88a8, Reason::Unmatched),
        (0x9100, Reason::Unmatched),
        (0x9200, Reason::Unmatched),
        (0x8847, Reason::Ok),
    ] {
        let mut tables = sample(&qos_row(|_| 0));
        tables.attachments[QINQ as usize].retag = Retag::to(None, None).to_bits();
        let sent = frame(&[QINQ_TAGS.as_slice(), &[(tpid, 21)]].concat(), 0x0800, &ipv4(0, 26));
        let mut left = sent.clone();
        assert_eq!(tables.run(&mut left), reason, "{tpid:x}");
        let is_forwarded = reason == Reason::Ok;
        assert_eq!(left == sent, !is_forwarded, "{tpid:x}");
        assert_eq!(tables.outcome.get().attachment, if is_forwarded { QINQ } else { 0 });
        // With one of its tags left, the frame is the circuit's wherever it goes.
        tables.attachments[QINQ as usize].retag =
            Retag::to(Some(LeavingTag::default()), None).to_bits();
        assert_eq!(tables.run(&mut sent.clone()), Reason::Ok, "{tpid:x}");
    }
}

proptest! {
    #[test]
    fn marking_ipv4_touches_dscp_and_checksum_only(tos: u8, leaving in 0u8..64, len in 0u16..64) {
        let mut tables = sample(&qos_row(|_| leaving));
        let sent = frame(&QINQ_TAGS, 0x0800, &ipv4(tos, len));
        let mut marked = sent.clone();
        prop_assert_eq!(tables.run(&mut marked), Reason::Ok);

        let mut expected = sent;
        expected[23] = leaving << 2 | tos & 3;
        let checksum = ipv4_checksum(&expected[22..42]);
        expected[32..34].copy_from_slice(&checksum.to_be_bytes());
        prop_assert_eq!(marked, expected);
        prop_assert_eq!(tables.outcome.get().dscp_in, tos >> 2);
        prop_assert_eq!(tables.outcome.get().dscp_out, leaving);
        prop_assert_eq!(tables.outcome.get().class, tos >> 2 & 7);
    }

    #[test]
    fn a_wrong_ipv4_checksum_stays_wrong(tos: u8, leaving in 0u8..64, error in 1u16..0xffff) {
        let mut tables = sample(&qos_row(|_| leaving));
        let mut packet = ipv4(tos, 8);
        let right = ipv4_checksum(&packet[..20]);
        // Both zeroes of one's complement are one number: an error of that is none.
        prop_assume!(right.wrapping_add(error) % 0xffff != right % 0xffff);
        packet[10..12].copy_from_slice(&right.wrapping_add(error).to_be_bytes());
        let mut frame = frame(&QINQ_TAGS, 0x0800, &packet);
        prop_assert_eq!(tables.run(&mut frame), Reason::Ok);
        let checksum = u16::from_be_bytes([frame[32], frame[33]]);
        prop_assert_ne!(checksum % 0xffff, ipv4_checksum(&frame[22..42]) % 0xffff);
    }

    #[test]
    fn marking_ipv6_touches_the_dscp_only(traffic_class: u8, leaving in 0u8..64, len in 0u16..64) {
        let mut tables = sample(&qos_row(|_| leaving));
        let mut frame_ = frame(&QINQ_TAGS, 0x86dd, &ipv6(traffic_class, len));
        prop_assert_eq!(tables.run(&mut frame_), Reason::Ok);
        let expected = frame(&QINQ_TAGS, 0x86dd, &ipv6(leaving << 2 | traffic_class & 3, len));
        prop_assert_eq!(frame_, expected);
        prop_assert_eq!(tables.outcome.get().dscp_in, traffic_class >> 2);
    }

    #[test]
    fn any_bytes_have_a_reason_and_only_dscp_and_checksum_change(
        mut bytes in prop::collection::vec(any::<u8>(), 0..80),
        claimed: bool,
    ) {
        if claimed && bytes.len() >= 24 {
            bytes[12..24].copy_from_slice(&[0x88, 0xa8, 0, 100, 0x81, 0, 0, 10, 8, 0, 0x45, 0]);
        }
        let mut tables = sample(&qos_row(|arriving| 63 - arriving));
        let mut out = bytes.clone();
        let reason = tables.run(&mut out);
        for (at, (before, after)) in bytes.iter().zip(&out).enumerate() {
            let may_change = reason == Reason::Ok && tables.outcome.get().dscp_in != Outcome::NONE;
            let is_marking = [19, 20, 23, 24, 29, 28, 32, 33, 22, 18].contains(&at);
            prop_assert!(before == after || may_change && is_marking, "byte {}", at);
        }
        let counted: u64 = tables.port_counters.reasons.iter().map(|counter| counter.frames).sum();
        prop_assert_eq!(counted, 1);
    }
}
