//! A purchased rate, in the numbers that the policer works with.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::qos::BurstShare;

/// The policer's unit of time, the tick, is 2^-12 ns. At 100 Gbps a 64-byte frame takes 20,971.52
/// ticks: charging whole ticks errs by 25 ppm at the worst, and by much less for a lease. A 64-bit
/// word of ticks wraps around after 52 days, so only differences are used.
pub const TICKS_PER_NS_LOG2: u32 = 12;

/// Time at the purchased rate that a CPU leases at once where the burst allows. At any frame rate,
/// the CPU reads the clock and writes the shared word at most once in this time per class.
const LEASE_NS: u64 = 16_000;

/// A lease is at most this part of the class's share of the burst, as a power of two. Where a frame
/// is longer, each frame is bought by itself.
const LEASES_PER_SHARE_LOG2: u32 = 4;

/// Longest burst in time: at [`Rate::MIN_BPS`], the least default burst, 128,000 bytes.
pub const MAX_BURST_NS: u64 = 128_000 * 8_000_000_000 / Rate::MIN_BPS;

/// Ticks that a byte takes at 1 bit/s.
const TICKS_PER_BYTE_BPS: u128 = 8_000_000_000 << TICKS_PER_NS_LOG2;

/// Bound of a frame's length for which [`Rate::ticks`] can't overflow.
const MAX_LEN_LOG2: u32 = 18;

/// A rate and its committed burst. An entry in use never changes: a new rate gets a new entry, and
/// one store points an attachment to it.
#[repr(C)]
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    FromBytes,
    IntoBytes,
    Immutable,
    KnownLayout,
)]
pub struct Rate {
    /// Ticks a byte takes, times 2^`ticks_shift`.
    ticks_mult: u64,
    /// Ticks that `lease_bytes` take.
    lease_ticks: u64,
    /// Ticks that the committed burst takes.
    burst_ticks: u64,
    /// See `ticks_mult`.
    ticks_shift: u32,
    /// Bytes a CPU leases at once. Frames longer than that are paid one by one.
    lease_bytes: u32,
}

const _: () = assert!(size_of::<Rate>() == 32);

/// A rate or a burst that the policer can't do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateError {
    /// Below [`Rate::MIN_BPS`] or above [`Rate::MAX_BPS`].
    RateOutOfRange,
    /// A burst of no bytes, or longer than [`MAX_BURST_NS`] at the rate.
    BurstOutOfRange,
}

impl Rate {
    /// Lowest rate in bit/s.
    pub const MIN_BPS: u64 = 64_000;
    /// Highest rate in bit/s.
    pub const MAX_BPS: u64 = 800_000_000_000;

    /// The rate `rate_bps` in bit/s, with a committed burst in bytes.
    pub fn new(rate_bps: u64, burst_bytes: u64) -> Result<Self, RateError> {
        if !(Self::MIN_BPS..=Self::MAX_BPS).contains(&rate_bps) {
            return Err(RateError::RateOutOfRange);
        }
        let burst_ticks = ticks_of(burst_bytes, rate_bps)
            .filter(|ticks| *ticks > 0 && *ticks <= MAX_BURST_NS << TICKS_PER_NS_LOG2)
            .ok_or(RateError::BurstOutOfRange)?;

        // The largest shift with which `length * ticks_mult` stays within 64 bits.
        let mut ticks_shift = 0;
        while (TICKS_PER_BYTE_BPS << (ticks_shift + 1)) / u128::from(rate_bps)
            < 1 << (64 - MAX_LEN_LOG2)
        {
            ticks_shift += 1;
        }
        let scaled = TICKS_PER_BYTE_BPS << ticks_shift;
        let ticks_mult = (scaled + u128::from(rate_bps / 2)) / u128::from(rate_bps);

        let lease_bytes = (u128::from(rate_bps) * u128::from(LEASE_NS) / 8_000_000_000) as u64;
        Ok(Self {
            ticks_mult: ticks_mult as u64,
            lease_ticks: ticks_of(lease_bytes, rate_bps).ok_or(RateError::BurstOutOfRange)?,
            burst_ticks,
            ticks_shift,
            lease_bytes: lease_bytes as u32,
        })
    }

    /// Ticks that `len_bytes`, below 2^18, take.
    #[inline(always)]
    #[must_use]
    pub const fn ticks(&self, len_bytes: u32) -> u64 {
        (len_bytes as u64).wrapping_mul(self.ticks_mult) >> (self.ticks_shift & 63)
    }

    /// The lease that a CPU buys for a frame of `len_bytes` that takes `frame_ticks`, in bytes and
    /// in ticks. The frame's class may run `ceiling_ticks` ahead.
    #[inline(always)]
    #[must_use]
    pub const fn lease(&self, len_bytes: u32, frame_ticks: u64, ceiling_ticks: u64) -> (u32, u64) {
        let fits = self.lease_ticks <= ceiling_ticks >> LEASES_PER_SHARE_LOG2;
        if fits && len_bytes < self.lease_bytes {
            (self.lease_bytes, self.lease_ticks)
        } else {
            (len_bytes, frame_ticks)
        }
    }

    /// Ticks that frames with this share of the burst may run ahead of the clock.
    #[inline(always)]
    #[must_use]
    pub const fn ceiling_ticks(&self, share: BurstShare) -> u64 {
        // 2^45.9 ticks of the longest burst, times at most 2^10.
        self.burst_ticks.wrapping_mul(share.get() as u64) >> BurstShare::WHOLE_LOG2
    }

    /// Ticks that a TAT is ahead of the clock; 0 for one behind the clock. A word holds 52 days: a
    /// TAT from the last time that the clock's word had the present value counts as behind, too.
    #[inline(always)]
    #[must_use]
    pub const fn ahead_ticks(&self, tat_ticks: u64, now_ticks: u64) -> u64 {
        // As an unsigned number, a TAT behind the clock seems far ahead of it.
        let ahead_ticks = tat_ticks.wrapping_sub(now_ticks);
        if ahead_ticks > self.max_ahead_ticks() { 0 } else { ahead_ticks }
    }

    /// The use of the burst from which ECN-capable senders with this share are told, as ticks ahead
    /// of the clock: three quarters of the share. And the steps beyond that.
    #[inline(always)]
    #[must_use]
    pub const fn tell_ticks(&self, share: BurstShare) -> (u64, u64) {
        let ceiling_ticks = self.ceiling_ticks(share);
        (ceiling_ticks - (ceiling_ticks >> 2), ceiling_ticks >> 6)
    }

    /// Twice the furthest that a TAT of this rate is ahead of the clock: a burst may have been
    /// longer before a change, and debts come on top.
    #[inline(always)]
    #[must_use]
    pub const fn max_ahead_ticks(&self) -> u64 {
        (self.burst_ticks + self.lease_ticks) << 1
    }
}

/// Ticks of `bytes` at `rate_bps`, to the nearest.
fn ticks_of(bytes: u64, rate_bps: u64) -> Option<u64> {
    let scaled = u128::from(bytes) * TICKS_PER_BYTE_BPS;
    u64::try_from((scaled + u128::from(rate_bps / 2)) / u128::from(rate_bps)).ok()
}
