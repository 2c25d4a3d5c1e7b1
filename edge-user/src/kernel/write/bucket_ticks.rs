//! The words of buckets that go on in other tables, in ticks of their rates.

use edge_common::abi::{qos::BurstShare, rate::Rate};

/// Converts ticks of one rate to ticks of another for the same bytes, a burst at most: no bucket
/// sells more in a moment.
pub(super) fn in_ticks_of(ticks: u64, old: &Rate, new: &Rate) -> u64 {
    let (old_ticks, new_ticks) = (old.ticks(1 << 17).max(1), new.ticks(1 << 17));
    let scaled = u128::from(ticks) * u128::from(new_ticks) / u128::from(old_ticks);
    u64::try_from(scaled).unwrap_or(u64::MAX).min(new.ceiling_ticks(BurstShare::WHOLE))
}

/// The TAT of a bucket of `rate` after it has sold `sold_ticks` more. It is never so far ahead of
/// the clock that it would be taken for one behind it.
pub(super) fn sold_more(tat_ticks: u64, now_ticks: u64, sold_ticks: u64, rate: &Rate) -> u64 {
    let ahead_ticks = rate.ahead_ticks(tat_ticks, now_ticks).saturating_add(sold_ticks);
    now_ticks.wrapping_add(ahead_ticks.min(rate.max_ahead_ticks()))
}

/// The TAT of that of two buckets of `rate` which has less of its burst free; `None`: the first
/// one.
pub(super) fn emptier(
    tat_ticks: u64,
    other_ticks: u64,
    now_ticks: u64,
    rate: &Rate,
) -> Option<u64> {
    let other_is = rate.ahead_ticks(other_ticks, now_ticks);
    (other_is > rate.ahead_ticks(tat_ticks, now_ticks)).then_some(other_ticks)
}

#[cfg(test)]
mod tests {
    use edge_common::abi::rate::TICKS_PER_NS_LOG2;

    use super::*;

    const MS: u64 = 1_000_000 << TICKS_PER_NS_LOG2;
    /// The last moment before the clock's word wraps around.
    const NOW: u64 = u64::MAX;

    fn rate(rate_bps: u64, burst_bytes: u64) -> Rate {
        Rate::new(rate_bps, burst_bytes).expect("it can be policed")
    }

    fn ahead(tat_ticks: u64) -> u64 {
        tat_ticks.wrapping_sub(NOW)
    }

    #[test]
    fn bytes_stay_bytes_at_another_rate() {
        let (slow, fast) = (rate(10_000_000, 125_000), rate(1_000_000_000, 3_125_000));
        for bytes in [0u32, 64, 1518, 9000, 125_000] {
            // To a tick of each rounding.
            let scaled = in_ticks_of(slow.ticks(bytes), &slow, &fast);
            assert!(scaled.abs_diff(fast.ticks(bytes)) <= 1, "{bytes}");
            let scaled = in_ticks_of(fast.ticks(bytes), &fast, &slow);
            let error = slow.ticks(1).div_ceil(fast.ticks(1));
            assert!(scaled.abs_diff(slow.ticks(bytes)) <= error, "{bytes}");
            assert_eq!(in_ticks_of(slow.ticks(bytes), &slow, &slow), slow.ticks(bytes));
        }
    }

    #[test]
    fn no_more_than_a_burst_is_taken_off_at_once() {
        let (slow, fast) = (rate(10_000_000, 125_000), rate(1_000_000_000, 3_125_000));
        let burst_ticks = |rate: &Rate| rate.ceiling_ticks(BurstShare::WHOLE);
        // A second of the fast one is a burst of the slow one a thousand times.
        assert_eq!(in_ticks_of(1000 * MS, &fast, &slow), burst_ticks(&slow));
        assert_eq!(in_ticks_of(u64::MAX, &slow, &slow), burst_ticks(&slow));
        let extremes = [rate(Rate::MIN_BPS, 64), rate(Rate::MAX_BPS, 64_000_000)];
        for (old, new) in [(&extremes[0], &extremes[1]), (&extremes[1], &extremes[0])] {
            assert!(in_ticks_of(u64::MAX, old, new) <= burst_ticks(new));
        }
    }

    #[test]
    fn what_the_old_one_sold_is_missing_in_the_new_one() {
        let rate = rate(10_000_000, 125_000);
        let sold = |tat_ticks, sold_ticks| ahead(sold_more(tat_ticks, NOW, sold_ticks, &rate));
        assert_eq!(sold(NOW.wrapping_add(30 * MS), 20 * MS), 50 * MS);
        // A bucket with its whole burst free, whenever it was last used, and one without use so
        // far.
        assert_eq!(sold(NOW - 500 * MS, 20 * MS), 20 * MS);
        assert_eq!(sold(NOW - (1 << 62), 20 * MS), 20 * MS);
        // A bucket that is used up owes more, but never looks free, however much it owes.
        assert_eq!(sold(NOW.wrapping_add(100 * MS), 100 * MS), 200 * MS);
        let most = sold_more(NOW.wrapping_add(190 * MS), NOW, 100 * MS, &rate);
        assert_eq!(ahead(most), rate.max_ahead_ticks());
        assert_eq!(rate.ahead_ticks(most, NOW), rate.max_ahead_ticks());
    }

    #[test]
    fn of_two_halves_the_emptier_goes_on() {
        let rate = rate(10_000_000, 125_000);
        let (full, half, empty) = (NOW - MS, NOW.wrapping_add(50 * MS), NOW.wrapping_add(100 * MS));
        for (new, old, expected) in [
            (full, half, Some(half)),
            (half, full, None),
            (half, empty, Some(empty)),
            (empty, half, None),
            (half, half, None),
            (full, NOW - 1000 * MS, None),
            // The new one was never used.
            (0, empty, Some(empty)),
            // The old one was last used weeks ago.
            (half, NOW.wrapping_add(1 << 60), None),
        ] {
            assert_eq!(emptier(new, old, NOW, &rate), expected, "{new} {old}");
        }
    }
}
