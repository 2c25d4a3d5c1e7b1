//! Policers: what CPUs share of a bucket, what one of them holds of it, and the queues of a circuit's flows.

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

/// The buckets that a frame has to fit into beside its circuit's. One without a policer is none.
#[repr(C)]
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
pub struct Limits {
    /// The peering's.
    pub peering: Bucket,
    /// Those of the peering's classes, by [`Class`].
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
    /// All that was ever sold, in ticks of the rate.
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
    /// When a sender was last told that the bucket fills, in 2^20 ns, and how full it was then, in
    /// steps of [`super::rate::Rate::tell_ticks`]: 16 bits each.
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

/// Lengths of the windows in ticks: 1 ms and 100 ms.
pub const WINDOW_TICKS: [u64; 2] =
    [1_000_000 << TICKS_PER_NS_LOG2, 100_000_000 << TICKS_PER_NS_LOG2];

/// For how long a window that nobody has closed is news: a minute. A burst before a long silence is
/// no peak of the moment in which the silence ends.
pub(crate) const NEWS_TICKS: u64 = 60_000_000_000 << TICKS_PER_NS_LOG2;

/// A window, and the most that one like it has seen.
#[repr(C)]
#[derive(Debug, Default, FromBytes, Immutable, KnownLayout)]
pub struct Window<W> {
    /// When it began, in ticks.
    pub start_ticks: W,
    /// All that had been sold by then, in ticks of the rate.
    pub sold_before_ticks: W,
    /// Most ticks of the rate sold in a window. Userspace may set it back to 0.
    pub peak_ticks: W,
}

impl Window<u64> {
    /// The most that a window has seen, the one that is still open included, of a policer that has
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
    /// Ticks that the circuit's bucket was ahead of the clock when last seen.
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
    pub(crate) fn queue(&self, flow: Flow) -> &W {
        &self.queues_ticks[below::<FLOWS>(flow.0)]
    }
}

/// The queue's number.
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
