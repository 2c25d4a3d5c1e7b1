//! Another rate for a circuit, while its frames pass: one store for each attachment.

use std::time::Duration;

use edge_common::{
    qos::BurstShare,
    rate::{Rate, TICKS_PER_NS_LOG2},
};
use nix::time::{ClockId, clock_gettime};

use super::tables::KernelTables;
use crate::plan::RateChange;

/// Points the attachments of `change` to their new rate, and keeps how full their buckets are.
///
/// A bucket is a time, that at which it will be full again. So it stays as it is where the burst
/// takes as long at the new rate as at the old one, and is moved in proportion where not: else
/// what is left of a long burst would silence the circuit after a change to a short one, or be
/// taken for the word of a bucket that nobody has used for weeks, which is full.
pub fn change_rate(tables: &KernelTables, change: &RateChange) {
    let RateChange { rate, old_rate, .. } = change;
    tables.rates.set(change.index, rate);
    let point = || {
        for (index, attachment) in &change.attachments {
            // Policer and rate are one word, and all else is as it was.
            tables.attachments.set(*index, attachment);
        }
    };
    let move_words = || {
        for policer in &change.policers {
            tables
                .policers
                .update(*policer, |tat_ticks| moved(tat_ticks, now_ticks(), old_rate, rate));
        }
    };
    // Neither rate may see a word that is too far ahead for it.
    if burst_ticks(rate) < burst_ticks(old_rate) {
        move_words();
        point();
    } else {
        point();
        move_words();
    }
}

/// The word of a bucket that is as full, in parts of the burst, at `new` as `tat_ticks` is at
/// `old`; `None` where it is the same.
pub(super) fn moved(tat_ticks: u64, now_ticks: u64, old: &Rate, new: &Rate) -> Option<u64> {
    // As the policer sees it: further ahead is behind, and full.
    let ahead_ticks = tat_ticks.wrapping_sub(now_ticks);
    if ahead_ticks > old.max_ahead_ticks() || burst_ticks(old) == burst_ticks(new) {
        return None;
    }
    Some(now_ticks.wrapping_add(in_parts(ahead_ticks, old, new)?))
}

/// The same part of the burst of `new` as `ticks` are of that of `old`.
pub(super) fn in_parts(ticks: u64, old: &Rate, new: &Rate) -> Option<u64> {
    let scaled = u128::from(ticks) * u128::from(burst_ticks(new));
    scaled.checked_div(burst_ticks(old).into())?.try_into().ok()
}

fn burst_ticks(rate: &Rate) -> u64 {
    rate.ceiling_ticks(BurstShare::WHOLE)
}

/// The policers' clock.
///
/// # Panics
///
/// If the machine has been up for 584 years.
#[must_use]
pub fn now_ticks() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every kernel has this clock");
    let now_ns = Duration::from(now).as_nanos();
    // The upper bits go, as in the kernel.
    u64::try_from(now_ns).expect("the machine is up for less than 584 years") << TICKS_PER_NS_LOG2
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000 << TICKS_PER_NS_LOG2;

    fn rate(rate_bps: u64, burst_bytes: u64) -> Rate {
        Rate::new(rate_bps, burst_bytes).expect("it can be policed")
    }

    /// How far ahead of the clock a word is after a change, in thousandths of a millisecond.
    fn ahead_after(ahead_ms: u64, old: &Rate, new: &Rate) -> Option<u64> {
        // The clock's last moment before its word begins anew.
        let now_ticks = u64::MAX;
        let tat_ticks = now_ticks.wrapping_add(ahead_ms * MS);
        moved(tat_ticks, now_ticks, old, new).map(|tat| tat.wrapping_sub(now_ticks) * 1000 / MS)
    }

    #[test]
    fn a_burst_of_the_same_time_leaves_the_word_alone() {
        let (slow, fast) = (rate(1_000_000_000, 3_125_000), rate(2_000_000_000, 6_250_000));
        assert_eq!(ahead_after(20, &slow, &fast), None);
        assert_eq!(ahead_after(20, &fast, &slow), None);
    }

    #[test]
    fn an_empty_bucket_stays_empty_and_a_half_full_one_half_full() {
        // 100 ms and 10 ms.
        let (slow, fast) = (rate(10_000_000, 125_000), rate(100_000_000, 125_000));
        for (ahead_ms, expected_us) in [(100, 10_000), (50, 5_000), (0, 0), (110, 11_000)] {
            assert_eq!(ahead_after(ahead_ms, &slow, &fast), Some(expected_us));
        }
        for (ahead_ms, expected_us) in [(10, 100_000), (5, 50_000), (0, 0)] {
            assert_eq!(ahead_after(ahead_ms, &fast, &slow), Some(expected_us));
        }
    }

    #[test]
    fn a_full_bucket_stays_full() {
        let (slow, fast) = (rate(10_000_000, 125_000), rate(100_000_000, 125_000));
        let (now_ticks, long_ago) = (1 << 60, (1 << 60) - 500 * MS);
        assert_eq!(moved(long_ago, now_ticks, &slow, &fast), None);
        assert_eq!(moved(long_ago, now_ticks, &fast, &slow), None);
        assert_eq!(moved(0, now_ticks, &fast, &slow), None, "nobody has used it");
    }
}
