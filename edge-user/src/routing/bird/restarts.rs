//! The waits before BIRD is started again.

use std::time::{Duration, Instant};

/// First wait: a process that was killed is back at once.
const SHORTEST: Duration = Duration::from_millis(100);
/// Longest wait.
const LONGEST: Duration = Duration::from_secs(30);
/// A BIRD that ran for this long had a good start.
const GOOD_RUN: Duration = Duration::from_mins(1);

/// Waits that double while BIRD dies soon after each start.
#[derive(Clone, Debug, Default)]
pub struct RestartWaits {
    started: Option<Instant>,
    last: Duration,
    due: Option<Instant>,
}

impl RestartWaits {
    /// BIRD has been started, or found running.
    pub fn started(&mut self, now: Instant) {
        self.started = Some(now);
        self.due = None;
    }

    /// BIRD has ended, or could not be started. Returns the wait until the next start.
    pub fn ended(&mut self, now: Instant) -> Duration {
        let ran = self.started.take().map(|started| now.saturating_duration_since(started));
        self.last = if ran.is_some_and(|ran| ran >= GOOD_RUN) {
            SHORTEST
        } else {
            (2 * self.last).clamp(SHORTEST, LONGEST)
        };
        self.due = Some(now + self.last);
        self.last
    }

    /// Whether it is time for a start.
    #[must_use]
    pub fn is_due(&self, now: Instant) -> bool {
        self.due.is_none_or(|due| now >= due)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn waits_double_until_a_good_run() {
        let mut now = Instant::now();
        let mut waits = RestartWaits::default();
        assert!(waits.is_due(now), "the first start needs no wait");
        let mut told = Vec::new();
        for _ in 0..12 {
            waits.started(now);
            now += Duration::from_secs(1);
            told.push(waits.ended(now));
            assert!(!waits.is_due(now));
            now += *told.last().expect("one");
            assert!(waits.is_due(now));
        }
        assert_eq!(told[..4], [100, 200, 400, 800].map(Duration::from_millis));
        assert_eq!(told.last(), Some(&LONGEST));
        waits.started(now);
        assert_eq!(waits.ended(now + GOOD_RUN), SHORTEST);
    }

    proptest! {
        #[test]
        fn a_wait_is_within_bounds(runs in prop::collection::vec((any::<bool>(), 0_u64..200), 1..50)) {
            let mut now = Instant::now();
            let mut waits = RestartWaits::default();
            for (starts, ran_s) in runs {
                if starts {
                    waits.started(now);
                    prop_assert!(waits.is_due(now));
                }
                now += Duration::from_secs(ran_s);
                let wait = waits.ended(now);
                prop_assert!((SHORTEST..=LONGEST).contains(&wait));
                let just_before = now + wait.saturating_sub(Duration::from_millis(1));
                prop_assert!(!waits.is_due(just_before));
                prop_assert!(waits.is_due(now + wait));
                now += wait;
            }
        }
    }
}
