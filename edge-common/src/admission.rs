//! Step 6, admission: into every bucket that a frame has to fit.

use crate::{
    attachment::Attachment,
    class::Class,
    fair,
    frame::Frame,
    police::{self, Admission, Bucket},
    port::{Features, PortConfig},
    qos::BurstShare,
    reason::Reason,
    tables::{Clock, Tables},
    tags::Tag,
};

/// A frame that asks to be admitted.
pub struct Request<'a> {
    /// Index of its attachment.
    pub index: u32,
    /// Its attachment.
    pub attachment: &'a Attachment,
    /// The last of the circuit's tags.
    pub tag: &'a Tag,
    /// Its class.
    pub class: Class,
    /// The class's share of bursts.
    pub share: BurstShare,
    /// What it counts for.
    pub len_bytes: u32,
}

/// Whether the frame is within its circuit's rate, its peering's and its class's, where those
/// have one, and not in the way of other flows, where that matters.
#[inline(always)]
pub fn admit(
    frame: &impl Frame,
    port: &PortConfig,
    tables: &mut impl Tables,
    clock: &impl Clock,
    request: &Request<'_>,
) -> Result<Admission, Reason> {
    let Request { attachment, share, len_bytes, .. } = *request;
    let is_limited =
        port.features.has(Features::LIMITS) && attachment.flags & Attachment::HAS_LIMITS != 0;
    let (class, peering) = if is_limited {
        let limits = tables.limits(request.index).ok_or(Reason::DanglingTable)?;
        (limits.class(request.class), limits.peering)
    } else {
        (Bucket::NONE, Bucket::NONE)
    };

    // The smallest first: what a larger one refuses goes back to those before it.
    if is_limited {
        if !police::admit(tables, clock, class, BurstShare::WHOLE, len_bytes)?.is_within() {
            return Ok(Admission::OVER);
        }
        if !police::admit(tables, clock, peering, share, len_bytes)?.is_within() {
            police::refund(tables, class, BurstShare::WHOLE, len_bytes)?;
            return Ok(Admission::OVER);
        }
    }
    let admission = into_circuit(frame, port, tables, clock, request)?;
    if is_limited && !admission.is_within() {
        police::refund(tables, peering, share, len_bytes)?;
        police::refund(tables, class, BurstShare::WHOLE, len_bytes)?;
    }
    Ok(admission)
}

#[inline(always)]
fn into_circuit(
    frame: &impl Frame,
    port: &PortConfig,
    tables: &mut impl Tables,
    clock: &impl Clock,
    request: &Request<'_>,
) -> Result<Admission, Reason> {
    let Request { attachment, share, len_bytes, .. } = *request;
    let bucket = attachment.bucket();
    if !port.features.has(Features::FAIRNESS) || attachment.flow_queues == 0 {
        return police::admit(tables, clock, bucket, share, len_bytes);
    }
    let flow = fair::flow(frame, request.tag);
    let rate = tables.rate(attachment.rate).ok_or(Reason::DanglingTable)?;
    let frame_ticks = rate.ticks(len_bytes);
    if !fair::may_send(tables, clock, attachment, share, flow, frame_ticks)? {
        return Ok(Admission::OVER);
    }
    let admission = police::admit(tables, clock, bucket, share, len_bytes)?;
    fair::asked(tables, attachment, flow, frame_ticks, admission)?;
    Ok(admission)
}
