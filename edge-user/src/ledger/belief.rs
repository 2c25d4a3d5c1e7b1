//! Whether a clock is believed: by the clock since boot, by what the ledger has, and by time.
//!
//! A boot has one offset from the time since boot to the date, or none yet. The clock that agrees
//! with it is followed, slews and leap seconds included. One that jumps away is a claim:
//!
//! | the clock says | then |
//! |---|---|
//! | a date before the release, or after 2099 | no claim, however long it says so |
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

/// A leap second is less.
const STEP_US: i64 = 2 * SECOND_US;
/// Clocks are slewed by 1 in 2,000 at most.
const SLEW: i64 = 1_000;
/// Hardware clocks are off by that, from one boot to the next.
const BEHIND_US: i64 = 5 * MINUTE_US;
pub(super) const FAR_US: i64 = 31 * DAY_US;

/// A period may be sealed by a clock that has said the same for that long.
const SEAL_AFTER_US: i64 = MINUTE_US;
const SETTLED_AFTER_US: i64 = 10 * MINUTE_US;
/// Where nothing else speaks for it: neither another boot nor NTP.
const ALONE_AFTER_US: i64 = HOUR_US;
const ODD_BEHIND_AFTER_US: i64 = HOUR_US;
const ODD_AHEAD_AFTER_US: i64 = DAY_US;

/// What is believed of one boot's clock. Offsets are the date less the time since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Belief {
    /// By which usage is dated.
    pub(super) offset_us: Option<i64>,
    /// By which the clock says its date.
    pub(super) clock_us: i64,
    /// What was dated by the offset is so for good.
    pub(super) is_settled: bool,
    /// Since when, by the time since boot, the clock has said the same.
    pub(super) since_us: i64,
    /// Time since boot of the last reading.
    pub(super) read_us: i64,
}

impl Belief {
    /// At the first reading of a boot. `settled_us` is the latest date that other boots have
    /// settled on.
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

    /// At a later reading, and whether it is another date that is believed now.
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

    /// Whether the clock says the date by which usage is dated.
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

    /// How long the clock has to say another date until it is believed; `None`: for ever.
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

/// What the wall clock is more than the clock since boot.
pub(super) fn clock_us(moment: &Moment) -> i64 {
    moment.wall.as_microsecond().saturating_sub(moment.boot_us)
}

/// Whether offsets, read that long after each other, are of a clock that has stepped in between.
fn differ(one_us: i64, other_us: i64, elapsed_us: i64) -> bool {
    one_us.abs_diff(other_us) > (STEP_US + elapsed_us / SLEW).unsigned_abs()
}
