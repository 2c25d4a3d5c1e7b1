//! The state of each minute.

use super::{MINUTE_US, timeline::Timeline};
use crate::model::LinkState;

/// Numbers of minutes of a peering.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PeeringMinutes {
    pub(super) up: u64,
    pub(super) degraded: u64,
    pub(super) down: u64,
    pub(super) unknown: u64,
    pub(super) planned: u64,
    /// Up, degraded and down, with both links in use.
    pub(super) sla: u64,
    /// Down of these.
    pub(super) sla_down: u64,
}

/// Counts the minutes of a peering with these links: one or two, of one time.
pub(super) fn count<'t>(links: impl Iterator<Item = &'t Timeline>) -> PeeringMinutes {
    let links: Vec<&Timeline> = links.collect();
    let Some((mut at_us, until_us)) = links.first().map(|link| link.bounds_us()) else {
        return PeeringMinutes::default();
    };
    let mut minutes = PeeringMinutes::default();
    while at_us + MINUTE_US <= until_us {
        let states: Vec<LinkState> = links.iter().map(|link| state_of(link, at_us)).collect();
        // Until the first change, all minutes are like this one.
        let next_us = links.iter().map(|link| link.next_change_us(at_us)).min();
        let alike = (next_us.unwrap_or(until_us).min(until_us) - at_us) / MINUTE_US;
        let number = alike.max(1);
        minutes.add(&states, number.unsigned_abs());
        at_us += number * MINUTE_US;
    }
    minutes
}

/// The state of a link's minute.
fn state_of(link: &Timeline, from_us: i64) -> LinkState {
    let time_us = |state| link.time_within_us(state, from_us, from_us + MINUTE_US);
    let minute_us = MINUTE_US.unsigned_abs();
    let absent_us = time_us(LinkState::Absent);
    let out_us = absent_us + time_us(LinkState::Planned);
    if 2 * absent_us > minute_us {
        return LinkState::Absent;
    }
    if 2 * out_us > minute_us {
        return LinkState::Planned;
    }
    // More than 30 s of a minute in which it was in use throughout.
    let used_us = minute_us - out_us;
    let up_us = time_us(LinkState::Up);
    if 2 * up_us > used_us {
        LinkState::Up
    } else if 2 * (up_us + time_us(LinkState::Unknown)) > used_us {
        LinkState::Unknown
    } else {
        LinkState::Down
    }
}

impl PeeringMinutes {
    /// Adds minutes in which the links had these states.
    fn add(&mut self, links: &[LinkState], number: u64) {
        let of = |state| links.iter().filter(|link| **link == state).count();
        let there = links.len() - of(LinkState::Absent);
        let (up, down) = (of(LinkState::Up), of(LinkState::Down));
        let sum = if there == 0 {
            return;
        } else if of(LinkState::Planned) > 0 {
            &mut self.planned
        } else if up == there {
            &mut self.up
        } else if up > 0 {
            &mut self.degraded
        } else if down == there {
            &mut self.down
        } else {
            &mut self.unknown
        };
        *sum += number;
        let is_known = of(LinkState::Planned) == 0 && (up > 0 || down == there);
        if there == 2 && is_known {
            self.sla += number;
            self.sla_down += if down == there { number } else { 0 };
        }
    }
}
