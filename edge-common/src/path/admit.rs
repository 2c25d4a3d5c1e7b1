//! Step 8, admission: a frame has to fit into every bucket of its attachment.

use crate::{
    abi::{
        admission::Admission,
        attachment::Attachment,
        class::Class,
        policer::{Bucket, Flow},
        port::{Features, PortConfig},
        qos::BurstShare,
    },
    env::{BucketCalls, FrameCalls, Lookup},
    packet::vlan::Tag,
    policer::{bucket, fairness},
    reason::Reason,
};

/// The request of a frame for admission.
pub struct AdmitRequest<'a> {
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
    /// Bytes that it counts for.
    pub len_bytes: u32,
}

/// Whether the frame is within the rates of its circuit, of its peering and of its class, where
/// these have one, and within its flow's fair part, where the circuit has `fairness`.
#[inline(always)]
pub fn admit(
    frame: &impl FrameCalls,
    port: &PortConfig,
    tables: &mut (impl Lookup + BucketCalls),
    request: &AdmitRequest<'_>,
) -> Result<Admission, Reason> {
    let AdmitRequest { attachment, share, len_bytes, .. } = *request;
    let is_limited =
        port.features.has(Features::LIMITS) && attachment.flags & Attachment::HAS_LIMITS != 0;
    let (class, peering) = if is_limited {
        let limits = tables.limits(request.index).ok_or(Reason::DanglingTable)?;
        (limits.class(request.class), limits.peering)
    } else {
        (Bucket::NONE, Bucket::NONE)
    };

    // The smallest bucket comes first. Bytes go back to it if a larger one refuses the frame.
    if is_limited {
        if !bucket::admit(tables, class, BurstShare::WHOLE, len_bytes)?.is_within() {
            return Ok(Admission::OVER);
        }
        if !bucket::admit(tables, peering, share, len_bytes)?.is_within() {
            bucket::refund(tables, class, BurstShare::WHOLE, len_bytes)?;
            return Ok(Admission::OVER);
        }
    }
    let admission = into_circuit(frame, port, tables, request)?;
    if is_limited && !admission.is_within() {
        bucket::refund(tables, peering, share, len_bytes)?;
        bucket::refund(tables, class, BurstShare::WHOLE, len_bytes)?;
    }
    Ok(admission)
}

#[inline(always)]
fn into_circuit(
    frame: &impl FrameCalls,
    port: &PortConfig,
    tables: &mut (impl Lookup + BucketCalls),
    request: &AdmitRequest<'_>,
) -> Result<Admission, Reason> {
    let AdmitRequest { attachment, share, len_bytes, .. } = *request;
    let own = attachment.bucket();
    if !port.features.has(Features::FAIRNESS) || attachment.flow_queues == 0 {
        return bucket::admit(tables, own, share, len_bytes);
    }
    let flow = Flow::of_hash(frame.flow_hash(request.tag));
    let rate = tables.rate(attachment.rate).ok_or(Reason::DanglingTable)?;
    let frame_ticks = rate.ticks(len_bytes);
    if !fairness::may_send(tables, attachment, share, flow, frame_ticks)? {
        return Ok(Admission::OVER);
    }
    let admission = bucket::admit(tables, own, share, len_bytes)?;
    fairness::asked(tables, attachment, flow, frame_ticks, admission)?;
    Ok(admission)
}
