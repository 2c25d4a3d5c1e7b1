//! Step 6, marking: the DSCP a packet leaves with, the PCP of the frame's outer tag, congestion.

use crate::{
    packet::{
        checksum,
        frame::Frame,
        ip::{self, DsWord, Dscp},
        ip_version::IpVersion,
        vlan::{OUTER_TCI_OFFSET, Pcp, Tag},
    },
    reason::Reason,
};

const IPV4_CHECKSUM_OFFSET: usize = 10;

/// Gives the packet at `ds` the code point `dscp`. ECN stays; IPv4's header checksum follows.
#[inline(always)]
pub fn mark(frame: &mut impl Frame, ds: &DsWord, dscp: Dscp) -> Result<(), Reason> {
    let word = ds.with_dscp(dscp);
    if word == ds.word {
        return Ok(());
    }
    write(frame, ds, word).ok_or(Reason::Malformed)
}

/// Gives the outer tag of a frame that has one the priority `pcp`. DEI and VID stay.
#[inline(always)]
pub fn mark_pcp(frame: &mut impl Frame, pcp: Pcp) -> Result<(), Reason> {
    let tci = frame.read_u16(OUTER_TCI_OFFSET).ok_or(Reason::Malformed)?;
    frame.write_u16(OUTER_TCI_OFFSET, pcp.in_tci(tci)).ok_or(Reason::Malformed)
}

/// Marks congestion in the IP packet behind the tags up to `last`, if its sender is ECN-capable
/// (RFC 3168, 5): ECT(0) and ECT(1) become CE. `None`: the frame ends too early. Callers use
/// [`crate::env::FrameCalls::mark_congestion`].
#[inline(always)]
pub fn mark_congestion(frame: &mut (impl Frame + ?Sized), last: &Tag) -> Option<()> {
    match ip::ds_word(frame, last).ok()? {
        Some(ds) if ds.is_ecn_capable() => write(frame, &ds, ds.with_congestion()),
        _ => Some(()),
    }
}

#[inline(always)]
fn write(frame: &mut (impl Frame + ?Sized), ds: &DsWord, word: u16) -> Option<()> {
    if ds.version == IpVersion::V4 {
        let offset = ds.offset + IPV4_CHECKSUM_OFFSET;
        let updated = checksum::update(frame.read_u16(offset)?, ds.word, word);
        frame.write_u16(offset, updated)?;
    }
    frame.write_u16(ds.offset, word)
}
