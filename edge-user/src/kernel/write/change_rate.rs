//! Another rate for buckets while their frames pass, by one store for each attachment and limit.

use edge_common::abi::{qos::BurstShare, rate::Rate};
use zerocopy::transmute;

use crate::{
    kernel::tables::{clock::now_ticks, kernel_tables::KernelTables},
    plan::{LimitChange, RateChange},
};

/// Points the attachments and limits of `change` to their new rate. Each bucket keeps the part of
/// its burst that is used.
///
/// A bucket is one word, its TAT: the time when its whole burst will be free again. Where the burst
/// lasts as long at the new rate as at the old one, the TAT stays. Otherwise its distance from the
/// clock is changed in proportion: else the use of a long burst would block the circuit after a
/// change to a short one, or the TAT would look like one of weeks ago, with the whole burst free.
pub fn change_rate(tables: &KernelTables, change: &RateChange) {
    let RateChange { rate, old_rate, .. } = change;
    tables.rates.set(change.index, rate);
    let point = || {
        for (index, attachment) in &change.attachments {
            // Policer and rate are one word. The rest of the entry stays.
            tables.attachments.set(*index, attachment);
        }
        for LimitChange { attachment, place, bucket } in &change.limits {
            tables.limits.swap(*attachment, *place, transmute!(*bucket));
        }
    };
    let update = |new_word: fn(u64, u64, &Rate, &Rate) -> Option<u64>| {
        for policer in &change.policers {
            tables
                .policers
                .update(*policer, |tat_ticks| new_word(tat_ticks, now_ticks(), old_rate, rate));
        }
    };
    // The order keeps either rate from a TAT that is too far ahead for it.
    update(full);
    if burst_ticks(rate) < burst_ticks(old_rate) {
        update(moved);
        point();
    } else {
        point();
        update(moved);
    }
}

/// The present time, in place of the TAT of a bucket with its whole burst free: one of about 52
/// days ago, which is behind the clock by `old`, and ahead of it by `new` with its longer burst.
fn full(tat_ticks: u64, now_ticks: u64, old: &Rate, new: &Rate) -> Option<u64> {
    let is_mistaken =
        old.ahead_ticks(tat_ticks, now_ticks) == 0 && new.ahead_ticks(tat_ticks, now_ticks) != 0;
    is_mistaken.then_some(now_ticks)
}

/// The TAT of a bucket with the same part of its burst used at `new` as `tat_ticks` has at `old`;
/// `None`: it is the same.
pub(in crate::kernel) fn moved(
    tat_ticks: u64,
    now_ticks: u64,
    old: &Rate,
    new: &Rate,
) -> Option<u64> {
    // The policer's own view: a TAT further ahead than that is behind the clock.
    let ahead_ticks = tat_ticks.wrapping_sub(now_ticks);
    if ahead_ticks > old.max_ahead_ticks() || burst_ticks(old) == burst_ticks(new) {
        return None;
    }
    Some(now_ticks.wrapping_add(in_parts(ahead_ticks, old, new)?))
}

/// The same part of the burst of `new` as `ticks` are of that of `old`.
pub(in crate::kernel) fn in_parts(ticks: u64, old: &Rate, new: &Rate) -> Option<u64> {
    let scaled = u128::from(ticks) * u128::from(burst_ticks(new));
    scaled.checked_div(burst_ticks(old).into())?.try_into().ok()
}

fn burst_ticks(rate: &Rate) -> u64 {
    rate.ceiling_ticks(BurstShare::WHOLE)
}

#[cfg(test)]
mod tests {
    use edge_common::abi::rate::TICKS_PER_NS_LOG2;

    use super::*;

    const MS: u64 = 1_000_000 << TICKS_PER_NS_LOG2;

    fn rate(rate_bps: u64, burst_bytes: u64) -> Rate {
        Rate::new(rate_bps, burst_bytes).expect("it can be policed")
    }

    /// Time by which a TAT is ahead of the clock after a change, in thousandths of a millisecond.
    fn ahead_after(ahead_ms: u64, old: &Rate, new: &Rate) -> Option<u64> {
        // The last moment before the clock's word wraps around.
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

    #[test]
    fn a_word_of_52_days_ago_is_not_ahead_of_a_longer_burst() {
        let (short, long) = (rate(100_000_000, 125_000), rate(1_000_000, 1_250_000));
        for now_ticks in [0, 1 << 63, u64::MAX] {
            // Nine seconds ahead, as it seems: 20 ms is what the short burst can be.
            let word = now_ticks.wrapping_add(9_000 * MS);
            assert_eq!(full(word, now_ticks, &short, &long), Some(now_ticks));
            assert_eq!(full(word, now_ticks, &long, &short), None, "it is that far ahead");
            for other in [now_ticks, now_ticks.wrapping_sub(MS), now_ticks.wrapping_add(19 * MS)] {
                assert_eq!(full(other, now_ticks, &short, &long), None);
            }
        }
    }
}
