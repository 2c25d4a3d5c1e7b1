//! Frames by chance and by number; written ones are in [`notation`](crate::notation).

use proptest::{
    prelude::*,
    sample::{Index, select},
};

use crate::shim::any_shim;

/// Number of frames that a test takes: as many as the environment variable `name` says.
#[must_use]
pub fn how_many(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|frames| frames.parse().ok()).unwrap_or(otherwise)
}

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

/// An IPv4 or IPv6 packet of `protocol` between these ports, with what may be in between:
/// options, or extension headers (number and length in their own unit).
#[derive(Clone, Debug)]
pub struct Transport {
    /// IPv6.
    pub is_v6: bool,
    /// DS field or traffic class.
    pub ds: u8,
    /// Protocol number.
    pub protocol: u8,
    /// Source and destination port.
    pub ports: (u16, u16),
    /// Extension headers; for IPv4, words of options, as many as there are headers.
    pub extensions: Vec<(u8, u8)>,
    /// In the place of fragment offset and flags of IPv4, and of a fragment header.
    pub fragment: u16,
    /// Bytes after the ports.
    pub payload_bytes: usize,
}

impl Transport {
    /// The packet.
    #[must_use]
    pub fn packet(&self) -> Vec<u8> {
        let (src, dst) = self.ports;
        let mut transport = [src.to_be_bytes(), dst.to_be_bytes()].concat();
        transport.resize(4 + self.payload_bytes, 0x5a);
        if self.is_v6 { self.ipv6(&transport) } else { self.ipv4(&transport) }
    }

    fn ipv4(&self, transport: &[u8]) -> Vec<u8> {
        let words = self.extensions.len().min(10);
        let mut packet = ipv4(self.ds, 20);
        packet.resize(20 + words * 4, 1);
        packet.extend(transport);
        packet[0] = 0x45 + u8::try_from(words).unwrap_or(0);
        let len_bytes = u16::try_from(packet.len()).unwrap_or(u16::MAX);
        packet[2..4].copy_from_slice(&len_bytes.to_be_bytes());
        packet[6..8].copy_from_slice(&self.fragment.to_be_bytes());
        packet[9] = self.protocol;
        // The options are ones: left out of the sum, which nobody checks.
        let checksum = ipv4_checksum(&packet);
        packet[10..12].copy_from_slice(&checksum.to_be_bytes());
        packet
    }

    fn ipv6(&self, transport: &[u8]) -> Vec<u8> {
        const FRAGMENT: u8 = 44;
        const AUTHENTICATION: u8 = 51;
        let mut packet = ipv6(self.ds, 40);
        packet[6] = self.extensions.first().map_or(self.protocol, |(number, _)| *number);
        for (at, (number, len)) in self.extensions.iter().enumerate() {
            let next = self.extensions.get(at + 1).map_or(self.protocol, |(number, _)| *number);
            let len_bytes = match *number {
                FRAGMENT => 8,
                AUTHENTICATION => (usize::from(*len) + 2) * 4,
                _ => (usize::from(*len) + 1) * 8,
            };
            let [high, low] = self.fragment.to_be_bytes();
            let mut header = vec![next, *len, high, low];
            header.resize(len_bytes, 0);
            packet.extend(header);
        }
        packet.extend(transport);
        let payload_bytes = u16::try_from(packet.len() - 40).unwrap_or(u16::MAX);
        packet[4..6].copy_from_slice(&payload_bytes.to_be_bytes());
        packet
    }
}

/// Frames near what the path looks at: tags and VIDs that circuits have and others, IP that is
/// well-formed and IP that is not, cut anywhere and with any byte changed.
pub fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        8 => any_packet().prop_map(|transport| {
            (if transport.is_v6 { 0x86dd } else { 0x0800 }, transport.packet())
        }),
        1 => (any::<u16>(), prop::collection::vec(any::<u8>(), 0..80)),
    ];
    let change = prop::option::weighted(0.3, (any::<Index>(), any::<u8>()));
    let cut = prop::option::weighted(0.2, any::<Index>());
    let padding = prop::option::weighted(0.2, 0usize..40);
    (any_tags(), payload, any_shim(), change, cut, padding).prop_map(
        |(tags, (ether_type, payload), shim, change, cut, padding)| {
            let (ether_type, payload) = match shim {
                Some(shim) => shim.around(ether_type, &payload),
                None => (ether_type, payload),
            };
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

/// Tags that circuits have, on one side or the other, or nearly.
fn any_tags() -> impl Strategy<Value = Vec<(u16, u16)>> {
    const VIDS: [u16; 32] = [
        0, 10, 11, 20, 30, 40, 41, 42, 99, 100, 101, 102, 103, 104, 105, 106, 107, 150, 199, 200,
        300, 310, 400, 410, 420, 1103, 4094, 4095, 2500, 108, 109, 110,
    ];
    const CLAIMED: [&[u16]; 30] = [
        &[100, 10],
        &[100, 20],
        &[100, 30],
        &[200],
        &[300],
        &[101, 10],
        &[102, 100],
        &[102, 199],
        &[102, 200],
        &[102, 4094],
        &[103, 7],
        &[1103, 7],
        &[104, 10],
        &[104, 20],
        &[104, 30],
        &[400, 40],
        &[400, 41],
        &[400, 42],
        &[105, 10],
        &[410],
        &[107, 10],
        &[107],
        &[310],
        &[420, 310],
        &[106, 10],
        &[108, 10],
        &[108, 20],
        &[109, 10],
        &[110, 10],
        &[11],
    ];
    let tpid = select(vec![0x8100u16, 0x88a8, 0x9100, 0x9200, 0x0800, 0x88cc]);
    let tci = (select(VIDS.to_vec()), 0u16..16).prop_map(|(vid, priority)| priority << 12 | vid);
    let free = prop::collection::vec((tpid.clone(), tci.clone()), 0..4);
    let claimed = (select(CLAIMED.to_vec()), any::<[bool; 2]>(), any::<[u8; 2]>());
    let claimed = claimed.prop_map(|(vids, are_s, priorities)| {
        let tags = vids.iter().zip(are_s.into_iter().zip(priorities));
        let tag = |(vid, (is_s, priority)): (&u16, (bool, u8))| {
            (if is_s { 0x88a8 } else { 0x8100 }, u16::from(priority & 0xf) << 12 | vid)
        };
        tags.map(tag).collect::<Vec<_>>()
    });
    let one_more = (prop::bool::weighted(0.3), (tpid.clone(), tci.clone()), any::<Index>());
    let claimed = (claimed, prop::option::weighted(0.3, one_more)).prop_map(|(mut tags, more)| {
        if let Some((is_priority_tag, (tpid, tci), at)) = more {
            // Another tag somewhere, often with the VID 0.
            let tci = if is_priority_tag { tci & 0xf000 } else { tci };
            tags.insert(at.index(tags.len() + 1), (tpid, tci));
        }
        tags
    });
    prop_oneof![
        1 => Just(Vec::new()),
        20 => claimed,
        10 => free,
    ]
}

fn any_packet() -> impl Strategy<Value = Transport> {
    let port =
        || prop_oneof![select(vec![22u16, 49_999, 50_000, 50_010, 50_019, 50_020]), any::<u16>()];
    let protocol = select(vec![1u8, 6, 17, 17, 50, 58, 132]);
    let extension = (select(vec![0u8, 43, 44, 51, 60, 60]), 0u8..4);
    let extensions = prop_oneof![
        2 => Just(Vec::new()),
        1 => prop::collection::vec(extension, 0..9),
    ];
    let fragment = select(vec![0u16, 0, 0, 0x2000, 0x4000, 1, 8, 0x1fff, 0xfff8]);
    let header = (any::<bool>(), any::<u8>(), protocol, (port(), port()));
    (header, extensions, fragment, 0usize..200).prop_map(
        |((is_v6, ds, protocol, ports), extensions, fragment, payload_bytes)| Transport {
            is_v6,
            ds,
            protocol,
            ports,
            extensions,
            fragment,
            payload_bytes,
        },
    )
}
