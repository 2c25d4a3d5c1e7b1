//! Policers that nobody uses for weeks.

use edge_common::abi::rate::{MAX_BURST_NS, TICKS_PER_NS_LOG2};

/// A word at least this far behind the clock is moved: nobody has used its bucket for so long.
const IDLE_TICKS: u64 = (24 * 3600 * 1_000_000_000) << TICKS_PER_NS_LOG2;
/// Further ahead than any word: a change of rate and debts included.
const MAX_AHEAD_TICKS: u64 = (10 * MAX_BURST_NS) << TICKS_PER_NS_LOG2;

/// The word of a full bucket in place of one that was written a day ago or earlier; `None` for any
/// other.
///
/// 52 days after it was written, a word seems to be ahead of the clock, and its bucket overdrawn, for
/// as long as [`edge_common::abi::rate::Rate::max_ahead_ticks`]. One that is behind the clock and one that
/// is at it mean the same to the policer.
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
