//! Frames to send along the path.

/// A frame with these tags (TPID and TCI) and payload.
pub(crate) fn frame(tags: &[(u16, u16)], ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2];
    for (tpid, tci) in tags {
        frame.extend(tpid.to_be_bytes());
        frame.extend(tci.to_be_bytes());
    }
    frame.extend(ether_type.to_be_bytes());
    frame.extend(payload);
    frame
}

pub(crate) const QINQ_TAGS: [(u16, u16); 2] = [(0x88a8, 100), (0x8100, 10)];

/// An IPv4 packet of UDP with `tos` and a right checksum.
pub(crate) fn ipv4(tos: u8, payload_len: u16) -> Vec<u8> {
    let mut packet = vec![0x45, tos, 0, 0, 0x12, 0x34, 0, 0, 64, 17, 0, 0];
    packet.extend([10, 0, 0, 1, 10, 0, 0, 2]);
    packet.resize(20 + usize::from(payload_len), 0xab);
    packet[2..4].copy_from_slice(&(20 + payload_len).to_be_bytes());
    let checksum = ipv4_checksum(&packet[..20]);
    packet[10..12].copy_from_slice(&checksum.to_be_bytes());
    packet
}

/// An IPv6 packet with this traffic class.
pub(crate) fn ipv6(traffic_class: u8, payload_len: u16) -> Vec<u8> {
    let start = 6 << 28 | u32::from(traffic_class) << 20 | 0xabcde;
    let mut packet = start.to_be_bytes().to_vec();
    packet.extend(payload_len.to_be_bytes());
    packet.extend([17, 64]);
    packet.resize(40 + usize::from(payload_len), 0xcd);
    packet
}

/// RFC 791, 3.1: over the header with the checksum taken as zero.
pub(crate) fn ipv4_checksum(header: &[u8]) -> u16 {
    let words = header.chunks(2).enumerate().filter(|(number, _)| *number != 5);
    let mut sum: u32 = words.map(|(_, word)| u32::from(word[0]) << 8 | u32::from(word[1])).sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}
