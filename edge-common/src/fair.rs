//! Fairness between the flows of a circuit: phantom queues.
//!
//! Each flow, by a hash of addresses and ports, has a queue that holds no packets: what it was
//! admitted, in ticks of the circuit's rate, less what an even share of that rate has drained
//! since. A flow may queue up to twice what is free of the burst (a dynamic threshold, Choudhury
//! and Hahne 1998), so that the burst is nobody's to fill alone, and whoever sends more than the
//! others is the first to be refused. The circuit's bucket alone decides the rate.

use edge_bound::below;

use crate::{
    attachment::Attachment,
    class::{self, DsWord, IpVersion},
    frame::Frame,
    police::{Admission, Bucket},
    qos::BurstShare,
    rate::TICKS_PER_NS_LOG2,
    reason::Reason,
    tables::{Clock, Tables, Word},
    tags::Tag,
    ticks::elapsed_ticks,
};

/// Flows that are told apart.
pub const FLOWS: usize = 1 << FLOWS_LOG2;
const FLOWS_LOG2: u32 = 6;
/// Queues are drained no more often.
const DRAIN_TICKS: u64 = 250_000 << TICKS_PER_NS_LOG2;
/// More than all queues hold: they are empty after as much. Below 2^63, see [`lesser`].
const MAX_DRAIN_TICKS: u64 = 1 << 62;
/// Rounds in which queues that are short leave their share to the others.
const ROUNDS: u32 = 2;

/// The phantom queues of a circuit in one direction on one link.
#[repr(C)]
#[derive(Debug)]
pub struct FlowQueues<W> {
    /// How far ahead of the clock the circuit's bucket was when last seen.
    pub ahead_ticks: W,
    /// When the queues were last drained.
    pub drained_ticks: W,
    /// By flow.
    pub queues_ticks: [W; FLOWS],
}

impl<W: Default> Default for FlowQueues<W> {
    fn default() -> Self {
        Self {
            ahead_ticks: W::default(),
            drained_ticks: W::default(),
            queues_ticks: core::array::from_fn(|_| W::default()),
        }
    }
}

impl<W> FlowQueues<W> {
    /// 64-bit words.
    pub const WORDS: usize = FLOWS + 2;

    #[inline(always)]
    fn queue(&self, flow: Flow) -> &W {
        &self.queues_ticks[below::<FLOWS>(flow.0)]
    }
}

/// Which queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow(usize);

/// The flow of a frame whose last tag is `last`. All that is not IP is one.
#[inline(always)]
pub fn flow(frame: &impl Frame, last: &Tag) -> Flow {
    Flow((frame.flow_hash(last) >> (u64::BITS - FLOWS_LOG2)) as usize)
}

/// Whether `flow` may send what takes `frame_ticks`, as far as the other flows are concerned.
#[inline(always)]
pub fn may_send(
    tables: &mut impl Tables,
    clock: &impl Clock,
    attachment: &Attachment,
    share: BurstShare,
    flow: Flow,
    frame_ticks: u64,
) -> Result<bool, Reason> {
    let rate = *tables.rate(attachment.rate).ok_or(Reason::DanglingTable)?;
    let ceiling_ticks = rate.ceiling_ticks(share);
    let queues = tables.flow_queues(attachment.flow_queues).ok_or(Reason::DanglingTable)?;
    if fits(queues, flow, frame_ticks, ceiling_ticks) {
        return Ok(true);
    }
    // Perhaps what is known is old.
    tables.refresh_flows(clock, attachment.bucket(), attachment.flow_queues);
    let queues = tables.flow_queues(attachment.flow_queues).ok_or(Reason::DanglingTable)?;
    Ok(fits(queues, flow, frame_ticks, ceiling_ticks))
}

/// Looks how far ahead the circuit's bucket is, and drains the queues. To be called through
/// [`Tables::refresh_flows`].
#[inline(always)]
pub fn refresh(
    tables: &mut (impl Tables + ?Sized),
    clock: &impl Clock,
    bucket: Bucket,
    flow_queues: u32,
) {
    let Some(rate) = tables.rate(bucket.rate).copied() else { return };
    let Some(queues) = tables.flow_queues(flow_queues) else { return };
    let drained_ticks = queues.drained_ticks.load();
    let Some((policer, _)) = tables.policer(bucket.policer) else { return };
    let tat_ticks = policer.tat_ticks.load();
    // After the words, as when a lease is bought.
    let now_ticks = clock.now_ns() << TICKS_PER_NS_LOG2;
    let ahead_ticks = rate.ahead_ticks(tat_ticks, now_ticks);
    let Some(queues) = tables.flow_queues(flow_queues) else { return };
    queues.ahead_ticks.store(ahead_ticks);
    drain(queues, drained_ticks, now_ticks);
}

/// Notes what came of asking the circuit's bucket: how far ahead it is, where that was looked at,
/// and that `flow` has sent what takes `frame_ticks`, if it has.
#[inline(always)]
pub fn asked(
    tables: &impl Tables,
    attachment: &Attachment,
    flow: Flow,
    frame_ticks: u64,
    admission: Admission,
) -> Result<(), Reason> {
    let queues = tables.flow_queues(attachment.flow_queues).ok_or(Reason::DanglingTable)?;
    if let Some(ahead_ticks) = admission.ahead_ticks() {
        queues.ahead_ticks.store(ahead_ticks);
    }
    if admission.is_within() {
        queues.queue(flow).fetch_add(frame_ticks);
    }
    Ok(())
}

#[inline(always)]
fn fits<W: Word>(queues: &FlowQueues<W>, flow: Flow, frame_ticks: u64, ceiling_ticks: u64) -> bool {
    let free_ticks = ceiling_ticks.saturating_sub(queues.ahead_ticks.load());
    // A queue that two CPUs have drained at once may hold less than nothing until the next time.
    let queue_ticks = queues.queue(flow).load();
    let queue_ticks = if queue_ticks > u64::MAX >> 1 { 0 } else { queue_ticks };
    queue_ticks + frame_ticks <= free_ticks << 1
}

/// Takes from the queues, evenly, what the rate has drained since `drained_ticks`, when they were
/// last drained (water-filling), unless another CPU has.
#[inline(always)]
fn drain<W: Word>(queues: &FlowQueues<W>, drained_ticks: u64, now_ticks: u64) {
    let elapsed_ticks = elapsed_ticks(drained_ticks, now_ticks);
    if elapsed_ticks < DRAIN_TICKS
        || queues.drained_ticks.compare_exchange(drained_ticks, now_ticks) != drained_ticks
    {
        return;
    }
    let mut left_ticks =
        if elapsed_ticks > MAX_DRAIN_TICKS { MAX_DRAIN_TICKS } else { elapsed_ticks };
    for _ in 0..ROUNDS {
        let waiting: u64 = queues.queues_ticks.iter().map(|queue| is_positive(queue.load())).sum();
        if waiting == 0 {
            break;
        }
        let share_ticks = left_ticks / waiting;
        for queue in &queues.queues_ticks {
            let taken_ticks = lesser(queue.load(), share_ticks);
            queue.fetch_add(taken_ticks.wrapping_neg());
            left_ticks -= taken_ticks;
        }
    }
}

/// Of a number below 2^63, 1 or 0, without a branch for the verifier to follow 64 times.
#[inline(always)]
const fn is_positive(ticks: u64) -> u64 {
    ticks.wrapping_neg() >> 63
}

/// The lesser of two numbers below 2^63, likewise.
#[inline(always)]
const fn lesser(a: u64, b: u64) -> u64 {
    let a_is_less = (a.wrapping_sub(b).cast_signed() >> 63).cast_unsigned();
    b ^ ((a ^ b) & a_is_less)
}

/// A hash of addresses, protocol and ports; a fragment has none of the latter. To be called
/// through [`Frame::flow_hash`].
#[inline(always)]
pub fn hash(frame: &(impl Frame + ?Sized), last: &Tag) -> u64 {
    match class::ds_word(frame, last) {
        Ok(Some(packet)) => try_hash(frame, &packet).unwrap_or(0),
        _ => 0,
    }
}

#[inline(always)]
fn try_hash(frame: &(impl Frame + ?Sized), packet: &DsWord) -> Option<u64> {
    const TCP: u16 = 6;
    const UDP: u16 = 17;
    let offset = packet.offset;
    let (addresses, words, protocol, ports_at) = match packet.version {
        IpVersion::V4 => {
            let is_fragment = frame.read_u16(offset + 6)? & 0x3fff != 0;
            let header_len_bytes = (packet.word >> 8 & 0x0f) as usize * 4;
            let ports_at = if is_fragment { 0 } else { offset + header_len_bytes };
            (offset + 12, 2, frame.read_u16(offset + 8)? & 0xff, ports_at)
        }
        IpVersion::V6 => {
            let next = frame.read_u16(offset + 6)? >> 8;
            (offset + 8, 8, next, offset + class::IPV6_HEADER_LEN_BYTES)
        }
    };
    let mut hash = mix(0, u32::from(protocol));
    for word in 0..8 {
        if word < words {
            hash = mix(hash, frame.read_u32(addresses + 4 * word)?);
        }
    }
    if ports_at != 0 && (protocol == TCP || protocol == UDP) {
        // Behind the end of the packet may be padding, which tells flows apart as well.
        hash = mix(hash, frame.read_u32(ports_at).unwrap_or(0));
    }
    Some(hash)
}

/// Fibonacci hashing, word by word.
#[inline(always)]
const fn mix(hash: u64, word: u32) -> u64 {
    (hash.rotate_left(29) ^ word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}
