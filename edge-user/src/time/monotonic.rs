//! Dates of moments that programs in the kernel have noted.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use nix::time::{ClockId, clock_gettime};

/// The date of the wall clock at a moment of `CLOCK_MONOTONIC`, by which other such moments of the same boot are dated. For
/// display: the wall clock may be wrong, and time that the machine was suspended is not in it.
#[derive(Clone, Copy, Debug)]
pub struct MonotonicDates {
    wall: Timestamp,
    monotonic_ns: i64,
}

impl MonotonicDates {
    /// Reads both clocks.
    #[must_use]
    pub fn now() -> Self {
        // Every kernel has this clock.
        let monotonic_ns = clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |now| {
            now.tv_sec().saturating_mul(1_000_000_000).saturating_add(now.tv_nsec())
        });
        Self { wall: Timestamp::now(), monotonic_ns }
    }

    /// The moment this long after the present one, in nanoseconds.
    #[must_use]
    pub fn moment_after(&self, time: Duration) -> u64 {
        let time_ns = i64::try_from(time.as_nanos()).unwrap_or(i64::MAX);
        self.monotonic_ns.saturating_add(time_ns).unsigned_abs()
    }

    /// The date of a moment.
    #[must_use]
    pub fn exact_date(&self, monotonic_ns: u64) -> Timestamp {
        let ago_ns = self.monotonic_ns.saturating_sub_unsigned(monotonic_ns).max(0);
        let date = self.wall.checked_sub(SignedDuration::from_nanos(ago_ns));
        date.unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// The moment so long ago.
    #[must_use]
    pub fn ago_ns(&self, ago: Duration) -> u64 {
        let ago_ns = i64::try_from(ago.as_nanos()).unwrap_or(i64::MAX);
        self.monotonic_ns.saturating_sub(ago_ns).max(0).unsigned_abs()
    }

    /// The date of a moment, to the second.
    #[must_use]
    pub fn date(&self, monotonic_ns: u64) -> Timestamp {
        let date = self.exact_date(monotonic_ns);
        Timestamp::from_second(date.as_second()).unwrap_or(date)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_as_long_ago_as_the_clock_says() {
        let wall: Timestamp = "2026-01-01T00:01:00.5Z".parse().unwrap();
        let dates = MonotonicDates { wall, monotonic_ns: 100_000_000_000 };
        for (monotonic_ns, date) in [
            (100_000_000_000, "2026-01-01T00:01:00Z"),
            (99_400_000_000, "2026-01-01T00:00:59Z"),
            (40_000_000_000, "2026-01-01T00:00:00Z"),
            // The program's clock may be ahead of a look at it.
            (100_000_000_001, "2026-01-01T00:01:00Z"),
            (u64::MAX, "2026-01-01T00:01:00Z"),
        ] {
            assert_eq!(dates.date(monotonic_ns).to_string(), date, "{monotonic_ns}");
        }
        let now = MonotonicDates::now();
        assert!(now.date(u64::MAX) >= wall && now.date(0) < now.date(u64::MAX));
    }
}
