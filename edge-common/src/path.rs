//! The whole path of a frame. Each step has a file, in this order:
//!
//! ```text
//! 1 tags → 2 attachment → 3 class → 4 mark → 5 account → 6 admit → 7 rewrite → 8 forward → 9 meter
//! ```

pub mod tags;

pub mod attachment;

pub mod class;

pub mod mark;

pub mod account;

pub mod admit;

pub mod rewrite;

pub mod forward;

pub mod meter;

use self::admit::AdmitRequest;
use crate::{
    abi::{
        attachment::Attachment,
        in_flight::HandedOver,
        port::{Features, PortConfig},
        qos::Marking,
        rewrite::Retag,
    },
    env::{Env, FrameCalls},
    packet::{ip, vlan::Tag},
    reason::Reason,
};

/// Takes one frame along the path: marks it in place, polices, meters and forwards it. The frame
/// counts exactly once in the port's counters, where the port has some. Returns the reason why its
/// path ended.
#[inline(always)]
pub fn process(frame: &mut impl FrameCalls, port: &PortConfig, env: &mut impl Env) -> Reason {
    let len_bytes = frame.len_bytes();
    env.note_len_bytes(len_bytes);
    let reason = match steps(frame, port, env, len_bytes) {
        Ok(()) => Reason::Ok,
        Err(reason) => reason,
    };
    if let Some(counters) = env.port_counters() {
        counters.count(reason, len_bytes);
    }
    reason
}

#[inline(always)]
fn steps(
    frame: &mut impl FrameCalls,
    port: &PortConfig,
    env: &mut impl Env,
    rx_len_bytes: u32,
) -> Result<(), Reason> {
    let outer = tags::outer(frame, port)?;
    let (index, last_tag) = attachment::classify(frame, env, outer)?;
    let owned = owned_steps(frame, port, env, Owned { index, last_tag, rx_len_bytes });
    if let Err(reason) = owned
        && let Some(losses) = env.losses(index)
    {
        losses.dropped(reason, rx_len_bytes);
    }
    owned
}

/// A frame that belongs to an attachment.
#[derive(Clone, Copy)]
struct Owned {
    /// Index of the attachment.
    index: u32,
    /// The last of the circuit's tags.
    last_tag: Tag,
    /// Length as received.
    rx_len_bytes: u32,
}

#[inline(always)]
fn owned_steps(
    frame: &mut impl FrameCalls,
    port: &PortConfig,
    env: &mut impl Env,
    owned: Owned,
) -> Result<(), Reason> {
    let Owned { index, last_tag: tag, rx_len_bytes } = owned;
    let attachment = *env.attachment(index).ok_or(Reason::DanglingTable)?;
    if Retag::from_bits(attachment.retag).leaves_none() && tag.precedes_tag() {
        // At the egress, the frame would belong to the owner of its remaining tags.
        return Err(Reason::Unmatched);
    }
    env.note_attachment(index);
    if attachment.flags & Attachment::DISABLED != 0 {
        return Err(Reason::CircuitDisabled);
    }

    let row = env.qos_row(attachment.qos_row).ok_or(Reason::DanglingTable)?;
    let class = match ip::ds_word(frame, &tag)? {
        Some(ds) => {
            let Marking { class, dscp } = class::marking(frame, port, &attachment, &ds, row);
            env.note_dscp(ds.dscp(), dscp);
            mark::mark(frame, &ds, dscp)?;
            class
        }
        None => row.pcp_class(tags::pcp(frame, &tag)?),
    };
    env.note_class(class);
    let share = row.burst_share(class);

    let len_bytes = account::accounted_bytes(frame, &attachment, &tag)?;
    env.note_len_bytes(len_bytes);

    let request =
        AdmitRequest { index, attachment: &attachment, tag: &tag, class, share, len_bytes };
    let admission = admit::admit(frame, port, env, &request)?;
    if !admission.is_within() {
        meter::over_rate(env, index, class, len_bytes)?;
        return Err(Reason::OverRate);
    }
    if port.features.has(Features::ECN)
        && attachment.flags & Attachment::MARKS_ECN != 0
        && admission.tells()
    {
        frame.mark_congestion(&tag).ok_or(Reason::Malformed)?;
    }

    if attachment.retag != 0 || attachment.flags & Attachment::MARKS_PCP != 0 {
        rewrite::rewrite(frame, env, &attachment, &tag, class)?;
    }

    forward::forward(env)?;
    meter::forwarded(env, index, class, len_bytes)?;
    // The meter is last, as no later step can drop the frame.
    let class = class.number().into();
    env.hand_over(HandedOver { attachment: index, class, len_bytes, rx_len_bytes });
    Ok(())
}
