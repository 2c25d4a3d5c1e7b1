//! The path of a frame, whole.

use crate::{
    accounting,
    admission::{self, Request},
    attachment::{self, Attachment},
    class::{self, Class},
    frame::Frame,
    in_flight::HandedOver,
    mark,
    port::{Features, PortConfig},
    qos::Marking,
    reason::Reason,
    retag::{self, Retag},
    rules,
    tables::{Clock, Tables},
    tags::{self, Tag},
};

/// Takes one frame along the path: marks it in place, polices, meters and forwards it. Counts it
/// exactly once in the port's counters, whatever happens, and returns why its path ended.
#[inline(always)]
pub fn process(
    frame: &mut impl Frame,
    port: &PortConfig,
    tables: &mut impl Tables,
    clock: &impl Clock,
) -> Reason {
    let len_bytes = frame.len_bytes();
    tables.note_len_bytes(len_bytes);
    let reason = match steps(frame, port, tables, clock, len_bytes) {
        Ok(()) => Reason::Ok,
        Err(reason) => reason,
    };
    if let Some(counters) = tables.port_counters() {
        counters.count(reason, len_bytes);
    }
    reason
}

#[inline(always)]
fn steps(
    frame: &mut impl Frame,
    port: &PortConfig,
    tables: &mut impl Tables,
    clock: &impl Clock,
    rx_len_bytes: u32,
) -> Result<(), Reason> {
    let outer = tags::outer(frame, port)?;
    let (index, tag) = attachment::classify(frame, tables, outer)?;
    let owned = owned_steps(frame, port, tables, clock, (index, tag), rx_len_bytes);
    if let Err(reason) = owned
        && let Some(losses) = tables.losses(index)
    {
        losses.dropped(reason, rx_len_bytes);
    }
    owned
}

/// The steps of a frame that is somebody's: that of the attachment with this index.
#[inline(always)]
fn owned_steps(
    frame: &mut impl Frame,
    port: &PortConfig,
    tables: &mut impl Tables,
    clock: &impl Clock,
    (index, tag): (u32, Tag),
    rx_len_bytes: u32,
) -> Result<(), Reason> {
    let attachment = *tables.attachment(index).ok_or(Reason::DanglingTable)?;
    if Retag::from_bits(attachment.retag).leaves_none() && tag.precedes_tag() {
        // Where it leaves, it would be a frame of those tags' owner.
        return Err(Reason::Unmatched);
    }
    tables.note_attachment(index);
    if attachment.flags & Attachment::DISABLED != 0 {
        return Err(Reason::CircuitDisabled);
    }

    let row = tables.qos_row(attachment.qos_row).ok_or(Reason::DanglingTable)?;
    let class = match class::ds_word(frame, &tag)? {
        Some(ds) => {
            let Marking { class, dscp } = if port.features.has(Features::RULES)
                && attachment.flags & Attachment::HAS_RULES != 0
            {
                rules::marking(frame, &ds, row)
            } else {
                row.marking(ds.dscp())
            };
            tables.note_dscp(ds.dscp(), dscp);
            mark::mark(frame, &ds, dscp)?;
            class
        }
        None => row.pcp_class(tags::pcp(frame, &tag)?),
    };
    tables.note_class(class);
    let share = row.burst_share(class);

    let len_bytes = accounting::accounted_bytes(frame, &attachment, &tag)?;
    tables.note_len_bytes(len_bytes);
    let request = Request { index, attachment: &attachment, tag: &tag, class, share, len_bytes };
    let admission = admission::admit(frame, port, tables, clock, &request)?;
    if !admission.is_within() {
        let meter = tables.meter(index).ok_or(Reason::DanglingTable)?;
        meter.dropped(class, len_bytes);
        return Err(Reason::OverRate);
    }
    if port.features.has(Features::ECN)
        && attachment.flags & Attachment::MARKS_ECN != 0
        && admission.tells()
    {
        frame.mark_congestion(&tag).ok_or(Reason::Malformed)?;
    }

    if attachment.retag != 0 || attachment.flags & Attachment::MARKS_PCP != 0 {
        leaving_tags(frame, tables, &attachment, &tag, class)?;
    }
    // Forward, then meter: what could not be sent is not billed.
    if !tables.forward() {
        return Err(Reason::NoEgress);
    }
    let meter = tables.meter(index).ok_or(Reason::DanglingTable)?;
    meter.forwarded(class, len_bytes);
    // Last: nothing makes a drop of it any more.
    let class = class.number().into();
    tables.hand_over(HandedOver { attachment: index, class, len_bytes, rx_len_bytes });
    Ok(())
}

/// Gives the frame the tags and the priority that it leaves with.
#[inline(always)]
fn leaving_tags(
    frame: &mut impl Frame,
    tables: &impl Tables,
    attachment: &Attachment,
    tag: &Tag,
    class: Class,
) -> Result<(), Reason> {
    let has_tag = retag::retag(frame, tag, Retag::from_bits(attachment.retag))?;
    let row = tables.qos_row(attachment.qos_row).ok_or(Reason::DanglingTable)?;
    match row.pcp_mark(class) {
        Some(pcp) if has_tag => mark::mark_pcp(frame, pcp),
        _ => Ok(()),
    }
}
