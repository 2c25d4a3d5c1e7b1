//! Step 7, the length that is policed and metered, where that isn't the frame's.

use crate::{
    abi::attachment::Attachment,
    packet::{
        frame::{ETHERNET_HEADER_LEN_BYTES, Frame},
        ip,
        vlan::Tag,
    },
    reason::Reason,
};

/// Bytes that a frame with the tags up to `last` counts for.
#[inline(always)]
pub fn accounted_bytes(
    frame: &impl Frame,
    attachment: &Attachment,
    last: &Tag,
    is_routed: bool,
) -> Result<u32, Reason> {
    if attachment.flags & Attachment::ACCOUNT_PACKET == 0 {
        let adjust_bytes = i32::from(attachment.len_adjust_bytes);
        // Frames to a customer come by links with other tags than his.
        let tag_bytes =
            if is_routed { (last.next_offset - ETHERNET_HEADER_LEN_BYTES) as u32 } else { 0 };
        return Ok(frame.len_bytes().wrapping_sub(tag_bytes).wrapping_add_signed(adjust_bytes));
    }
    let packet_bytes = match ip::locate(frame, last) {
        Some(place) => ip::len_bytes(frame, place),
        // Without an IP packet, everything behind the tags counts.
        None => Some(frame.len_bytes().wrapping_sub(last.next_offset as u32)),
    };
    packet_bytes.ok_or(Reason::Malformed)
}
