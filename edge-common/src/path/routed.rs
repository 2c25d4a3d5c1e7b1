//! The steps of a routed frame between its attachment and its class: addresses, route, next hop. Frames for the router
//! and frames that the path answers end here.

use super::{
    Ended, Owned, hop, route as table,
    router::{answer, punt},
};
use crate::{
    abi::{
        fib::RouteValue,
        routed::{Addressed, Answer},
    },
    env::{Env, FrameCalls},
    packet::{ip::DsWord, ip_version::IpVersion, vlan::Tag},
    reason::Reason,
};

/// Bits of the first word of an IPv4 header that tell its length: without options, it is 5.
const PLAIN_WORDS: u16 = 5;

/// Finds the next hop of a frame that came to an interface of the router, and with it the attachment that the frame
/// belongs to. The error is the end of a frame that goes nowhere, to the router, or back.
#[inline(always)]
pub(super) fn route(
    frame: &mut impl FrameCalls,
    env: &mut impl Env,
    owned: &mut Owned,
    index: u32,
    packet: DsWord,
) -> Result<(), Ended> {
    if !packet.is_there() {
        let addressed = frame.address_no_ip(env, index, &owned.last_tag);
        return Err(ended(frame, env, index, &owned.last_tag, &packet, addressed));
    }
    if packet.offset != owned.last_tag.next_offset {
        // In a PPPoE session, or behind SNAP: the router speaks neither.
        return Err(Reason::NotForUs.into());
    }
    if packet.version == IpVersion::V4
        && packet.word >> 8 & 0x0f != PLAIN_WORDS
        && let Some(fault) = frame.ipv4_header_fault(packet.offset)
    {
        return Err(fault.into());
    }
    let is_echo = match frame.address(env, index, &packet) {
        Addressed::Onwards => false,
        Addressed::EchoOnwards => true,
        end @ (Addressed::ForRouter | Addressed::Echo | Addressed::Ended(_)) => {
            return Err(ended(frame, env, index, &owned.last_tag, &packet, end));
        }
    };
    match next_hop(frame, env, owned, index, &packet, is_echo) {
        Ok((next_hop, customer)) => {
            owned.next_hop = next_hop;
            if customer != 0 {
                owned.index = customer;
            }
            Ok(())
        }
        Err(Stopped { reason, answer }) if answer == Answer::NONE => Err(reason.into()),
        Err(Stopped { reason, answer }) => {
            Err(answered(frame, env, index, &packet, reason, answer))
        }
    }
}

/// A frame that has no next hop, and the message that its sender gets.
struct Stopped {
    reason: Reason,
    answer: Answer,
}

impl From<Reason> for Stopped {
    #[inline(always)]
    fn from(reason: Reason) -> Self {
        let answer = if reason == Reason::TtlExpired {
            Answer::TTL_EXPIRED
        } else if reason == Reason::NoRoute {
            Answer::NO_ROUTE
        } else {
            Answer::NONE
        };
        Self { reason, answer }
    }
}

/// The next hop of a packet, and the owner that goes with it.
#[inline(always)]
fn next_hop(
    frame: &mut impl FrameCalls,
    env: &mut impl Env,
    owned: &Owned,
    index: u32,
    packet: &DsWord,
    is_echo: bool,
) -> Result<(u32, u32), Stopped> {
    let value = RouteValue::from_bits(frame.route(env, index, packet).checked()?);
    if value == RouteValue::LOCAL {
        let stopped = Stopped { reason: Reason::Answered, answer: Answer::ECHO };
        return Err(if is_echo { stopped } else { Reason::NotForUs.into() });
    }
    if value == RouteValue::BLACKHOLE {
        return Err(Stopped { reason: Reason::NoRoute, answer: Answer::NONE });
    }
    hop::may_go_on(frame, packet)?;
    let next_hop = match (value.as_next_hop(), value.as_group()) {
        (Some(next_hop), _) => next_hop,
        (None, Some(group)) => env.member(group, frame.flow_hash(&owned.last_tag)).checked()?,
        (None, None) => return Err(Reason::DanglingTable.into()),
    };
    table::is_alive(env, next_hop)?;
    let hop = env.next_hop(next_hop).ok_or(Reason::DanglingTable)?;
    let len_bytes = packet.len_bytes(frame).ok_or(Reason::Malformed)?;
    if len_bytes > hop.mtu_bytes {
        let answer = Answer::too_big(hop.mtu_bytes);
        return Err(Stopped { reason: Reason::TooBig, answer });
    }
    Ok((next_hop, hop.owner))
}

/// The end of a frame that is not to be routed.
#[inline(always)]
fn ended(
    frame: &mut impl FrameCalls,
    env: &mut impl Env,
    index: u32,
    last: &Tag,
    packet: &DsWord,
    addressed: Addressed,
) -> Ended {
    match addressed {
        Addressed::Ended(reason) => reason.into(),
        Addressed::Echo => answered(frame, env, index, packet, Reason::Answered, Answer::ECHO),
        Addressed::ForRouter => {
            Ended { is_routed: true, ..punt::punt(frame, env, index, last).into() }
        }
        Addressed::Onwards | Addressed::EchoOnwards => Reason::NotForUs.into(),
    }
}

/// The end of a frame to which the path answers, if it may. A frame that goes nowhere does so without an answer, too.
#[inline(always)]
fn answered(
    frame: &mut impl FrameCalls,
    env: &mut impl Env,
    index: u32,
    packet: &DsWord,
    reason: Reason,
    kind: Answer,
) -> Ended {
    match answer::answer(frame, env, index, packet, kind) {
        Ok(()) => Ended { reason, is_routed: true },
        Err(fault) if reason == Reason::Answered => fault.into(),
        Err(_) => reason.into(),
    }
}
