//! Step 9, the hop of a routed frame: one less to live, and the MAC addresses of the next link.

use super::router::punt::{set_destination, set_source};
use crate::{
    abi::routing::Mac,
    packet::{checksum, frame::Frame, ip::DsWord, ip_version::IpVersion},
    reason::Reason,
};

/// Whether the packet may go on by a hop (RFC 1812, 5.3.1; RFC 8200, 3).
#[inline(always)]
pub fn may_go_on(frame: &impl Frame, packet: &DsWord) -> Result<(), Reason> {
    let ttl = match packet.version {
        IpVersion::V4 => frame.read_u16(packet.offset + 8).ok_or(Reason::Malformed)? >> 8,
        IpVersion::V6 => frame.read_u16(packet.offset + 6).ok_or(Reason::Malformed)? & 0xff,
    };
    if ttl > 1 { Ok(()) } else { Err(Reason::TtlExpired) }
}

/// Takes one from the TTL or hop limit of a packet that [`may_go_on`], and gives its frame the addresses of `own` and
/// `neighbour`. IPv4's checksum follows by RFC 1624.
#[inline(always)]
pub fn hop(
    frame: &mut impl Frame,
    packet: &DsWord,
    own: Mac,
    neighbour: Mac,
) -> Result<(), Reason> {
    match packet.version {
        IpVersion::V4 => take_one_v4(frame, packet.offset),
        IpVersion::V6 => take_one_v6(frame, packet.offset),
    }
    .and_then(|()| set_destination(frame, neighbour))
    .and_then(|()| set_source(frame, own))
    .ok_or(Reason::Malformed)
}

#[inline(always)]
fn take_one_v4(frame: &mut impl Frame, offset: usize) -> Option<()> {
    let (ttl, sum) = (frame.read_u16(offset + 8)?, frame.read_u16(offset + 10)?);
    let new_ttl = ttl.wrapping_sub(1 << 8);
    frame.write_u16(offset + 8, new_ttl)?;
    frame.write_u16(offset + 10, checksum::update(sum, ttl, new_ttl))
}

#[inline(always)]
fn take_one_v6(frame: &mut impl Frame, offset: usize) -> Option<()> {
    let next_and_limit = frame.read_u16(offset + 6)?;
    frame.write_u16(offset + 6, next_and_limit.wrapping_sub(1))
}
