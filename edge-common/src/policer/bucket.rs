//! One rate for all CPUs, at the cost of a subtraction a frame.
//!
//! A policer is one shared word: the theoretical arrival time (TAT) of the generic cell rate
//! algorithm (ITU-T I.371, annex A). It is the time at which all bytes sold so far will have passed
//! at the purchased rate. A CPU buys a lease, the bytes of a few microseconds, by moving the word
//! on with a compare-and-swap. It then pays frames from the lease, without reading the clock or
//! touching a cache line that another CPU writes.
//!
//! ```text
//!            used part of the burst
//!          ├────────────────────────┤
//!  ────────┼────────────────────────┼──────────┼──────▶ time
//!         now                      TAT    now + share of the burst: no sale beyond
//! ```
//!
//! A class can buy only while the TAT is less than the class's share of the burst ahead of the
//! clock. So classes with a small share are refused first. Only the word decides the rate, never a
//! CPU's lease.

use super::peak::{self, Starts};
use crate::{
    abi::{
        admission::Admission,
        policer::{Bucket, Lease, Policer},
        port::Features,
        qos::BurstShare,
        rate::{Rate, TICKS_PER_NS_LOG2},
    },
    env::{BucketCalls, Buckets, Clock, Word},
    reason::Reason,
};

/// Attempts to change the shared word before a frame is let through on debt.
const MAX_ATTEMPTS: u32 = 4;

/// Whether a frame of `len_bytes` is within `bucket`.
#[inline(always)]
pub fn admit(
    buckets: &mut impl BucketCalls,
    bucket: Bucket,
    share: BurstShare,
    len_bytes: u32,
) -> Result<Admission, Reason> {
    if bucket.policer == 0 {
        return Ok(Admission::PAID);
    }
    let (_, lease) = buckets.policer(bucket.policer).ok_or(Reason::DanglingTable)?;
    if lease.rate != bucket.rate {
        // The credit was bought at another rate, and is void.
        lease.rate = bucket.rate;
        lease.credit_bytes = [0; BurstShare::LEVELS];
    }
    let credit_bytes = &mut lease.credit_bytes[share.level()];
    if *credit_bytes >= len_bytes {
        *credit_bytes -= len_bytes;
        return Ok(Admission::PAID);
    }

    buckets.buy(bucket, share, len_bytes).checked()
}

/// Buys a lease that covers a frame of `len_bytes`, and pays the frame from it. Only where
/// `features` have [`Features::ECN`], it finds out whether to tell the frame's sender. Callers use
/// [`BucketCalls::buy`].
#[inline(always)]
pub fn buy(
    buckets: &mut impl Buckets,
    features: Features,
    bucket: Bucket,
    share: BurstShare,
    len_bytes: u32,
) -> Admission {
    let Some(rate) = buckets.rate(bucket.rate).copied() else { return Admission::DANGLING };
    let clock = buckets.clock();
    match buckets.policer(bucket.policer) {
        Some((policer, lease)) => buy_at(policer, lease, &rate, &clock, features, share, len_bytes),
        None => Admission::DANGLING,
    }
}

/// Gives back the bytes that [`admit`] took for a frame which another bucket refused. This CPU
/// spends them on a later frame.
#[inline(always)]
pub fn refund(
    buckets: &mut impl Buckets,
    bucket: Bucket,
    share: BurstShare,
    len_bytes: u32,
) -> Result<(), Reason> {
    if bucket.policer != 0 {
        let (_, lease) = buckets.policer(bucket.policer).ok_or(Reason::DanglingTable)?;
        lease.credit_bytes[share.level()] += len_bytes;
    }
    Ok(())
}

#[inline(always)]
fn buy_at<W: Word>(
    policer: &Policer<W>,
    lease: &mut Lease,
    rate: &Rate,
    clock: &impl Clock,
    features: Features,
    share: BurstShare,
    len_bytes: u32,
) -> Admission {
    let frame_ticks = rate.ticks(len_bytes);
    let ceiling_ticks = rate.ceiling_ticks(share);
    let (lease_bytes, lease_ticks) = rate.lease(len_bytes, frame_ticks, ceiling_ticks);

    for _ in 0..MAX_ATTEMPTS {
        let tat_ticks = policer.tat_ticks.load();
        let starts = Starts::of(&policer.windows);
        // The clock is read after the words. In the other order, a CPU could stand still in
        // between, for longer than a word may be ahead, and take a word that others moved meanwhile
        // for one of 52 days ago.
        let now_ticks = clock.now_ns() << TICKS_PER_NS_LOG2;
        let ahead_ticks = rate.ahead_ticks(tat_ticks, now_ticks);
        // The frame must fit. The rest of the lease may overshoot the share: the TAT has it, so
        // that later frames wait for it.
        if ahead_ticks + frame_ticks > ceiling_ticks {
            return Admission::looked_at(ahead_ticks, false);
        }
        let base_ticks = if ahead_ticks == 0 { now_ticks } else { tat_ticks };
        let sold_until_ticks = base_ticks.wrapping_add(lease_ticks);
        if policer.tat_ticks.compare_exchange(tat_ticks, sold_until_ticks) == tat_ticks {
            let tells =
                features.has(Features::ECN) && tells(lease, rate, share, ahead_ticks, now_ticks);
            lease.credit_bytes[share.level()] += lease_bytes - len_bytes;
            lease.leases += 1;
            let Policer { sold_ticks, windows, .. } = policer;
            let max_ahead_ticks = rate.max_ahead_ticks();
            peak::record(sold_ticks, windows, starts, now_ticks, max_ahead_ticks, lease_ticks);
            return Admission::looked_at(ahead_ticks, true).telling(tells);
        }
        lease.retries += 1;
    }
    // Other CPUs won every time, so part of the burst was free: the frame passes, on debt.
    policer.tat_ticks.fetch_add(frame_ticks);
    policer.sold_ticks.fetch_add(frame_ticks);
    lease.debts += 1;
    Admission::PAID
}

/// Whether this frame tells its sender of congestion, from three quarters of the share on. It does
/// not while the used part shrinks, nor within 50 ms of the last time as long as part of the share
/// is free: a sender needs a round trip to slow down, and would slow down twice.
#[inline(always)]
fn tells(
    lease: &mut Lease,
    rate: &Rate,
    share: BurstShare,
    ahead_ticks: u64,
    now_ticks: u64,
) -> bool {
    const SPACING: u16 = 48;
    /// Of the 16 steps from three quarters of the share to the whole.
    const LAST_STEPS: u64 = 12;
    let (from_ticks, step_ticks) = rate.tell_ticks(share);
    if ahead_ticks <= from_ticks {
        lease.told &= 0xffff;
        return false;
    }
    let steps = (ahead_ticks - from_ticks) / (step_ticks + 1) + 1;
    // The 16 bits wrap around after 68.7 s: a mark may then wait for another 50 ms.
    let now = (now_ticks >> (TICKS_PER_NS_LOG2 + 20)) as u16;
    let is_soon = now.wrapping_sub(lease.told as u16) < SPACING;
    if steps <= u64::from(lease.told >> 16) || is_soon && steps < LAST_STEPS {
        return false;
    }
    lease.told = (steps as u32) << 16 | u32::from(now);
    true
}
