//! The frames of a test.

use etherparse::PacketBuilder;

use crate::config::SideTags;

const ETHERNET_BYTES: usize = 14;
const TAG_BYTES: usize = 4;
/// An S-tag's TPID, and a C-tag's behind it (802.1Q, 9.6).
const S_TPID: u16 = 0x88a8;
const C_TPID: u16 = 0x8100;
/// Addresses for tests of devices (RFC 2544, appendix C.2.2), and locally administered MAC addresses.
const FROM: ([u8; 6], [u8; 4]) = ([2, 0, 0, 0, 0, 1], [198, 18, 0, 1]);
const TO: ([u8; 6], [u8; 4]) = ([2, 0, 0, 0, 0, 2], [198, 19, 0, 1]);
const TTL: u8 = 64;

/// A frame of UDP with a circuit's tags.
pub(super) struct TestFrame(Vec<u8>);

impl TestFrame {
    /// A frame of `len_bytes` with these tags, of which the outer one has a TPID that the port accepts.
    pub(super) fn new(tags: SideTags, tpids: &[u16], len_bytes: usize) -> Self {
        let vids: Vec<u16> =
            tags.s_vid.into_iter().chain(tags.c_vids.map(|vids| vids.first)).collect();
        let preferred = if vids.len() > 1 { S_TPID } else { C_TPID };
        let outer = if tpids.contains(&preferred) { preferred } else { tpids[0] };
        let payload_bytes = len_bytes - ETHERNET_BYTES - TAG_BYTES * vids.len() - 28;
        let builder = PacketBuilder::ethernet2(FROM.0, TO.0).ipv4(FROM.1, TO.1, TTL).udp(1024, 7);
        let mut plain = Vec::with_capacity(len_bytes);
        // Writing to memory doesn't fail.
        let _ = builder.write(&mut plain, &vec![0; payload_bytes]);
        let mut frame = plain[..12].to_vec();
        for (vid, tpid) in vids.iter().zip([outer, C_TPID]) {
            frame.extend(tpid.to_be_bytes());
            frame.extend(vid.to_be_bytes());
        }
        frame.extend(&plain[12..]);
        Self(frame)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        self.0.clone()
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.0.len()
    }
}
