//! Policers that get no frame for weeks, whose TAT would wrap around the clock.

use edge_common::abi::rate::{MAX_BURST_NS, TICKS_PER_NS_LOG2};

/// A TAT at least this far behind the clock is moved: its bucket had no frame for so long.
const IDLE_TICKS: u64 = (24 * 3600 * 1_000_000_000) << TICKS_PER_NS_LOG2;
/// Further ahead of the clock than any TAT, a change of rate and debts included.
const MAX_AHEAD_TICKS: u64 = (10 * MAX_BURST_NS) << TICKS_PER_NS_LOG2;

/// The present time, in place of a TAT that was written a day ago or earlier; `None` for any other.
///
/// A TAT behind the clock means that the whole burst is free, and so does one at the clock. But the
/// clock's word wraps around: 52 days after it was written, a TAT seems to be ahead of the clock,
/// and its burst used up, for as long as [`edge_common::abi::rate::Rate::max_ahead_ticks`].
pub(in crate::kernel) fn settled(tat_ticks: u64, now_ticks: u64) -> Option<u64> {
    let behind_ticks = now_ticks.wrapping_sub(tat_ticks);
    let is_idle = behind_ticks >= IDLE_TICKS && behind_ticks < MAX_AHEAD_TICKS.wrapping_neg();
    is_idle.then_some(now_ticks)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000 << TICKS_PER_NS_LOG2;

    #[test]
    fn only_a_word_of_long_ago_is_moved() {
        for now in [0, 1, SECOND, 1 << 63, u64::MAX] {
            let at = |behind: u64| settled(now.wrapping_sub(behind), now);
            for used in [0, 1, SECOND, 3600 * SECOND, 23 * 3600 * SECOND] {
                assert_eq!(at(used), None, "{used} behind");
                assert_eq!(at(used.min(100 * SECOND).wrapping_neg()), None, "{used} ahead");
            }
            for day in 1..=52 {
                assert_eq!(at(day * 24 * 3600 * SECOND), Some(now), "{day} days behind");
            }
        }
    }
}
