//! Step 10, rewriting: a frame gets the tags and the priority that it leaves with, where these
//! differ from the ones that it came with.

use super::mark;
use crate::{
    abi::{attachment::Attachment, class::Class, rewrite::Retag},
    env::Lookup,
    packet::{
        frame::{ETHERNET_HEADER_LEN_BYTES, Frame},
        vlan::{INNER_TAG_OFFSET, OUTER_TAG_OFFSET, TAG_LEN_BYTES, Tag, Vid},
    },
    reason::Reason,
};

/// Gives the frame the tags and the priority that it leaves with. The priority is the attachment's.
#[inline(always)]
pub fn rewrite(
    frame: &mut impl Frame,
    tables: &impl Lookup,
    attachment: &Attachment,
    tag: &Tag,
    tags: Retag,
    class: Class,
) -> Result<(), Reason> {
    let has_tag = retag(frame, tag, tags)?;
    let row = tables.qos_row(attachment.qos_row).ok_or(Reason::DanglingTable)?;
    match row.pcp_mark(class) {
        Some(pcp) if has_tag => mark::mark_pcp(frame, pcp),
        _ => Ok(()),
    }
}

/// Gives a frame whose last tag is `last` its leaving tags, and returns whether it has any then.
/// Without room for them, the error is [`Reason::NoHeadroom`], and the frame is unchanged.
#[inline(always)]
pub fn retag(frame: &mut impl Frame, last: &Tag, retag: Retag) -> Result<bool, Reason> {
    let arrived_bytes = (last.next_offset - ETHERNET_HEADER_LEN_BYTES) as u16;
    if retag == Retag::NONE {
        return Ok(arrived_bytes != 0);
    }
    let (outer, inner) = ((retag.0 >> 32) as u32, retag.0 as u32);
    let leaving_tags =
        u16::from(outer & Retag::HAS_TAG != 0) + u16::from(inner & Retag::HAS_TAG != 0);
    let leaving_bytes = leaving_tags * TAG_LEN_BYTES as u16;
    let arrived = ArrivedTags::read(frame, arrived_bytes).ok_or(Reason::Malformed)?;

    if leaving_bytes != arrived_bytes {
        move_addresses(frame, i32::from(arrived_bytes) - i32::from(leaving_bytes))?;
    }
    write(frame, outer, inner, &arrived).ok_or(Reason::Malformed)?;
    Ok(leaving_bytes != 0)
}

/// The tags a frame came with, TPID and TCI; 0: none.
struct ArrivedTags {
    outer: u32,
    inner: u32,
}

impl ArrivedTags {
    #[inline(always)]
    fn read(frame: &impl Frame, tag_bytes: u16) -> Option<Self> {
        let outer = if tag_bytes == 0 { 0 } else { frame.read_u32(OUTER_TAG_OFFSET)? };
        let inner =
            if tag_bytes <= TAG_LEN_BYTES as u16 { 0 } else { frame.read_u32(INNER_TAG_OFFSET)? };
        Some(Self { outer, inner })
    }

    #[inline(always)]
    fn leaving(&self, tag: u32) -> u32 {
        let source = if tag & Retag::FROM_INNER == 0 { self.outer } else { self.inner };
        let tpid = if tag >> 16 == 0 { source & 0xffff_0000 } else { tag & 0xffff_0000 };
        let own_vid = u32::from(Vid::from_tci(tag as u16).number());
        let vid = if own_vid == 0 { source & 0x0fff } else { own_vid };
        tpid | source & 0xf000 | vid
    }
}

/// Moves the start of the frame, and both addresses with it.
#[inline(always)]
fn move_addresses(frame: &mut impl Frame, by_bytes: i32) -> Result<(), Reason> {
    let destination = frame.read_u32(0).ok_or(Reason::Malformed)?;
    let middle = frame.read_u32(4).ok_or(Reason::Malformed)?;
    let source = frame.read_u32(8).ok_or(Reason::Malformed)?;
    frame.move_start(by_bytes).ok_or(Reason::NoHeadroom)?;
    frame.write_u32(0, destination).ok_or(Reason::Malformed)?;
    frame.write_u32(4, middle).ok_or(Reason::Malformed)?;
    frame.write_u32(8, source).ok_or(Reason::Malformed)
}

#[inline(always)]
fn write(frame: &mut impl Frame, outer: u32, inner: u32, arrived: &ArrivedTags) -> Option<()> {
    if outer & Retag::HAS_TAG != 0 {
        frame.write_u32(OUTER_TAG_OFFSET, arrived.leaving(outer))?;
    }
    if inner & Retag::HAS_TAG != 0 {
        frame.write_u32(INNER_TAG_OFFSET, arrived.leaving(inner))?;
    }
    Some(())
}
