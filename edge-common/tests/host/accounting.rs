//! The length that a frame counts for.

use crate::{
    frames::{QINQ_TAGS, frame, ipv4, ipv6},
    tables::{QINQ, Run, qos_row, sample},
};
use edge_common::{Reason, abi::attachment::Attachment};
use proptest::prelude::*;

/// Bytes that `frame` is metered with, and the port counts.
fn counted(mut frame: Vec<u8>, attachment: Attachment) -> (u64, u64) {
    let mut tables = sample(&qos_row(|arriving| arriving));
    tables.attachments[QINQ as usize] = attachment;
    assert_eq!(tables.run(&mut frame), Reason::Ok);
    let bytes = tables.meters[QINQ as usize].classes.iter().map(|class| class.forwarded_bytes);
    let metered = bytes.sum();
    assert_eq!(u64::from(tables.outcome.get().len_bytes), metered);
    (metered, tables.port_counters.reasons[usize::from(Reason::Ok.number())].bytes)
}

fn adjusted(len_adjust_bytes: i16) -> Attachment {
    Attachment { len_adjust_bytes, ..Attachment::default() }
}

fn by_packet() -> Attachment {
    Attachment { flags: Attachment::ACCOUNT_PACKET, ..Attachment::default() }
}

#[test]
fn a_frame_counts_for_its_length_and_what_goes_with_it() {
    let sent = frame(&QINQ_TAGS, 0x0800, &ipv4(0, 80));
    assert_eq!(sent.len(), 122);
    for (adjust, metered) in [(0, 122), (24, 146), (-4, 118)] {
        assert_eq!(counted(sent.clone(), adjusted(adjust)), (metered, 122));
    }
}

#[test]
fn a_packet_counts_for_its_own_length() {
    let padded = |ether_type, packet: Vec<u8>| {
        frame(&QINQ_TAGS, ether_type, &[packet, vec![0; 30]].concat())
    };
    assert_eq!(counted(padded(0x0800, ipv4(0, 8)), by_packet()), (28, 80));
    assert_eq!(counted(padded(0x86dd, ipv6(0, 8)), by_packet()), (48, 100));
    // A packet that is not IP has no length of its own.
    assert_eq!(counted(frame(&QINQ_TAGS, 0x0806, &[0; 46]), by_packet()), (46, 68));
}

proptest! {
    #[test]
    fn policed_is_what_is_metered(adjust in -4i16..25, payload in 0u16..1400) {
        let mut tables = sample(&qos_row(|arriving| arriving));
        let attachment = Attachment { policer: 1, ..adjusted(adjust) };
        tables.attachments[QINQ as usize] = attachment;
        let sent = frame(&QINQ_TAGS, 0x0800, &ipv4(0, payload));
        prop_assert_eq!(tables.run(&mut sent.clone()), Reason::Ok);
        let counted = u32::try_from(sent.len()).unwrap().checked_add_signed(adjust.into()).unwrap();
        let (lease_bytes, _) = tables.buckets.rates[0].lease(
            counted,
            tables.buckets.rates[0].ticks(counted),
            tables.buckets.rates[0].ceiling_ticks(edge_common::abi::qos::BurstShare::WHOLE),
        );
        prop_assert_eq!(tables.buckets.policers[1].1.credit_bytes[7], lease_bytes - counted);
    }
}
