//! The availability of routed peerings, from the states that their links had.
//!
//! ```text
//!  states of links ─▶ minutes of links ─▶ minutes of a peering ─▶ percentage
//! ```
//!
//! A minute has one state for each link, which is that of more than half of it, and a peering's follows from those of its
//! links. Only minutes in which both links were in use are under an SLA.

mod minutes;
mod percent;
#[cfg(test)]
mod tests;
mod timeline;

use std::collections::BTreeMap;

use edge_api::{LinkAvailability, LinkTransition, PeeringAvailability};
use jiff::{SignedDuration, Timestamp};

use self::{
    minutes::{PeeringMinutes, count},
    timeline::Timeline,
};
use super::ledger::{LinkHistories, LinkHistory};
use crate::model::{Link, LinkState, PeeringKind};

pub use self::percent::{is_below, percent};

/// Length of a minute in microseconds.
const MINUTE_US: i64 = 60_000_000;
/// A daemon that runs tells more often than this up to when states are known.
const TOLD_WITHIN: SignedDuration = SignedDuration::from_secs(60);

/// The end of what can be told of the time from `from` until before `to`, at `now`. While a daemon looks at links, that is the
/// moment of which it has told last.
#[must_use]
pub fn seen_until(
    histories: &LinkHistories,
    (from, to): (Timestamp, Timestamp),
    now: Timestamp,
) -> Timestamp {
    let told = histories.known_until.filter(|known| now.duration_since(*known) <= TOLD_WITHIN);
    told.unwrap_or(now).min(now).min(to).max(from)
}

/// The end of the last minute, counted from `from`, that is over at a moment.
#[must_use]
pub fn last_minute(from: Timestamp, moment: Timestamp) -> Timestamp {
    let from_us = from.as_microsecond();
    let whole_us = (moment.as_microsecond() - from_us).max(0) / MINUTE_US * MINUTE_US;
    Timestamp::from_microsecond(from_us + whole_us).unwrap_or(from)
}

/// The availability of each peering that had a link in the time from `from` until before `until`: its whole minutes, and all
/// changes.
#[must_use]
pub fn availability(
    histories: &LinkHistories,
    from: Timestamp,
    until: Timestamp,
) -> Vec<PeeringAvailability> {
    let minutes_until = last_minute(from, until);
    let mut peerings: BTreeMap<(&str, &str, PeeringKind), BTreeMap<Link, [Timeline; 2]>> =
        BTreeMap::new();
    for history in &histories.links {
        let LinkHistory { name, .. } = history;
        let timelines = [minutes_until, until]
            .map(|until| Timeline::new(history, histories.known_until, from, until));
        peerings
            .entry((&name.edge, &name.circuit, name.peering))
            .or_default()
            .insert(name.link, timelines);
    }
    let all = peerings.into_iter().filter_map(|((edge, circuit, peering), links)| {
        let there = links.iter().filter(|(_, [_, all])| all.is_there());
        let links_of: Vec<_> = there.map(|(link, timelines)| told(*link, timelines)).collect();
        if links_of.is_empty() {
            return None;
        }
        let minutes = count(links.values().map(|[whole, _]| whole));
        Some(PeeringAvailability {
            edge: edge.to_owned(),
            circuit: circuit.to_owned(),
            peering: peering.as_str().to_owned(),
            links: links_of,
            ..figures(minutes)
        })
    });
    all.collect()
}

fn figures(minutes: PeeringMinutes) -> PeeringAvailability {
    let PeeringMinutes { up, degraded, down, unknown, planned, sla, sla_down } = minutes;
    PeeringAvailability {
        minutes_up: up,
        minutes_degraded: degraded,
        minutes_down: down,
        minutes_unknown: unknown,
        minutes_planned: planned,
        availability_percent: percent(up + degraded + down, down),
        sla_minutes: sla,
        sla_minutes_down: sla_down,
        sla_percent: percent(sla, sla_down),
        ..PeeringAvailability::default()
    }
}

fn told(link: Link, [whole, all]: &[Timeline; 2]) -> LinkAvailability {
    let changes = all.spans().iter().map(|span| LinkTransition {
        at: span.from,
        state: span.state.as_str().to_owned(),
        reason: span.reason.as_str().to_owned(),
    });
    let seconds = |state| (whole.time_us(state) + 500_000) / 1_000_000;
    LinkAvailability {
        link: link.as_str().to_owned(),
        up_s: seconds(LinkState::Up),
        down_s: seconds(LinkState::Down),
        unknown_s: seconds(LinkState::Unknown),
        planned_s: seconds(LinkState::Planned),
        changes: changes.collect(),
    }
}
