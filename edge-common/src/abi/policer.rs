//! Policers: the part of a bucket that CPUs share, the lease that one CPU holds, and the queues of
//! a circuit's flows.

use edge_bound::below;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::{
    class::{Class, MAX_CLASSES},
    qos::BurstShare,
    rate::TICKS_PER_NS_LOG2,
    ticks::elapsed_ticks,
};

/// A policer, and the rate that it grants: one 64-bit word, so that one store changes both.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Bucket {
    /// Index of the policer; 0: no limit.
    pub policer: u32,
    /// Index of the rate.
    pub rate: u32,
}

const _: () = assert!(size_of::<Bucket>() == 8);

impl Bucket {
    /// No bucket.
    pub const NONE: Self = Self { policer: 0, rate: 0 };
}

/// The buckets that a frame has to fit into beside its circuit's. A bucket without a policer has no
/// limit.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Limits {
    /// The peering's bucket.
    pub peering: Bucket,
    /// The buckets of the peering's classes, by [`Class`].
    pub classes: [Bucket; MAX_CLASSES],
}

const _: () = assert!(size_of::<Limits>() == 72);

impl Limits {
    /// The class's bucket.
    #[inline(always)]
    #[must_use]
    pub fn class(&self, class: Class) -> Bucket {
        self.classes[class.index()]
    }
}

/// The part of a policer that all CPUs share: a cache line.
#[repr(C)]
#[derive(Debug, Default, FromBytes, Immutable, KnownLayout)]
pub struct Policer<W> {
    /// Theoretical arrival time.
    pub tat_ticks: W,
    /// The sum of all leases so far, in ticks of the rate.
    pub sold_ticks: W,
    /// The most that was sold in 1 ms and in 100 ms.
    pub windows: [Window<W>; WINDOW_TICKS.len()],
}

const _: () = assert!(size_of::<Policer<u64>>() == 64);

/// The part of a policer that one CPU holds.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Lease {
    /// The rate at which `credit_bytes` were bought.
    pub rate: u32,
    /// The time when a sender was last told of congestion, in 2^20 ns, and the use of the burst at
    /// that time, in steps of [`super::rate::Rate::tell_ticks`]: 16 bits each.
    pub told: u32,
    /// Bytes paid for and not yet sent, by [`BurstShare::level`]: a class with a small share must
    /// not spend bytes that another one bought in a part of the burst which only that one may use.
    pub credit_bytes: [u32; BurstShare::LEVELS],
    /// Leases bought.
    pub leases: u64,
    /// Attempts to buy a lease that failed, as another CPU was faster.
    pub retries: u64,
    /// Frames let through on debt after too many failed attempts.
    pub debts: u64,
}

const _: () = assert!(size_of::<Lease>() == 64);

/// Lengths of the windows in ticks: 1 ms and 100 ms.
pub const WINDOW_TICKS: [u64; 2] =
    [1_000_000 << TICKS_PER_NS_LOG2, 100_000_000 << TICKS_PER_NS_LOG2];

/// The time for which an open window counts for a peak: a minute. A burst before a long silence is
/// no peak of the moment in which the silence ends.
pub(crate) const NEWS_TICKS: u64 = 60_000_000_000 << TICKS_PER_NS_LOG2;

/// The present window, and the most that was sold in any window so far.
#[repr(C)]
#[derive(Debug, Default, FromBytes, Immutable, KnownLayout)]
pub struct Window<W> {
    /// The time when the window began, in ticks.
    pub start_ticks: W,
    /// The sum of all leases before the window, in ticks of the rate.
    pub sold_before_ticks: W,
    /// The most that was sold in a window, in ticks of the rate. Userspace may set it back to 0.
    pub peak_ticks: W,
}

impl Window<u64> {
    /// The most that was sold in a window, with the one that is still open, for a policer that has
    /// sold `sold_ticks` in all by `now_ticks`.
    #[must_use]
    pub fn most_ticks(&self, sold_ticks: u64, now_ticks: u64) -> u64 {
        let is_news = elapsed_ticks(self.start_ticks, now_ticks) <= NEWS_TICKS;
        let open_ticks = sold_ticks.wrapping_sub(self.sold_before_ticks);
        if is_news { self.peak_ticks.max(open_ticks) } else { self.peak_ticks }
    }
}

/// Flows that are told apart.
pub const FLOWS: usize = 1 << FLOWS_LOG2;

const FLOWS_LOG2: u32 = 6;

/// The phantom queues of a circuit in one direction on one link.
#[repr(C)]
#[derive(Debug)]
pub struct FlowQueues<W> {
    /// Ticks that the TAT of the circuit's bucket was ahead of the clock at the last look.
    pub ahead_ticks: W,
    /// The time when the queues were last drained.
    pub drained_ticks: W,
    /// The queues, by flow.
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
    /// Number of 64-bit words.
    pub const WORDS: usize = FLOWS + 2;

    #[inline(always)]
    pub(crate) fn queue(&self, flow: Flow) -> &W {
        &self.queues_ticks[below::<FLOWS>(flow.0)]
    }
}

/// The number of a flow's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow(usize);

impl Flow {
    /// The flow with this hash.
    #[inline(always)]
    #[must_use]
    pub const fn of_hash(hash: u64) -> Self {
        Self((hash >> (u64::BITS - FLOWS_LOG2)) as usize)
    }
}
