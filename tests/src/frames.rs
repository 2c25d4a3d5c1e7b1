//! Frames, by hand and by chance.

use proptest::{
    prelude::*,
    sample::{Index, select},
};

/// A frame with these tags (TPID, TCI), EtherType and payload.
#[must_use]
pub fn frame(tags: &[(u16, u16)], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for (tpid, tci) in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

/// An IPv4 UDP packet with this DS field, of `len_bytes` in all.
#[must_use]
pub fn ipv4(ds: u8, len_bytes: u16) -> Vec<u8> {
    let mut packet = vec![0x45, ds, 0, 0, 0x12, 0x34, 0, 0, 64, 17, 0, 0];
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    packet.resize(usize::from(len_bytes.max(20)), 0xab);
    packet[2..4].copy_from_slice(&len_bytes.max(20).to_be_bytes());
    let checksum = ipv4_checksum(&packet);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// An IPv6 packet with this traffic class, of `len_bytes` in all.
#[must_use]
pub fn ipv6(traffic_class: u8, len_bytes: u16) -> Vec<u8> {
    let start = 6 << 28 | u32::from(traffic_class) << 20 | 0xa_bcde;
    let mut packet = start.to_be_bytes().to_vec();
    packet.extend((len_bytes.max(40) - 40).to_be_bytes());
    packet.extend([17, 64]);
    packet.resize(usize::from(len_bytes.max(40)), 0xcd);
    packet
}

/// The header checksum that an IPv4 packet ought to have (RFC 791, 3.1).
#[must_use]
pub fn ipv4_checksum(packet: &[u8]) -> u16 {
    let words = packet[..20].chunks(2).enumerate().filter(|(number, _)| *number != 5);
    let mut sum: u32 = words.map(|(_, word)| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(u16::try_from(sum).unwrap_or(u16::MAX))
}

/// Frames near what the path looks at: tags and VIDs that circuits have and others, IP that is
/// well-formed and IP that is not, cut anywhere and with any byte changed.
pub fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let tpid = select(vec![0x8100u16, 0x88a8, 0x9100, 0x9200, 0x0800, 0x88cc]);
    let tci = (select(vec![0u16, 10, 11, 20, 30, 100, 101, 200, 300, 4095]), 0u16..16)
        .prop_map(|(vid, priority)| priority << 12 | vid);
    let any_tags = prop::collection::vec((tpid, tci), 0..4);
    let claimed = select(vec![
        vec![(0x88a8, 100), (0x8100, 10)],
        vec![(0x8100, 100), (0x8100, 20)],
        vec![(0x88a8, 100), (0x88a8, 30)],
        vec![(0x8100, 200)],
        vec![(0x8100, 300)],
        vec![(0x88a8, 101), (0x8100, 10)],
    ]);
    let claimed = (claimed, any::<[u8; 2]>()).prop_map(|(tags, priorities)| {
        let tags = tags.into_iter().zip(priorities);
        tags.map(|((tpid, vid), priority)| (tpid, u16::from(priority) << 12 | vid)).collect()
    });
    let tags = prop_oneof![2 => claimed, 1 => any_tags];
    let payload = (any::<bool>(), any::<u8>(), 20u16..300).prop_map(|(v6, ds, len_bytes)| {
        if v6 { (0x86dd, ipv6(ds, len_bytes)) } else { (0x0800, ipv4(ds, len_bytes)) }
    });
    let payload = prop_oneof![
        8 => payload,
        1 => (any::<u16>(), prop::collection::vec(any::<u8>(), 0..80)),
    ];
    let change = prop::option::weighted(0.3, (any::<Index>(), any::<u8>()));
    let cut = prop::option::weighted(0.2, any::<Index>());
    let padding = prop::option::weighted(0.2, 0usize..40);
    (tags, payload, change, cut, padding).prop_map(
        |(tags, (ether_type, payload), change, cut, padding)| {
            let mut frame = frame(&tags, ether_type, &payload);
            frame.resize(frame.len() + padding.unwrap_or(0), 0);
            if let Some((at, byte)) = change {
                let at = at.index(frame.len());
                frame[at] = byte;
            }
            if let Some(cut) = cut {
                // The kernel runs nothing shorter than an Ethernet header.
                frame.truncate(14 + cut.index(frame.len() - 13));
            }
            frame
        },
    )
}
