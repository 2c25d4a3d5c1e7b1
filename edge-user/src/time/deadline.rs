//! Moments in the future, which a wall clock that is set meanwhile does not move.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Moment;

/// A moment in the future by the clock since boot, and by the wall clock as it was when this was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// The kernel's boot.
    boot_id: Uuid,
    /// Microseconds since that boot.
    boot_us: i64,
    /// The date.
    date: Timestamp,
}

impl Deadline {
    /// The moment this long after `now`.
    #[must_use]
    pub fn after(now: &Moment, time: Duration) -> Self {
        let time_us = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        Self {
            boot_id: now.boot_id,
            boot_us: now.boot_us.saturating_add(time_us),
            date: now.wall.saturating_add(SignedDuration::from_micros(time_us)).unwrap_or(now.wall),
        }
    }

    /// The time that is left in the same boot; `None`: it is over, as it is in any other boot.
    #[must_use]
    pub fn left_in_this_boot(&self, now: &Moment) -> Option<Duration> {
        let left_us = self.boot_us.saturating_sub(now.boot_us);
        let left_us = u64::try_from(left_us).ok().filter(|left_us| *left_us > 0);
        left_us.filter(|_| self.boot_id == now.boot_id).map(Duration::from_micros)
    }

    /// The time that is left, by the wall clock in another boot; `None`: it is over.
    #[must_use]
    pub fn left(&self, now: &Moment) -> Option<Duration> {
        if self.boot_id == now.boot_id {
            return self.left_in_this_boot(now);
        }
        let left = Duration::try_from(self.date.duration_since(now.wall)).ok();
        left.filter(|left| !left.is_zero())
    }

    /// Its date by the present wall clock.
    #[must_use]
    pub fn date(&self, now: &Moment) -> Timestamp {
        if self.boot_id != now.boot_id {
            return self.date;
        }
        let left = SignedDuration::from_micros(self.boot_us.saturating_sub(now.boot_us));
        now.wall.saturating_add(left).unwrap_or(now.wall)
    }

    /// Has it be over.
    pub const fn end(&mut self) {
        (self.boot_us, self.date) = (0, Timestamp::UNIX_EPOCH);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wall_clock_that_is_set_moves_nothing_but_after_a_boot() {
        let made = crate::time::now().unwrap();
        let mut deadline = Deadline::after(&made, Duration::from_mins(10));
        let at = |after_s: i64, boot_id, wall| Moment {
            boot_us: made.boot_us + after_s * 1_000_000,
            boot_id,
            wall,
            ..made
        };
        let (same, other) = (made.boot_id, Uuid::from_u128(1));
        let (past, far) = (Timestamp::UNIX_EPOCH, Timestamp::MAX);
        for wall in [past, made.wall, far] {
            let now = at(500, same, wall);
            assert_eq!(deadline.left(&now), Some(Duration::from_secs(100)));
            assert_eq!(deadline.left_in_this_boot(&now), Some(Duration::from_secs(100)));
            assert_eq!(deadline.left(&at(600, same, wall)), None);
            assert_eq!(deadline.left_in_this_boot(&at(1, other, wall)), None);
        }
        let in_5_min = made.wall + SignedDuration::from_mins(5);
        assert_eq!(deadline.left(&at(1, other, in_5_min)), Some(Duration::from_mins(5)));
        assert_eq!(deadline.left(&at(1, other, far)), None);
        assert_eq!(deadline.date(&at(0, same, past)), past + SignedDuration::from_mins(10));
        assert_eq!(deadline.date(&at(0, other, past)), made.wall + SignedDuration::from_mins(10));
        deadline.end();
        assert_eq!((deadline.left(&made), deadline.left(&at(1, other, made.wall))), (None, None));
    }
}
