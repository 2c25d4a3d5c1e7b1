//! Step 1, the tags: the outer and the inner one (IEEE 802.1Q-2022, 9.6), and the priority.

use crate::{
    abi::port::PortConfig,
    packet::{
        ether_type::{ETHER_TYPE_LLDP, ETHER_TYPE_SLOW},
        frame::Frame,
        vlan::{OUTER_TAG_OFFSET, OUTER_TCI_OFFSET, Pcp, TPID_C_TAG, TPID_S_TAG, Tag},
    },
    reason::Reason,
};

/// The outer tag of a frame; a frame without one gets one with the VID 0. The error is
/// [`Reason::Control`] or [`Reason::Malformed`].
#[inline(always)]
pub fn outer(frame: &impl Frame, port: &PortConfig) -> Result<Tag, Reason> {
    let destination_high = frame.read_u32(0).ok_or(Reason::Malformed)?;
    let destination_low = frame.read_u16(4).ok_or(Reason::Malformed)?;
    let ether_type = frame.read_u16(OUTER_TAG_OFFSET).ok_or(Reason::Malformed)?;

    if is_link_local(destination_high, destination_low)
        || ether_type == ETHER_TYPE_SLOW
        || ether_type == ETHER_TYPE_LLDP
    {
        return Err(Reason::Control);
    }
    if !port.accepts_tpid(ether_type) {
        return Ok(Tag::none(ether_type));
    }
    Tag::read(frame, OUTER_TCI_OFFSET).ok_or(Reason::Malformed)
}

/// The C-tag behind the S-tag `outer`; [`Reason::Unmatched`] where there is none.
#[inline(always)]
pub fn inner(frame: &impl Frame, outer: &Tag) -> Result<Tag, Reason> {
    match outer.next_ether_type {
        TPID_C_TAG | TPID_S_TAG => Tag::read(frame, outer.next_offset).ok_or(Reason::Malformed),
        _ => Err(Reason::Unmatched),
    }
}

/// The priority of a frame whose last tag is `last`: that of its outer tag, or 0.
#[inline(always)]
pub fn pcp(frame: &impl Frame, last: &Tag) -> Result<Pcp, Reason> {
    if !last.is_there() {
        return Ok(Pcp::of_tci(0));
    }
    frame.read_u16(OUTER_TCI_OFFSET).map(Pcp::of_tci).ok_or(Reason::Malformed)
}

/// The addresses 01-80-C2-00-00-00 to -0F, which a bridge never forwards (802.1Q-2022, 8.6.3),
/// tagged or not.
#[inline(always)]
fn is_link_local(destination_high: u32, destination_low: u16) -> bool {
    destination_high == 0x0180_c200 && destination_low & 0xfff0 == 0
}
