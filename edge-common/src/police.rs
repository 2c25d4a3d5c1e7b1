//! Step 6, the policer: one rate for all CPUs, at the price of a subtraction a frame.
//!
//! A policer is one shared word, the theoretical arrival time of the generic cell rate algorithm
//! (ITU-T I.371, annex A): how far the bytes sold so far reach at the purchased rate. A CPU buys
//! a lease, a few microseconds' worth of bytes, by moving that word on with a compare-and-swap;
//! frames are paid from the lease without reading the clock or touching a line that another CPU
//! writes. Bytes are sold only while the word is less than the class's share of the burst ahead
//! of the clock, so that lower classes run dry first, and only the word, never a CPU's lease,
//! decides the rate.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::{
    peak::{self, Starts, WINDOW_TICKS, Window},
    port::Features,
    qos::BurstShare,
    rate::{Rate, TICKS_PER_NS_LOG2},
    reason::Reason,
    tables::{Clock, Tables, Word},
};

/// Attempts at the shared word before the frame is let through on debt.
const MAX_ATTEMPTS: u32 = 4;

/// A policer, and the rate that it grants: one 64-bit word, so that one store changes both.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Bucket {
    /// Index of the policer; 0: everything is within it.
    pub policer: u32,
    /// Index of the rate.
    pub rate: u32,
}

const _: () = assert!(size_of::<Bucket>() == 8);

impl Bucket {
    /// No bucket.
    pub const NONE: Self = Self { policer: 0, rate: 0 };
}

/// What all CPUs share of a policer: a cache line.
#[repr(C)]
#[derive(Debug, Default, FromBytes, Immutable, KnownLayout)]
pub struct Policer<W> {
    /// Theoretical arrival time.
    pub tat_ticks: W,
    /// All that was ever sold, in ticks of the rate.
    pub sold_ticks: W,
    /// The most that was sold in 1 ms and in 100 ms.
    pub windows: [Window<W>; WINDOW_TICKS.len()],
}

const _: () = assert!(size_of::<Policer<u64>>() == 64);

/// Whether a frame is within a bucket, and how full that is, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission(u64);

impl Admission {
    /// The frame was paid from what the CPU had leased: nobody looked at the bucket.
    pub const PAID: Self = Self(Self::WITHIN | Self::NOT_LOOKED_AT);
    /// Refused for another reason than the bucket.
    pub const OVER: Self = Self(Self::NOT_LOOKED_AT);
    /// [`Reason::DanglingTable`].
    pub const DANGLING: Self = Self(u64::MAX);

    const WITHIN: u64 = 1 << 63;
    const TELLS: u64 = 1 << 62;
    const DANGLES: u64 = 1 << 61;
    const NOT_LOOKED_AT: u64 = (1 << 61) - 1;

    #[inline(always)]
    const fn looked_at(ahead_ticks: u64, is_within: bool) -> Self {
        let within = if is_within { Self::WITHIN } else { 0 };
        Self(within | ahead_ticks & Self::NOT_LOOKED_AT)
    }

    #[inline(always)]
    const fn telling(self, tells: bool) -> Self {
        if tells { Self(self.0 | Self::TELLS) } else { self }
    }

    /// From its 64-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    /// The 64-bit form.
    #[inline(always)]
    #[must_use]
    pub const fn to_bits(self) -> u64 {
        self.0
    }

    /// Whether the frame is within the bucket.
    #[inline(always)]
    #[must_use]
    pub const fn is_within(self) -> bool {
        self.0 & Self::WITHIN != 0
    }

    /// Whether the bucket is so full that the sender, if ECN-capable, should hear of it.
    #[inline(always)]
    #[must_use]
    pub const fn tells(self) -> bool {
        self.0 & Self::TELLS != 0
    }

    /// How far ahead of the clock the bucket is, if somebody looked.
    #[inline(always)]
    #[must_use]
    pub const fn ahead_ticks(self) -> Option<u64> {
        let ahead_ticks = self.0 & Self::NOT_LOOKED_AT;
        if ahead_ticks == Self::NOT_LOOKED_AT { None } else { Some(ahead_ticks) }
    }

    #[inline(always)]
    const fn checked(self) -> Result<Self, Reason> {
        if self.0 & Self::DANGLES == 0 { Ok(self) } else { Err(Reason::DanglingTable) }
    }
}

/// What one CPU holds of a policer.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Lease {
    /// The rate at which `credit_bytes` were bought.
    pub rate: u32,
    /// When a sender was last told that the bucket fills, in 2^20 ns, and how full it was then, in
    /// steps of [`Rate::tell_ticks`]: 16 bits each.
    pub told: u32,
    /// Bytes paid for and not yet sent, by [`BurstShare::level`]: what voice bought in head-room
    /// that is voice's alone is not default's to spend.
    pub credit_bytes: [u32; BurstShare::LEVELS],
    /// Leases bought.
    pub leases: u64,
    /// Attempts that lost the shared word to another CPU.
    pub retries: u64,
    /// Frames let through on debt after too many of those.
    pub debts: u64,
}

const _: () = assert!(size_of::<Lease>() == 64);

/// Whether a frame of `len_bytes` is within `bucket`.
#[inline(always)]
pub fn admit(
    tables: &mut impl Tables,
    clock: &impl Clock,
    bucket: Bucket,
    share: BurstShare,
    len_bytes: u32,
) -> Result<Admission, Reason> {
    if bucket.policer == 0 {
        return Ok(Admission::PAID);
    }
    let (_, lease) = tables.policer(bucket.policer).ok_or(Reason::DanglingTable)?;
    if lease.rate != bucket.rate {
        // Bought at another price: a circuit's attachments have one rate.
        lease.rate = bucket.rate;
        lease.credit_bytes = [0; BurstShare::LEVELS];
    }
    let credit_bytes = &mut lease.credit_bytes[share.level()];
    if *credit_bytes >= len_bytes {
        *credit_bytes -= len_bytes;
        return Ok(Admission::PAID);
    }

    tables.buy(clock, bucket, share, len_bytes).checked()
}

/// Buys a lease that covers a frame of `len_bytes`, and spends that much of it; finds out whether
/// to tell its sender only where `features` have [`Features::ECN`]. To be called through
/// [`Tables::buy`].
#[inline(always)]
pub fn buy(
    tables: &mut (impl Tables + ?Sized),
    clock: &impl Clock,
    features: Features,
    bucket: Bucket,
    share: BurstShare,
    len_bytes: u32,
) -> Admission {
    let Some(rate) = tables.rate(bucket.rate).copied() else { return Admission::DANGLING };
    match tables.policer(bucket.policer) {
        Some((policer, lease)) => buy_at(policer, lease, &rate, clock, features, share, len_bytes),
        None => Admission::DANGLING,
    }
}

/// Gives back what [`admit`] took for a frame that another bucket refused: to this CPU, for a
/// frame to come.
#[inline(always)]
pub fn refund(
    tables: &mut impl Tables,
    bucket: Bucket,
    share: BurstShare,
    len_bytes: u32,
) -> Result<(), Reason> {
    if bucket.policer != 0 {
        let (_, lease) = tables.policer(bucket.policer).ok_or(Reason::DanglingTable)?;
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
        // After the words: a CPU that stood still between the two, for longer than a word may be
        // ahead, would take what the others sold meanwhile for what was written 52 days ago.
        let now_ticks = clock.now_ns() << TICKS_PER_NS_LOG2;
        let ahead_ticks = rate.ahead_ticks(tat_ticks, now_ticks);
        // The frame must fit; the rest of the lease may overshoot, and is paid back in time.
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
    // Other CPUs won every time, so there was room: send, and owe the frame's time.
    policer.tat_ticks.fetch_add(frame_ticks);
    policer.sold_ticks.fetch_add(frame_ticks);
    lease.debts += 1;
    Admission::PAID
}

/// Whether this CPU's frame is one to tell its sender of a bucket that fills up, from three
/// quarters on. Not while it empties, and not again within 50 ms as long as there is room: who was
/// told takes a round trip to slow down, and would slow down twice.
#[inline(always)]
fn tells(
    lease: &mut Lease,
    rate: &Rate,
    share: BurstShare,
    ahead_ticks: u64,
    now_ticks: u64,
) -> bool {
    const SPACING: u16 = 48;
    /// Of the 16 from three quarters to the whole.
    const LAST_STEPS: u64 = 12;
    let (from_ticks, step_ticks) = rate.tell_ticks(share);
    if ahead_ticks <= from_ticks {
        lease.told &= 0xffff;
        return false;
    }
    let steps = (ahead_ticks - from_ticks) / (step_ticks + 1) + 1;
    // 16 bits come round after 68.7 s: within 50 ms of that, a mark may wait for as long.
    let now = (now_ticks >> (TICKS_PER_NS_LOG2 + 20)) as u16;
    let is_soon = now.wrapping_sub(lease.told as u16) < SPACING;
    if steps <= u64::from(lease.told >> 16) || is_soon && steps < LAST_STEPS {
        return false;
    }
    lease.told = (steps as u32) << 16 | u32::from(now);
    true
}
