//! Whether the ledger believes the wall clock: it compares the clock with the time since boot and
//! with the dates of other boots.
//!
//! A boot has one offset from the time since boot to the date, or none yet. A clock that agrees
//! with the offset is followed, slews and leap seconds included. A clock that jumps away claims
//! another date:
//!
//! | the clock claims | then |
//! |---|---|
//! | a date before the release, or after 2099 | never believed |
//! | another date, while the offset has not settled | believed at once, unless it is odd |
//! | another date, when the offset has settled | believed after ten minutes, unless it is odd |
//! | odd: over 31 days from the offset, if settled, or ahead of it, if not; over 31 days ahead of what other boots have settled on | believed after ten minutes if the kernel calls the clock synchronized, after an hour if it is behind, else after a day |
//! | odd: more than five minutes behind what other boots have settled on | likewise |

use crate::time::Moment;

pub(super) const SECOND_US: i64 = 1_000_000;
pub(super) const MINUTE_US: i64 = 60 * SECOND_US;
pub(super) const HOUR_US: i64 = 60 * MINUTE_US;
const DAY_US: i64 = 24 * HOUR_US;

/// 2026-01-01: no version of `edge` with a ledger is older.
const RELEASE_US: i64 = 1_767_225_600 * SECOND_US;
/// 2100-01-01.
const END_US: i64 = 4_102_444_800 * SECOND_US;

/// A larger difference is a step of the clock. A leap second is less.
const STEP_US: i64 = 2 * SECOND_US;
/// Clocks are slewed by 1 in 2,000 at most.
const SLEW: i64 = 1_000;
/// Hardware clocks may be off by this much from one boot to the next.
const BEHIND_US: i64 = 5 * MINUTE_US;
pub(super) const FAR_US: i64 = 31 * DAY_US;

/// A clock has to agree with itself for this long before it seals a period.
const SEAL_AFTER_US: i64 = MINUTE_US;
const SETTLED_AFTER_US: i64 = 10 * MINUTE_US;
/// The time until a clock is believed without support by another boot or NTP.
const ALONE_AFTER_US: i64 = HOUR_US;
const ODD_BEHIND_AFTER_US: i64 = HOUR_US;
const ODD_AHEAD_AFTER_US: i64 = DAY_US;

/// The belief in one boot's clock. Offsets are the date less the time since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Belief {
    /// The offset by which usage is dated.
    pub(super) offset_us: Option<i64>,
    /// The offset of the clock's own date.
    pub(super) clock_us: i64,
    /// Whether the rows dated by the offset are dated for good.
    pub(super) is_settled: bool,
    /// The time since boot at which the clock last stepped.
    pub(super) since_us: i64,
    /// Time since boot of the last reading.
    pub(super) read_us: i64,
}

impl Belief {
    /// The belief at the first reading of a boot. `settled_us` is the latest date that other boots
    /// have settled on.
    pub(super) fn first(moment: &Moment, settled_us: Option<i64>) -> Self {
        let unread = Self {
            offset_us: None,
            clock_us: clock_us(moment),
            is_settled: false,
            since_us: moment.boot_us,
            read_us: moment.boot_us,
        };
        unread.next(moment, settled_us).0
    }

    /// The belief at a later reading, and whether another date is believed now.
    pub(super) fn next(self, moment: &Moment, settled_us: Option<i64>) -> (Self, bool) {
        let now_us = moment.boot_us;
        let clock_us = clock_us(moment);
        let is_step = differ(clock_us, self.clock_us, now_us - self.read_us);
        let since_us = if is_step { now_us } else { self.since_us };
        let next = Self { clock_us, since_us, read_us: now_us, ..self };
        let age_us = now_us - since_us;
        let is_followed = match self.offset_us {
            Some(offset_us) if offset_us == self.clock_us => !is_step,
            Some(offset_us) => !differ(clock_us, offset_us, now_us - self.since_us),
            None => false,
        };
        if is_followed {
            let is_backed = settled_us.is_some() || moment.is_synchronized;
            let after_us = if is_backed { SETTLED_AFTER_US } else { ALONE_AFTER_US };
            let is_settled = self.is_settled || age_us >= after_us;
            return (Self { offset_us: Some(clock_us), is_settled, ..next }, false);
        }
        match self.believed_after_us(moment, settled_us) {
            Some(after_us) if age_us >= after_us => {
                (Self { offset_us: Some(clock_us), is_settled: after_us != 0, ..next }, true)
            }
            _ => (next, false),
        }
    }

    /// Whether usage is dated by the clock's own date.
    pub(super) fn is_followed(&self) -> bool {
        self.offset_us == Some(self.clock_us)
    }

    /// The date of a moment since boot.
    pub(super) fn date_us(&self, boot_us: i64) -> Option<i64> {
        Some(self.offset_us?.saturating_add(boot_us))
    }

    /// The date at the last reading, if periods before it may be sealed.
    pub(super) fn seals_until_us(&self) -> Option<i64> {
        let is_steady = self.is_followed() && self.read_us - self.since_us >= SEAL_AFTER_US;
        self.date_us(self.read_us).filter(|_| self.is_settled || is_steady)
    }

    /// The time for which the clock has to keep another date until it is believed; `None`: it never
    /// is.
    fn believed_after_us(&self, moment: &Moment, settled_us: Option<i64>) -> Option<i64> {
        let (clock_us, wall_us) = (clock_us(moment), moment.wall.as_microsecond());
        if !(RELEASE_US..END_US).contains(&wall_us) {
            return None;
        }
        let jump_us = self.offset_us.map_or(0, |offset_us| clock_us - offset_us);
        let ahead_us = settled_us.map_or(0, |settled_us| wall_us - settled_us);
        let is_behind = self.is_settled && jump_us < -FAR_US || ahead_us < -BEHIND_US;
        Some(if jump_us > FAR_US || ahead_us > FAR_US {
            if moment.is_synchronized { SETTLED_AFTER_US } else { ODD_AHEAD_AFTER_US }
        } else if is_behind {
            if moment.is_synchronized { SETTLED_AFTER_US } else { ODD_BEHIND_AFTER_US }
        } else if self.is_settled {
            SETTLED_AFTER_US
        } else {
            0
        })
    }
}

/// The difference of the wall clock and the clock since boot.
pub(super) fn clock_us(moment: &Moment) -> i64 {
    moment.wall.as_microsecond().saturating_sub(moment.boot_us)
}

/// Whether a clock has stepped between two readings of its offset, `elapsed_us` apart.
fn differ(one_us: i64, other_us: i64, elapsed_us: i64) -> bool {
    one_us.abs_diff(other_us) > (STEP_US + elapsed_us / SLEW).unsigned_abs()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const NOW_US: i64 = RELEASE_US + 250 * DAY_US;

    fn moment(boot_us: i64, off_us: i64, is_synchronized: bool) -> Moment {
        let wall = Timestamp::from_microsecond(NOW_US + boot_us + off_us).unwrap();
        Moment { wall, boot_id: Uuid::nil(), boot_us, is_synchronized }
    }

    /// A reading every minute until `until_us`.
    fn read(mut belief: Belief, until_us: i64, off_us: i64, settled_us: Option<i64>) -> Belief {
        while belief.read_us < until_us {
            let boot_us = belief.read_us + MINUTE_US;
            belief = belief.next(&moment(boot_us, off_us, false), settled_us).0;
        }
        belief
    }

    #[test]
    fn each_kind_of_date_is_judged() {
        let settled_us = Some(NOW_US - HOUR_US);
        let year_us = 365 * DAY_US;
        for (off_us, alone, beside) in [
            // Minutes until a clock is believed at a first reading, alone and beside another boot.
            (-60 * year_us, None, None),
            (-27 * year_us, None, None),
            (-260 * DAY_US, None, None),
            (-200 * DAY_US, Some(0), Some(60)),
            (-12 * HOUR_US, Some(0), Some(60)),
            (-HOUR_US - MINUTE_US, Some(0), Some(0)),
            (0, Some(0), Some(0)),
            (30 * DAY_US, Some(0), Some(0)),
            (32 * DAY_US, Some(0), Some(24 * 60)),
            (3 * year_us, Some(0), Some(24 * 60)),
            (12 * year_us, Some(0), Some(24 * 60)),
            (74 * year_us, None, None),
        ] {
            for (settled_us, after_min) in [(None, alone), (settled_us, beside)] {
                let first = Belief::first(&moment(0, off_us, false), settled_us);
                assert_eq!(first.is_followed(), after_min == Some(0), "{off_us} {settled_us:?}");
                let last_us = after_min.map_or(3 * DAY_US, |minutes| minutes * MINUTE_US);
                let before = read(first, last_us - MINUTE_US, off_us, settled_us);
                assert_eq!(before.is_followed(), after_min == Some(0), "{off_us} {settled_us:?}");
                let then = read(before, last_us, off_us, settled_us);
                assert_eq!(then.is_followed(), after_min.is_some(), "{off_us} {settled_us:?}");
            }
        }
    }

    #[test]
    fn ntp_is_believed_sooner() {
        let settled_us = Some(NOW_US);
        for off_us in [400 * DAY_US, -3 * HOUR_US] {
            let mut belief = Belief::first(&moment(0, off_us, true), settled_us);
            for minute in 1..=10 {
                assert!(!belief.is_followed(), "{off_us} {minute}");
                belief = belief.next(&moment(minute * MINUTE_US, off_us, true), settled_us).0;
            }
            assert!(belief.is_followed() && belief.is_settled, "{off_us}");
        }
    }

    #[test]
    fn a_lone_clock_settles_after_an_hour_and_seals_after_a_minute() {
        let first = Belief::first(&moment(0, 0, false), None);
        assert_eq!(first.seals_until_us(), None);
        let minute = read(first, MINUTE_US, 0, None);
        assert_eq!(minute.seals_until_us(), Some(NOW_US + MINUTE_US));
        assert!(!read(minute, 59 * MINUTE_US, 0, None).is_settled);
        assert!(read(minute, HOUR_US, 0, None).is_settled);
        assert!(read(minute, 10 * MINUTE_US, 0, Some(NOW_US - HOUR_US)).is_settled);
    }

    /// While another date waits to be believed, periods are sealed by the date before.
    #[test]
    fn a_leap_seals_nothing() {
        let settled = read(Belief::first(&moment(0, 0, false), None), 2 * HOUR_US, 0, None);
        let ahead = read(settled, 3 * HOUR_US, 3 * 365 * DAY_US, None);
        assert!(!ahead.is_followed());
        assert_eq!(ahead.seals_until_us(), Some(NOW_US + 3 * HOUR_US));
        let back = read(ahead, 4 * HOUR_US, 0, None);
        assert!(back.is_followed() && back.is_settled);
    }

    proptest! {
        /// A clock that says the right date for a day is believed, whatever it has said before.
        #[test]
        fn who_stays_right_is_believed(
            steps in prop::collection::vec(
                (1..3 * HOUR_US, -60 * 365 * DAY_US..80 * 365 * DAY_US, any::<bool>()),
                0..12,
            ),
            settled_us in prop::option::of(NOW_US - 400 * DAY_US..NOW_US + 400 * DAY_US),
        ) {
            let mut belief = Belief::first(&moment(0, 0, false), settled_us);
            for (pass_us, off_us, is_synchronized) in steps {
                let boot_us = belief.read_us + pass_us;
                let before = belief;
                let is_moved;
                (belief, is_moved) =
                    belief.next(&moment(boot_us, off_us, is_synchronized), settled_us);
                let wall_us = NOW_US + boot_us + off_us;
                prop_assert!(
                    !belief.is_followed() || (RELEASE_US..END_US).contains(&wall_us)
                        || before.is_followed()
                );
                prop_assert!(is_moved || before.offset_us.is_none() == belief.offset_us.is_none());
            }
            let last_us = belief.read_us;
            let belief = read(belief, last_us + DAY_US + 2 * MINUTE_US, 0, settled_us);
            prop_assert_eq!(belief.date_us(0), Some(NOW_US));
            prop_assert!(belief.is_settled);
        }
    }
}
