//! The whole path of a frame. Each step has a file, in this order; address, route and hop are a routed frame's alone:
//!
//! ```text
//! 1 tags → 2 attachment → 3 address → 4 route → 5 class → 6 mark → 7 account → 8 admit → 9 hop → 10 rewrite → 11 forward → 12 meter
//! ```
//!
//! Frames to the router and from it, and the path's own answers, are in [`router`]; frames of no circuit end in
//! [`unmatched`].

pub mod tags;

pub mod attachment;

pub mod address;

pub mod route;

pub mod class;

pub mod mark;

pub mod account;

pub mod admit;

pub mod hop;

pub mod rewrite;

pub mod forward;

pub mod meter;

pub mod router;

pub mod unmatched;

mod routed;

use self::admit::AdmitRequest;
use crate::{
    abi::{
        attachment::Attachment,
        in_flight::HandedOver,
        port::{Features, PortConfig},
        qos::Marking,
        rewrite::Retag,
        routing::Mac,
    },
    env::{Env, FrameCalls, Way},
    packet::{ip, ip::DsWord, vlan::Tag},
    reason::{Action, Reason, UnmatchedPolicy},
};

/// The end of a frame's path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathEnd {
    /// The reason.
    pub reason: Reason,
    /// Whether the path has chosen the frame's way itself: to a next hop, to the router or, as an answer, back.
    pub is_routed: bool,
}

impl PathEnd {
    /// The verdict on the frame.
    #[must_use]
    #[inline(always)]
    pub const fn action(self, unmatched: UnmatchedPolicy) -> Action {
        self.reason.action_on(self.is_routed, unmatched)
    }
}

impl From<Reason> for PathEnd {
    #[inline(always)]
    fn from(reason: Reason) -> Self {
        Self { reason, is_routed: false }
    }
}

/// Takes one frame along the path: marks it in place, polices, meters and forwards it. The frame
/// counts exactly once in the port's counters, where the port has some. Returns the end of its path.
#[inline(always)]
pub fn process(frame: &mut impl FrameCalls, port: &PortConfig, env: &mut impl Env) -> PathEnd {
    let len_bytes = frame.len_bytes();
    env.note_len_bytes(len_bytes);
    let ended = match steps(frame, port, env, len_bytes) {
        Ok(is_routed) => PathEnd { reason: Reason::Ok, is_routed },
        Err(ended) => ended,
    };
    if let Some(counters) = env.port_counters() {
        counters.count(ended.reason, len_bytes);
    }
    ended
}

/// Takes a frame of the router on, and counts it.
#[inline(always)]
pub fn process_from_router(frame: &mut impl FrameCalls, env: &mut impl Env) -> Reason {
    let len_bytes = frame.len_bytes();
    let reason = router::frames::from_router(frame, env);
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
) -> Result<bool, PathEnd> {
    let outer = tags::outer(frame, port)?;
    let (index, last_tag) = match attachment::classify(frame, env, outer) {
        Ok(found) => found,
        Err(Reason::Untagged) => return Err(noted(frame, env, Reason::Untagged)),
        Err(Reason::Unmatched) => return Err(noted(frame, env, Reason::Unmatched)),
        Err(malformed) => return Err(malformed.into()),
    };
    let mut owned = Owned { index, last_tag, rx_len_bytes, next_hop: 0 };
    let ended = attached_steps(frame, port, env, &mut owned);
    if let Err(ended) = ended
        && let Some(losses) = env.losses(owned.index)
    {
        losses.dropped(ended.reason, rx_len_bytes);
    }
    ended
}

/// The end of a frame that belongs to no circuit.
#[inline(always)]
fn noted(frame: &mut impl FrameCalls, env: &mut impl Env, reason: Reason) -> PathEnd {
    frame.note_unmatched(env);
    reason.into()
}

/// A frame that belongs to an attachment.
#[derive(Clone, Copy)]
struct Owned {
    /// Index of the attachment: by the frame's tags and then, where a route leads to another one's customer, that one.
    index: u32,
    /// The last of the circuit's tags.
    last_tag: Tag,
    /// Length as received.
    rx_len_bytes: u32,
    /// Index of the next hop; 0: the frame is not routed.
    next_hop: u32,
}

#[inline(always)]
fn attached_steps(
    frame: &mut impl FrameCalls,
    port: &PortConfig,
    env: &mut impl Env,
    owned: &mut Owned,
) -> Result<bool, PathEnd> {
    let attachment = *env.attachment(owned.index).ok_or(Reason::DanglingTable)?;
    let is_routed = is_routed(port, &attachment);
    if !is_routed
        && Retag::from_bits(attachment.retag).leaves_none()
        && owned.last_tag.precedes_tag()
    {
        // At the egress, the frame would belong to the owner of its remaining tags.
        return Err(noted(frame, env, Reason::Unmatched));
    }
    env.note_attachment(owned.index);
    if attachment.flags & Attachment::DISABLED != 0 {
        return Err(Reason::CircuitDisabled.into());
    }
    let packet = ip::ds_word_or_none(frame, &owned.last_tag)?;
    if !is_routed {
        owned_steps(frame, port, env, owned, &attachment, packet)?;
        return Ok(false);
    }
    routed::route(frame, env, owned, attachment.router_interface, packet)?;
    let attachment = *env.attachment(owned.index).ok_or(Reason::DanglingTable)?;
    env.note_attachment(owned.index);
    if attachment.flags & Attachment::DISABLED != 0 {
        return Err(Reason::CircuitDisabled.into());
    }
    owned_steps(frame, port, env, owned, &attachment, packet)?;
    Ok(true)
}

#[inline(always)]
fn is_routed(port: &PortConfig, attachment: &Attachment) -> bool {
    port.features.has(Features::ROUTED) && attachment.flags & Attachment::ROUTED != 0
}

#[inline(always)]
fn owned_steps(
    frame: &mut impl FrameCalls,
    port: &PortConfig,
    env: &mut impl Env,
    owned: &Owned,
    attachment: &Attachment,
    packet: DsWord,
) -> Result<(), Reason> {
    let Owned { index, last_tag: tag, rx_len_bytes, next_hop } = *owned;
    // By the next hop, not by the owner's flags: the two are never at odds.
    let is_routed = port.features.has(Features::ROUTED) && next_hop != 0;
    let row = env.qos_row(attachment.qos_row).ok_or(Reason::DanglingTable)?;
    let class = if packet.is_there() {
        let Marking { class, dscp } = class::marking(frame, port, attachment, &packet, row);
        env.note_dscp(packet.dscp(), dscp);
        mark::mark(frame, &packet, dscp)?;
        class
    } else {
        row.pcp_class(tags::pcp(frame, &tag)?)
    };
    env.note_class(class);
    let share = row.burst_share(class);

    let len_bytes = account::accounted_bytes(frame, attachment, &tag, is_routed)?;
    env.note_len_bytes(len_bytes);

    let request = AdmitRequest { index, attachment, tag: &tag, class, share, len_bytes };
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

    let mut way = Way::Onwards;
    let mut retag = Retag::from_bits(attachment.retag);
    if is_routed {
        let hop = env.next_hop(next_hop).ok_or(Reason::DanglingTable)?;
        (way, retag) = (Way::Port(hop.egress), Retag::from_bits(hop.retag));
        let (own, neighbour) = (Mac::from_bits(hop.own_mac), env.neighbour(next_hop));
        hop::hop(frame, &packet, own, neighbour)?;
    }
    if retag != Retag::NONE || attachment.flags & Attachment::MARKS_PCP != 0 {
        rewrite::rewrite(frame, env, attachment, &tag, retag, class)?;
    }

    forward::forward(env, way)?;
    meter::forwarded(env, index, class, len_bytes)?;
    // The meter is last, as no later step can drop the frame.
    let class = class.number().into();
    env.hand_over(way, HandedOver { attachment: index, class, len_bytes, rx_len_bytes });
    Ok(())
}
