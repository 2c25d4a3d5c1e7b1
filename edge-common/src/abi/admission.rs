//! Whether a bucket admits a frame, in one word.

use crate::reason::Reason;

/// Whether a frame is within a bucket, and how far the bucket's TAT is ahead of the clock, in one
/// word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission(u64);

impl Admission {
    /// The frame was paid from the CPU's lease, without a look at the bucket.
    pub const PAID: Self = Self(Self::WITHIN | Self::NOT_LOOKED_AT);
    /// The frame was refused without a look at the bucket.
    pub const OVER: Self = Self(Self::NOT_LOOKED_AT);
    /// [`Reason::DanglingTable`].
    pub const DANGLING: Self = Self(u64::MAX);

    const WITHIN: u64 = 1 << 63;
    const TELLS: u64 = 1 << 62;
    const DANGLES: u64 = 1 << 61;
    const NOT_LOOKED_AT: u64 = (1 << 61) - 1;

    #[inline(always)]
    pub(crate) const fn looked_at(ahead_ticks: u64, is_within: bool) -> Self {
        let within = if is_within { Self::WITHIN } else { 0 };
        Self(within | ahead_ticks & Self::NOT_LOOKED_AT)
    }

    #[inline(always)]
    pub(crate) const fn telling(self, tells: bool) -> Self {
        if tells { Self(self.0 | Self::TELLS) } else { self }
    }

    /// The admission with this 64-bit form.
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

    /// Whether so much of the burst is used that the sender, if ECN-capable, should be told.
    #[inline(always)]
    #[must_use]
    pub const fn tells(self) -> bool {
        self.0 & Self::TELLS != 0
    }

    /// Ticks that the bucket's TAT is ahead of the clock, if the bucket was looked at.
    #[inline(always)]
    #[must_use]
    pub const fn ahead_ticks(self) -> Option<u64> {
        let ahead_ticks = self.0 & Self::NOT_LOOKED_AT;
        if ahead_ticks == Self::NOT_LOOKED_AT { None } else { Some(ahead_ticks) }
    }

    #[inline(always)]
    pub(crate) const fn checked(self) -> Result<Self, Reason> {
        if self.0 & Self::DANGLES == 0 { Ok(self) } else { Err(Reason::DanglingTable) }
    }
}
