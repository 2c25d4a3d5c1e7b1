//! Step 2, the attachment: port, S-VID and C-VID tell the circuit and its peering. Two array reads.

use super::tags;
use crate::{
    abi::attachment::Slot,
    env::Lookup,
    packet::{frame::Frame, vlan::Tag},
    reason::Reason,
};

/// The attachment of a frame, and the last tag that led to it. The entry for VID 0, if there is
/// one, is for frames without a tag, or with a priority tag alone. A frame with another tag behind
/// a priority tag is not one of these: equipment that skips the priority tag would read the other
/// one.
#[inline(always)]
pub fn classify(
    frame: &impl Frame,
    tables: &impl Lookup,
    outer: Tag,
) -> Result<(u32, Tag), Reason> {
    let nobodys = if outer.is_there() { Reason::Unmatched } else { Reason::Untagged };
    let c_table = match tables.s_tag(outer.vid) {
        Slot::Attachment(_) if outer.vid.number() == 0 && outer.precedes_tag() => {
            return Err(nobodys);
        }
        Slot::Attachment(index) => return Ok((index, outer)),
        Slot::Empty => return Err(nobodys),
        Slot::CTable(c_table) => c_table,
    };
    let inner = tags::inner(frame, &outer)?;
    match tables.c_tag(c_table, inner.vid) {
        Slot::Attachment(index) => Ok((index, inner)),
        Slot::Empty | Slot::CTable(_) => Err(Reason::Unmatched),
    }
}
