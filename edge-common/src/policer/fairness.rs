//! Fairness between the flows of a circuit: phantom queues.
//!
//! Each flow, by a hash of addresses and ports, has a queue that holds no packets, only a number:
//! the ticks of the circuit's rate that the flow was admitted, less an even share of the rate since
//! then. A flow may queue up to twice the free part of the burst (a dynamic threshold, Choudhury
//! and Hahne 1998). So no flow can use up the burst alone, and the flow that sends most is refused
//! first. The circuit's bucket alone decides the rate.

use crate::{
    abi::{
        admission::Admission,
        attachment::Attachment,
        policer::{Bucket, Flow, FlowQueues},
        qos::BurstShare,
        rate::TICKS_PER_NS_LOG2,
        ticks::elapsed_ticks,
    },
    env::{BucketCalls, Buckets, Clock, Word},
    reason::Reason,
};

/// The shortest time between two drainings of the queues.
const DRAIN_TICKS: u64 = 250_000 << TICKS_PER_NS_LOG2;

/// More than all queues hold together, so that they are empty after it. It is below 2^63, see
/// [`lesser`].
const MAX_DRAIN_TICKS: u64 = 1 << 62;

/// Rounds of draining, in each of which short queues leave the rest of their share to the others.
const ROUNDS: u32 = 2;

/// Whether the other flows leave room for a frame of `flow` that takes `frame_ticks`.
#[inline(always)]
pub fn may_send(
    buckets: &mut impl BucketCalls,
    attachment: &Attachment,
    share: BurstShare,
    flow: Flow,
    frame_ticks: u64,
) -> Result<bool, Reason> {
    let rate = *buckets.rate(attachment.rate).ok_or(Reason::DanglingTable)?;
    let ceiling_ticks = rate.ceiling_ticks(share);
    let queues = buckets.flow_queues(attachment.flow_queues).ok_or(Reason::DanglingTable)?;
    if fits(queues, flow, frame_ticks, ceiling_ticks) {
        return Ok(true);
    }
    // The queues may be old, and have to be refreshed before a refusal.
    buckets.refresh_flows(attachment.bucket(), attachment.flow_queues);
    let queues = buckets.flow_queues(attachment.flow_queues).ok_or(Reason::DanglingTable)?;
    Ok(fits(queues, flow, frame_ticks, ceiling_ticks))
}

/// Notes how far ahead the circuit's TAT is, and drains the queues. Callers use
/// [`BucketCalls::refresh_flows`].
#[inline(always)]
pub fn refresh(buckets: &mut impl Buckets, bucket: Bucket, flow_queues: u32) {
    let Some(rate) = buckets.rate(bucket.rate).copied() else { return };
    let Some(queues) = buckets.flow_queues(flow_queues) else { return };
    let drained_ticks = queues.drained_ticks.load();
    let Some((policer, _)) = buckets.policer(bucket.policer) else { return };
    let tat_ticks = policer.tat_ticks.load();
    // The clock is read after the words, as when a lease is bought.
    let now_ticks = buckets.clock().now_ns() << TICKS_PER_NS_LOG2;
    let ahead_ticks = rate.ahead_ticks(tat_ticks, now_ticks);
    let Some(queues) = buckets.flow_queues(flow_queues) else { return };
    queues.ahead_ticks.store(ahead_ticks);
    drain(queues, drained_ticks, now_ticks);
}

/// Notes the answer of the circuit's bucket: how far ahead its TAT is, where that was looked at,
/// and a frame of `flow` that takes `frame_ticks`, if it was admitted.
#[inline(always)]
pub fn asked(
    buckets: &impl Buckets,
    attachment: &Attachment,
    flow: Flow,
    frame_ticks: u64,
    admission: Admission,
) -> Result<(), Reason> {
    let queues = buckets.flow_queues(attachment.flow_queues).ok_or(Reason::DanglingTable)?;
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
    // Two CPUs that drain a queue at once may bring it below zero until the next draining.
    let queue_ticks = queues.queue(flow).load();
    let queue_ticks = if queue_ticks > u64::MAX >> 1 { 0 } else { queue_ticks };
    queue_ticks + frame_ticks <= free_ticks << 1
}

/// Drains the queues evenly by the time since `drained_ticks`, the last draining (water-filling),
/// unless another CPU has.
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

/// 1 for a number from 1 to below 2^63, 0 for 0. It has no branch, which the verifier would follow
/// 64 times.
#[inline(always)]
const fn is_positive(ticks: u64) -> u64 {
    ticks.wrapping_neg() >> 63
}

/// The lesser of two numbers below 2^63, without a branch, too.
#[inline(always)]
const fn lesser(a: u64, b: u64) -> u64 {
    let a_is_less = (a.wrapping_sub(b).cast_signed() >> 63).cast_unsigned();
    b ^ ((a ^ b) & a_is_less)
}
