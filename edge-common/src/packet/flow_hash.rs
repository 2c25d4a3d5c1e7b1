//! A hash by which flows are told apart.

use super::{
    frame::Frame,
    ip::{self, DsWord},
    ip_version::IpVersion,
    vlan::Tag,
};

/// A hash of addresses, protocol and ports. A fragment has no ports. Callers use
/// [`crate::env::FrameCalls::flow_hash`].
#[inline(always)]
pub fn flow_hash(frame: &(impl Frame + ?Sized), last: &Tag) -> u64 {
    match ip::ds_word(frame, last) {
        Ok(Some(packet)) => try_hash(frame, &packet).unwrap_or(0),
        _ => 0,
    }
}

#[inline(always)]
fn try_hash(frame: &(impl Frame + ?Sized), packet: &DsWord) -> Option<u64> {
    const TCP: u16 = 6;
    const UDP: u16 = 17;
    let offset = packet.offset;
    let (addresses, words, protocol, ports_at) = match packet.version {
        IpVersion::V4 => {
            let is_fragment = frame.read_u16(offset + 6)? & 0x3fff != 0;
            let header_len_bytes = (packet.word >> 8 & 0x0f) as usize * 4;
            let ports_at = if is_fragment { 0 } else { offset + header_len_bytes };
            (offset + 12, 2, frame.read_u16(offset + 8)? & 0xff, ports_at)
        }
        IpVersion::V6 => {
            let next = frame.read_u16(offset + 6)? >> 8;
            (offset + 8, 8, next, offset + ip::IPV6_HEADER_LEN_BYTES)
        }
    };
    let mut hash = mix(0, u32::from(protocol));
    for word in 0..8 {
        if word < words {
            hash = mix(hash, frame.read_u32(addresses + 4 * word)?);
        }
    }
    if ports_at != 0 && (protocol == TCP || protocol == UDP) {
        // A short packet may be followed by padding here, which does no harm in a hash.
        hash = mix(hash, frame.read_u32(ports_at).unwrap_or(0));
    }
    Some(hash)
}

/// Fibonacci hashing, word by word.
#[inline(always)]
const fn mix(hash: u64, word: u32) -> u64 {
    (hash.rotate_left(29) ^ word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
