//! Spreading a count over the time in which it was counted.

use super::types::Policy;

/// Length of a sample in seconds.
pub(super) const SAMPLE_S: i64 = 5 * 60;

const SECOND_US: i64 = 1_000_000;
/// A longer time between two readings means that a clock was set, not that the daemon was away. A
/// count that is spread over the decades since 1970 would fill the disk and say nothing.
const LONGEST_US: i64 = 31 * 24 * 60 * 60 * SECOND_US;

/// The time in which frames were counted, in microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interval {
    /// From one moment to a later one.
    Span(i64, i64),
    /// One moment, where the clock has no more to tell.
    Point(i64),
}

impl Interval {
    /// The time between two readings, by a clock that may step.
    pub(super) fn new(from_us: i64, to_us: i64) -> Self {
        if (1..=LONGEST_US).contains(&to_us.saturating_sub(from_us)) {
            Self::Span(from_us, to_us)
        } else {
            Self::Point(to_us)
        }
    }
}

/// Whether counts between two readings are spread over several periods by an estimate.
pub(super) fn is_estimated(from_us: i64, to_us: i64, policy: &Policy, period_s: i64) -> bool {
    let length_us = to_us.saturating_sub(from_us);
    let gap_us = i64::try_from(policy.gap.as_micros()).unwrap_or(i64::MAX);
    let period = |time_us: i64| time_us.div_euclid(period_s * SECOND_US);
    length_us > gap_us && period(from_us) != period(to_us - 1)
}

/// A row of usage, there or to be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UsageRow {
    pub(super) start_s: i64,
    pub(super) end_s: i64,
    pub(super) frames: u64,
    pub(super) bytes: u64,
    pub(super) is_estimated: bool,
    pub(super) is_sealed: bool,
}

impl UsageRow {
    fn new(start_s: i64, end_s: i64) -> Self {
        Self { start_s, end_s, frames: 0, bytes: 0, is_estimated: false, is_sealed: false }
    }

    pub(super) fn contains(&self, time_s: i64) -> bool {
        (self.start_s..self.end_s).contains(&time_s)
    }
}

/// A row and how much of the interval is its own, in microseconds.
pub(super) type Share = (UsageRow, i64);

/// The open rows that share `from_us..to_us`, in order of time. A missing row is made, as long as
/// its period, less the parts that other rows have. The part of the interval that sealed rows have,
/// or that is before `floor_s`, goes to no row.
///
/// `rows` are those of the series that any period of the interval touches, in order.
pub(super) fn shares(
    rows: &[UsageRow],
    (from_us, to_us): (i64, i64),
    floor_s: i64,
    period_s: i64,
) -> Vec<Share> {
    let mut shares = Vec::new();
    let mut free_from_s = floor_s;
    let begin_us = from_us.max(floor_s.saturating_mul(SECOND_US));
    let end = UsageRow::new(i64::MAX, i64::MAX);
    for row in rows.iter().chain([&end]) {
        let until_us = to_us.min(row.start_s.saturating_mul(SECOND_US));
        let mut at_us = begin_us.max(free_from_s.saturating_mul(SECOND_US));
        while at_us < until_us {
            let start_s = at_us.div_euclid(period_s * SECOND_US) * period_s;
            let made = free_row(start_s, free_from_s, row.start_s, period_s);
            let next_us = until_us.min(made.end_s * SECOND_US);
            shares.push((made, next_us - at_us));
            at_us = next_us;
        }
        free_from_s = free_from_s.max(row.end_s);
        if !row.is_sealed && row.start_s != i64::MAX {
            let own_us = to_us.min(row.end_s * SECOND_US) - begin_us.max(row.start_s * SECOND_US);
            if own_us > 0 {
                shares.push((*row, own_us));
            }
        }
    }
    shares
}

/// The row to be made for `time_s`, between the end of one row and the start of another.
pub(super) fn free_row_at(time_s: i64, after_s: i64, before_s: i64, period_s: i64) -> UsageRow {
    free_row(time_s.div_euclid(period_s) * period_s, after_s, before_s, period_s)
}

/// Parts of `count` by weight, which add up to it exactly: each part is the rounded-down running
/// sum less the one before.
pub(super) fn parts(count: u64, weights: impl Iterator<Item = i64> + Clone) -> Vec<u64> {
    let weight = |weight: i64| u128::from(weight.unsigned_abs());
    let all: u128 = weights.clone().map(weight).sum();
    let mut so_far = 0;
    let mut given = 0;
    let part = |own| {
        so_far += weight(own);
        // At most `count`: no more than the whole weight has gone.
        let sum = u64::try_from(u128::from(count) * so_far / all.max(1)).unwrap_or(count);
        sum - std::mem::replace(&mut given, sum)
    };
    weights.map(part).collect()
}

/// The samples that share an interval: start in seconds and weight.
pub(super) fn sample_shares(interval: Interval) -> Vec<(i64, i64)> {
    match interval {
        Interval::Point(at_us) => {
            vec![(at_us.div_euclid(SAMPLE_S * SECOND_US) * SAMPLE_S, 1)]
        }
        Interval::Span(from_us, to_us) => {
            let shares = shares(&[], (from_us, to_us), i64::MIN, SAMPLE_S);
            shares.into_iter().map(|(row, own_us)| (row.start_s, own_us)).collect()
        }
    }
}

/// The second that a moment is in.
pub(super) fn second_of(time_us: i64) -> i64 {
    time_us.div_euclid(SECOND_US)
}

fn free_row(start_s: i64, after_s: i64, before_s: i64, period_s: i64) -> UsageRow {
    UsageRow::new(start_s.max(after_s), (start_s + period_s).min(before_s))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const HOUR_S: i64 = 3600;

    fn us(minutes: i64) -> i64 {
        minutes * 60 * SECOND_US
    }

    fn row(from_min: i64, to_min: i64, is_sealed: bool) -> UsageRow {
        UsageRow { is_sealed, ..UsageRow::new(from_min * 60, to_min * 60) }
    }

    /// Start, end and share of each, in minutes.
    fn found(rows: &[UsageRow], span_min: (i64, i64), floor_min: i64) -> Vec<(i64, i64, i64)> {
        let span_us = (us(span_min.0), us(span_min.1));
        let shares = shares(rows, span_us, floor_min.saturating_mul(60), HOUR_S);
        let minutes = |(row, own): (UsageRow, i64)| (row.start_s / 60, row.end_s / 60, own / us(1));
        shares.into_iter().map(minutes).collect()
    }

    #[test]
    fn free_time_is_cut_into_periods() {
        assert_eq!(found(&[], (10, 50), i64::MIN), [(0, 60, 40)]);
        assert_eq!(found(&[], (0, 60), i64::MIN), [(0, 60, 60)]);
        assert_eq!(found(&[], (50, 130), i64::MIN), [(0, 60, 10), (60, 120, 60), (120, 180, 10)]);
        assert_eq!(found(&[], (-10, 10), i64::MIN), [(-60, 0, 10), (0, 60, 10)]);
    }

    #[test]
    fn rows_that_are_there_keep_their_length() {
        let rows = [row(0, 5, false), row(20, 40, false), row(60, 180, false)];
        assert_eq!(
            found(&rows, (0, 240), i64::MIN),
            [(0, 5, 5), (5, 20, 15), (20, 40, 20), (40, 60, 20), (60, 180, 120), (180, 240, 60)]
        );
        assert_eq!(found(&rows, (30, 50), i64::MIN), [(20, 40, 10), (40, 60, 10)]);
        assert_eq!(found(&rows, (10, 12), i64::MIN), [(5, 20, 2)]);
    }

    #[test]
    fn what_is_sealed_or_has_expired_gets_nothing() {
        let rows = [row(0, 60, true), row(60, 90, false), row(90, 120, true)];
        assert_eq!(found(&rows, (30, 130), i64::MIN), [(60, 90, 30), (120, 180, 10)]);
        assert_eq!(found(&rows, (30, 60), i64::MIN), []);
        assert_eq!(found(&rows, (30, 100), 75), [(60, 90, 15)]);
        assert_eq!(found(&[], (30, 130), 70), [(70, 120, 50), (120, 180, 10)]);
        assert_eq!(found(&[], (30, 50), 70), []);
    }

    #[test]
    fn what_the_clock_does_not_tell_counts_at_the_end() {
        assert_eq!(Interval::new(5, 6), Interval::Span(5, 6));
        assert_eq!(Interval::new(6, 6), Interval::Point(6));
        assert_eq!(Interval::new(7, 6), Interval::Point(6));
        assert_eq!(Interval::new(0, LONGEST_US), Interval::Span(0, LONGEST_US));
        assert_eq!(Interval::new(0, LONGEST_US + 1), Interval::Point(LONGEST_US + 1));
        assert_eq!(Interval::new(i64::MIN, i64::MAX), Interval::Point(i64::MAX));
    }

    #[test]
    fn estimates_are_long_and_over_several_periods() {
        let policy = Policy { period: Duration::from_hours(1), gap: Duration::from_mins(10) };
        let is_estimated = |from, to| is_estimated(us(from), us(to), &policy, HOUR_S);
        assert!(is_estimated(59, 70));
        assert!(!is_estimated(59, 69), "as long as the gap, not longer");
        assert!(!is_estimated(0, 60), "one period");
        assert!(!is_estimated(120, 0), "back in time");
        assert!(is_estimated(0, 61));
    }

    #[test]
    fn samples_are_of_five_minutes() {
        assert_eq!(
            sample_shares(Interval::Span(us(4), us(11))),
            [(0, us(1)), (300, us(5)), (600, us(1))]
        );
        assert_eq!(sample_shares(Interval::Point(us(5))), [(300, 1)]);
        assert_eq!(sample_shares(Interval::Point(-1)), [(-300, 1)]);
    }

    proptest! {
        #[test]
        fn parts_add_up(count: u64, weights in prop::collection::vec(0..1_000_000_000i64, 1..40)) {
            let parts = parts(count, weights.iter().copied());
            let all: i64 = weights.iter().sum();
            prop_assume!(all > 0);
            prop_assert_eq!(parts.iter().map(|part| u128::from(*part)).sum::<u128>(), count.into());
            // Each part differs from its exact share by less than one.
            for (part, weight) in parts.iter().zip(&weights) {
                let wide = |number: i64| u128::try_from(number).expect("not below 0");
                let (exact, all) = (u128::from(count) * wide(*weight), wide(all));
                prop_assert!((u128::from(*part) * all).abs_diff(exact) < all);
            }
        }

        /// For any rows: shares are of different rows, in order. New rows overlap neither each
        /// other nor earlier rows, and have all the time that no earlier row has.
        #[test]
        fn shares_fill_the_free_time(
            cuts in prop::collection::btree_set(-50..50i64, 0..8),
            kinds in prop::collection::vec(0..3u8, 8),
            from in -60..60i64,
            length in 1..80i64,
            floor in -70..20i64,
            period in prop::sample::select(vec![1i64, 5, 12, 24]),
        ) {
            let cuts: Vec<i64> = cuts.into_iter().collect();
            let rows: Vec<UsageRow> = cuts.windows(2).zip(&kinds).filter(|(_, kind)| **kind != 2)
                .map(|(cut, kind)| UsageRow { is_sealed: *kind == 1, ..UsageRow::new(cut[0], cut[1]) })
                .collect();
            let span_us = (from * SECOND_US, (from + length) * SECOND_US);
            let shares = shares(&rows, span_us, floor, period);
            let is_free = |second: &i64| {
                *second >= floor && !rows.iter().any(|row| row.is_sealed && row.contains(*second))
            };
            let free = (from..from + length).filter(is_free).count();
            let given: i64 = shares.iter().map(|share| share.1).sum();
            prop_assert_eq!(given, i64::try_from(free).expect("small") * SECOND_US);
            for pair in shares.windows(2) {
                prop_assert!(pair[0].0.end_s <= pair[1].0.start_s, "{:?}", shares);
            }
            for (row, own_us) in &shares {
                prop_assert!(*own_us > 0 && row.start_s < row.end_s && !row.is_sealed);
                let is_apart = |other: &UsageRow| {
                    other == row || other.end_s <= row.start_s || row.end_s <= other.start_s
                };
                prop_assert!(rows.iter().all(is_apart), "{:?} among {:?}", row, rows);
                let is_one_period =
                    row.start_s.div_euclid(period) == (row.end_s - 1).div_euclid(period);
                prop_assert!(rows.contains(row) || is_one_period);
            }
        }
    }
}
