//! The states of links from look to look, and over a time in which nobody looked.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::{
    super::seen_link::{SeenPeeringLink, SeenState},
    flaps::{FlapGuard, StateBegin},
};
use crate::{
    billing::ledger::{BootTime, OpenPeeringLinks, PeeringLinkChange},
    model::{LinkReason, LinkState, PeeringLinkName},
};

/// A change is seen this soon. A change between two looks that are not further apart is counted to the state of the
/// later one.
const SHORT_US: i64 = 5_000_000;
/// A link of which nobody tells for longer is unknown since then.
const SILENT_US: i64 = 10_000_000;
/// The speaker computes times anew for each answer, and adds the time for which it waited for a CPU.
const SAME_US: i64 = 500_000;

/// The links, and the states that they had last.
pub(super) struct LinkFollower {
    boot_id: Uuid,
    links: BTreeMap<PeeringLinkName, FollowedLink>,
}

struct FollowedLink {
    state: LinkState,
    /// The moment up to which that is known.
    known_us: i64,
    flaps: FlapGuard,
}

impl LinkFollower {
    /// Goes on from the states that the ledger has. The changes come before all others.
    pub(super) fn new(boot_id: Uuid, open: OpenPeeringLinks) -> (Self, Vec<PeeringLinkChange>) {
        let mut changes = Vec::new();
        let mut links = BTreeMap::new();
        for link in open.links {
            let mut followed = FollowedLink {
                state: link.state,
                known_us: 0,
                flaps: FlapGuard::new(Some(link.state)),
            };
            match open.known {
                Some(known) if known.boot_id == boot_id => followed.known_us = known.boot_us,
                // No speaker outlives a boot.
                Some(known) if matches!(link.state, LinkState::Up | LinkState::Down) => {
                    followed.state = LinkState::Unknown;
                    followed.flaps = FlapGuard::new(Some(LinkState::Unknown));
                    changes.push(PeeringLinkChange {
                        name: link.name.clone(),
                        at: known,
                        state: LinkState::Unknown,
                        reason: LinkReason::Unseen,
                    });
                }
                Some(_) | None => {}
            }
            links.insert(link.name, followed);
        }
        (Self { boot_id, links }, changes)
    }

    /// Whether there is no link.
    pub(super) fn is_empty(&self) -> bool {
        self.links.is_empty()
    }

    /// Takes a look at all links, and gives what has changed.
    pub(super) fn look(
        &mut self,
        now_us: i64,
        mut seen: BTreeMap<PeeringLinkName, SeenPeeringLink>,
    ) -> Vec<PeeringLinkChange> {
        let boot_id = self.boot_id;
        let mut changes = Vec::new();
        let mut tell = |name: &PeeringLinkName, rows: Vec<StateBegin>| {
            changes.extend(rows.into_iter().map(|(boot_us, state, reason)| PeeringLinkChange {
                name: name.clone(),
                at: BootTime { boot_id, boot_us },
                state,
                reason,
            }));
        };
        self.links.retain(|name, link| {
            let found = seen.remove(name);
            let mut rows = link.flaps.end_minute(now_us);
            let begins = match found {
                Some(SeenPeeringLink { state: Some(state), .. }) => link.follow(state),
                Some(SeenPeeringLink { state: None, .. }) => link.miss(now_us),
                None => link.remove(now_us),
            };
            for begin in begins {
                rows.extend(link.flaps.add(begin));
            }
            tell(name, rows);
            found.is_some()
        });
        for (name, SeenPeeringLink { state, .. }) in seen {
            let (state, reason) = state
                .map_or((LinkState::Unknown, LinkReason::Unseen), |seen| (seen.state, seen.reason));
            let mut flaps = FlapGuard::new(None);
            tell(&name, flaps.add((now_us, state, reason)));
            self.links.insert(name, FollowedLink { state, known_us: now_us, flaps });
        }
        changes
    }

    /// The moment up to which the states are known, with all changes that were given.
    pub(super) fn known_us(&self, now_us: i64) -> i64 {
        let links = self.links.values().filter(|link| link.state != LinkState::Unknown);
        let known = links.map(|link| {
            link.flaps.held_from_us().map_or(link.known_us, |held_us| held_us.min(link.known_us))
        });
        known.min().unwrap_or(now_us).min(now_us)
    }
}

impl FollowedLink {
    /// Takes a look at it, and gives the states that have begun since the last.
    fn follow(&mut self, seen: SeenState) -> Vec<StateBegin> {
        let begins = self.begun(&seen);
        self.state = seen.state;
        self.known_us = self.known_us.max(seen.at_us);
        begins
    }

    fn begun(&self, seen: &SeenState) -> Vec<StateBegin> {
        use LinkState::{Down, Planned, Unknown, Up};
        let (known_us, at_us) = (self.known_us, seen.at_us.max(self.known_us));
        let is_short = at_us - known_us <= SHORT_US;
        let unknown = (known_us, Unknown, LinkReason::Unseen);
        let from = |begin_us: i64| (begin_us, seen.state, seen.reason);
        let begin_us = seen.begin_us.map(|begin_us| begin_us.clamp(known_us, at_us));
        let is_unbroken = seen.begin_us.is_some_and(|begin_us| begin_us <= known_us + SAME_US);
        match (self.state, seen.state) {
            (Planned, Planned) => Vec::new(),
            // Nobody takes a link out of use while no daemon runs.
            (Up | Down, Planned) if !is_short => vec![unknown, from(at_us)],
            (Planned, Up) => vec![from(begin_us.unwrap_or(at_us))],
            (_, Planned) | (Planned, _) => vec![from(at_us)],
            (Up, Up) if is_unbroken => Vec::new(),
            (Up, Up) => match begin_us {
                None if is_short => Vec::new(),
                // It was down for a moment.
                Some(begin_us) if is_short => {
                    vec![(known_us, Down, LinkReason::Session), from(begin_us)]
                }
                _ => vec![unknown, from(begin_us.unwrap_or(at_us))],
            },
            // It may have been up in between, and is not counted as such.
            (Down, Down) if is_short || begin_us.is_some() => Vec::new(),
            (Up, Down) => match begin_us {
                Some(begin_us) if !seen.may_hide || begin_us - known_us <= SHORT_US => {
                    vec![from(begin_us)]
                }
                None if is_short => vec![from(at_us)],
                _ => vec![unknown, from(begin_us.unwrap_or(at_us))],
            },
            // The session was up already: another part was missing until now.
            (Down, Up) if seen.begin_us.is_some_and(|begin_us| begin_us < known_us - SAME_US) => {
                vec![from(at_us)]
            }
            (Down, Up) if is_short || begin_us.is_some() => vec![from(begin_us.unwrap_or(at_us))],
            (Down, _) => vec![unknown, from(at_us)],
            _ => vec![from(begin_us.unwrap_or(at_us))],
        }
    }

    /// Nobody tells of it.
    fn miss(&mut self, now_us: i64) -> Vec<StateBegin> {
        let is_known = matches!(self.state, LinkState::Up | LinkState::Down);
        if !is_known || now_us - self.known_us <= SILENT_US {
            return Vec::new();
        }
        self.state = LinkState::Unknown;
        vec![(self.known_us, LinkState::Unknown, LinkReason::Unseen)]
    }

    /// The configuration has it no more.
    fn remove(&self, now_us: i64) -> Vec<StateBegin> {
        let mut begins = Vec::new();
        let is_known = matches!(self.state, LinkState::Up | LinkState::Down);
        if is_known && now_us - self.known_us > SHORT_US {
            begins.push((self.known_us, LinkState::Unknown, LinkReason::Unseen));
        }
        begins.push((now_us, LinkState::Absent, LinkReason::Removed));
        begins
    }
}

#[cfg(test)]
mod tests;
