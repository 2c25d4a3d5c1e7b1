//! The end of a frame that belongs to no circuit: its tags are noted, for operators to look for their owner. No other frame
//! comes here.

use crate::{
    abi::{routing::Mac, unmatched::UnmatchedTags},
    env::CpuCounters,
    packet::{
        frame::Frame,
        vlan::{INNER_TAG_OFFSET, OUTER_TAG_OFFSET, TPID_LEN_BYTES, Vid, is_tpid},
    },
};

/// Notes the frame's tags, also those with a TPID that its port doesn't accept.
#[inline(always)]
pub fn note(frame: &impl Frame, counters: &mut impl CpuCounters, now_ns: u64) {
    let (tags, source) = (tags(frame), source(frame));
    if let Some(bucket) = counters.unmatched(tags.bucket()) {
        bucket.count(tags, source, frame.len_bytes(), now_ns);
    }
}

/// The outer two tags, as far as the frame has them.
#[inline(always)]
fn tags(frame: &impl Frame) -> UnmatchedTags {
    let Some((tpid, vid)) = tag(frame, OUTER_TAG_OFFSET) else { return UnmatchedTags::NONE };
    let tags = UnmatchedTags::NONE.with_outer(tpid, vid);
    let Some((tpid, vid)) = tag(frame, INNER_TAG_OFFSET) else { return tags };
    tags.with_inner(tpid, vid)
}

#[inline(always)]
fn tag(frame: &impl Frame, offset: usize) -> Option<(u16, Vid)> {
    let tpid = frame.read_u16(offset)?;
    if !is_tpid(tpid) {
        return None;
    }
    frame.read_u16(offset + TPID_LEN_BYTES).map(|tci| (tpid, Vid::from_tci(tci)))
}

#[inline(always)]
fn source(frame: &impl Frame) -> Mac {
    match (frame.read_u16(6), frame.read_u32(8)) {
        (Some(upper), Some(lower)) => Mac::from_bits(u64::from(upper) << 32 | u64::from(lower)),
        _ => Mac::NONE,
    }
}
