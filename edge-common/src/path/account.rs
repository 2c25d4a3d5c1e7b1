//! Step 5, the length that is policed and metered, where that isn't the frame's.

use crate::{
    abi::attachment::Attachment,
    packet::{frame::Frame, ip, vlan::Tag},
    reason::Reason,
};

/// Bytes that a frame with the tags up to `last` counts for.
#[inline(always)]
pub fn accounted_bytes(
    frame: &impl Frame,
    attachment: &Attachment,
    last: &Tag,
) -> Result<u32, Reason> {
    if attachment.flags & Attachment::ACCOUNT_PACKET == 0 {
        let adjust_bytes = i32::from(attachment.len_adjust_bytes);
        return Ok(frame.len_bytes().wrapping_add_signed(adjust_bytes));
    }
    let packet_bytes = match ip::locate(frame, last) {
        Some(place) => ip::len_bytes(frame, place),
        // Without an IP packet, everything behind the tags counts.
        None => Some(frame.len_bytes().wrapping_sub(last.next_offset as u32)),
    };
    packet_bytes.ok_or(Reason::Malformed)
}
