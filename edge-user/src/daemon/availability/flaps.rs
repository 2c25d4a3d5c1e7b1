//! A bound on the rows of a link that flaps.
//!
//! A link has a few rows in each minute of the time since boot. Changes beyond these wait for the end of the minute and become
//! two or three rows, with which the link has been up and down for as many seconds as it was, one after the other. So its
//! state of the minute, and its seconds, are as they were.

use crate::model::{LinkReason, LinkState};

/// Length of a minute in microseconds.
const MINUTE_US: i64 = 60_000_000;
/// Changes between up and down of a minute that have rows of their own.
const MOST_ROWS: u32 = 4;

/// The beginning of a state: microseconds since boot.
pub(super) type StateBegin = (i64, LinkState, LinkReason);

/// The rows of a link in the present minute.
#[derive(Clone, Debug)]
pub(super) struct FlapGuard {
    minute: i64,
    rows: u32,
    /// The state of the last row.
    last: Option<LinkState>,
    held: Option<HeldFlaps>,
}

/// Changes that wait for the end of their minute.
#[derive(Clone, Debug)]
struct HeldFlaps {
    from_us: i64,
    /// Time in states before the last.
    up_us: i64,
    down_us: i64,
    since_us: i64,
    state: LinkState,
    /// The reason for which it was down last.
    down_reason: LinkReason,
}

impl FlapGuard {
    /// A link whose last row has this state; `None`: it has no row.
    pub(super) const fn new(last: Option<LinkState>) -> Self {
        Self { minute: i64::MIN, rows: 0, last, held: None }
    }

    /// Takes a change, and gives the rows that it makes.
    pub(super) fn add(&mut self, change: StateBegin) -> Vec<StateBegin> {
        let (at_us, state, reason) = change;
        let minute = at_us.div_euclid(MINUTE_US);
        let flaps = |state: &LinkState| matches!(state, LinkState::Up | LinkState::Down);
        let mut rows = Vec::new();
        if minute != self.minute {
            rows.extend(self.end_minute(at_us));
            (self.minute, self.rows) = (minute, 0);
        }
        if !flaps(&state) {
            rows.extend(self.give(at_us));
        } else if self.held.is_some()
            || self.rows >= MOST_ROWS && self.last.is_some_and(|it| flaps(&it))
        {
            self.hold(change);
            return rows;
        }
        self.rows += 1;
        self.last = Some(state);
        rows.push((at_us, state, reason));
        rows
    }

    /// The rows of what waits, where its minute is over at this moment.
    pub(super) fn end_minute(&mut self, now_us: i64) -> Vec<StateBegin> {
        let end_us = (self.minute.saturating_add(1)).saturating_mul(MINUTE_US);
        if now_us < end_us { Vec::new() } else { self.give(end_us) }
    }

    /// The moment of the first change that waits.
    pub(super) fn held_from_us(&self) -> Option<i64> {
        Some(self.held.as_ref()?.from_us)
    }

    fn hold(&mut self, (at_us, state, reason): StateBegin) {
        let held = self.held.get_or_insert(HeldFlaps {
            from_us: at_us,
            up_us: 0,
            down_us: 0,
            since_us: at_us,
            state,
            down_reason: reason,
        });
        held.advance(at_us);
        held.state = state;
        if state == LinkState::Down {
            held.down_reason = reason;
        }
    }

    fn give(&mut self, end_us: i64) -> Vec<StateBegin> {
        let Some(mut held) = self.held.take() else { return Vec::new() };
        held.advance(end_us);
        let up = (LinkState::Up, LinkReason::Up, held.up_us);
        let down = (LinkState::Down, held.down_reason, held.down_us);
        let [first, second] = if held.state == LinkState::Up { [down, up] } else { [up, down] };
        let begins = [(held.from_us, first), (held.from_us + first.2, second)];
        let mut rows = Vec::new();
        for (at_us, (state, reason, time_us)) in begins {
            if (time_us > 0 || state == held.state) && self.last != Some(state) {
                rows.push((at_us, state, reason));
                self.last = Some(state);
            }
        }
        rows
    }
}

impl HeldFlaps {
    fn advance(&mut self, to_us: i64) {
        let time_us = (to_us - self.since_us).max(0);
        match self.state {
            LinkState::Up => self.up_us += time_us,
            LinkState::Down | LinkState::Planned | LinkState::Unknown | LinkState::Absent => {
                self.down_us += time_us;
            }
        }
        self.since_us = self.since_us.max(to_us);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Microseconds of each minute in which the link was up, by the beginnings of its states.
    fn up_by_minute(changes: &[StateBegin], minutes: i64) -> Vec<i64> {
        let end_us = minutes * MINUTE_US;
        let mut sums = vec![0; usize::try_from(minutes).unwrap()];
        for (number, (from_us, state, _)) in changes.iter().enumerate() {
            let to_us = changes.get(number + 1).map_or(end_us, |next| next.0);
            for (minute, sum) in (0..).zip(&mut sums) {
                let from_us = *from_us.max(&(minute * MINUTE_US));
                let to_us = to_us.min((minute + 1) * MINUTE_US);
                if *state == LinkState::Up {
                    *sum += (to_us - from_us).max(0);
                }
            }
        }
        sums
    }

    proptest! {
        #[test]
        fn each_minute_keeps_its_seconds_and_has_few_rows(
            waits in prop::collection::vec(prop_oneof![4 => 1..4_000_000_i64, 1 => 1..100_000_000_i64], 0..200),
        ) {
            const MINUTES: i64 = 40;
            let mut at_us = 0;
            let mut changes = vec![(0, LinkState::Up, LinkReason::Up)];
            for (number, wait_us) in waits.into_iter().enumerate() {
                at_us += wait_us;
                if at_us < MINUTES * MINUTE_US {
                    changes.push(if number % 2 == 0 {
                        (at_us, LinkState::Down, LinkReason::Session)
                    } else {
                        (at_us, LinkState::Up, LinkReason::Up)
                    });
                }
            }
            let mut guard = FlapGuard::new(None);
            let mut rows = Vec::new();
            let mut looked_us = 0;
            for change in &changes {
                // A look every second.
                while looked_us < change.0 {
                    rows.extend(guard.end_minute(looked_us));
                    looked_us += 1_000_000;
                }
                rows.extend(guard.add(*change));
                if let Some(held_us) = guard.held_from_us() {
                    prop_assert!(held_us <= change.0 && rows.iter().all(|row| row.0 <= held_us));
                }
            }
            rows.extend(guard.end_minute(MINUTES * MINUTE_US));
            prop_assert!(rows.is_sorted_by_key(|row| row.0), "{rows:?}");
            prop_assert!(rows.windows(2).all(|two| two[0].1 != two[1].1), "{rows:?}");
            prop_assert_eq!(up_by_minute(&rows, MINUTES), up_by_minute(&changes, MINUTES));
            for minute in 0..MINUTES {
                let of = |row: &&StateBegin| row.0.div_euclid(MINUTE_US) == minute;
                prop_assert!(rows.iter().filter(of).count() <= 8, "{rows:?}");
            }
        }
    }

    #[test]
    fn what_waits_is_given_before_a_state_of_another_kind() {
        let mut guard = FlapGuard::new(Some(LinkState::Up));
        for second in 1..=6 {
            let state = if second % 2 == 1 { LinkState::Down } else { LinkState::Up };
            guard.add((second * 1_000_000, state, LinkReason::Session));
        }
        assert_eq!(guard.held_from_us(), Some(5_000_000));
        let rows = guard.add((9_000_000, LinkState::Planned, LinkReason::Drained));
        assert_eq!(
            rows,
            [
                (5_000_000, LinkState::Down, LinkReason::Session),
                (6_000_000, LinkState::Up, LinkReason::Up),
                (9_000_000, LinkState::Planned, LinkReason::Drained),
            ]
        );
    }
}
