//! The waits between tries.

use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use uuid::Uuid;

/// Bounds of the wait between two tries: it doubles with each, and is drawn at random so that many
/// edges don't come back to a receiver at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The shortest.
    pub min: Duration,
    /// The longest.
    pub max: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { min: Duration::from_secs(1), max: Duration::from_mins(5) }
    }
}

impl Backoff {
    /// The waits from the first failure on, without end.
    pub(super) fn delays(self) -> impl Iterator<Item = Duration> + use<> {
        // The jitter adds up to as much again. Its own seed is the same in every process.
        ExponentialBuilder::new()
            .with_min_delay(self.min)
            .with_max_delay(self.min.max(self.max / 2))
            .without_max_times()
            .with_jitter()
            .with_jitter_seed(Uuid::new_v4().as_u64_pair().0)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_within_bounds_and_differ() {
        let backoff = Backoff::default();
        let delays: Vec<_> = backoff.delays().take(100).collect();
        assert_eq!(delays.len(), 100, "it never gives up");
        for (n, delay) in delays.iter().enumerate() {
            let base = Duration::from_secs(1 << n.min(8)).min(Duration::from_secs(150));
            assert!((base..=2 * base).contains(delay), "{n}: {delay:?}");
            assert!((backoff.min..=backoff.max).contains(delay), "{n}: {delay:?}");
        }
        assert_ne!(delays, backoff.delays().take(100).collect::<Vec<_>>());
    }
}
