//! The state of each link at one look.

use std::{collections::BTreeMap, time::Duration};

use edge_api::LinkUse;

use super::super::{
    engine::running::Running,
    router_view::{BfdLook, FamilyLook, LinkLook, SessionLook},
    seen_link::{SeenPeeringLink, SeenState},
};
use crate::model::{LinkReason, LinkState, PeeringLinkName};

/// A link of a routed peering, as the configuration wants it.
pub(super) struct WantedLink {
    name: PeeringLinkName,
    /// The reason why it is out of use.
    planned: Option<LinkReason>,
    has_bfd: bool,
}

impl WantedLink {
    /// The peering-links of the configuration that runs.
    pub(super) fn all(running: &Running) -> Vec<Self> {
        let edge = &running.config.edge.name;
        let links = running.config.peering_links().map(|it| {
            let (circuit, link) = (&it.circuit.name, it.link.link);
            let is_in_use = running.drains.use_of(circuit, link.as_str()) == LinkUse::InUse;
            Self {
                name: PeeringLinkName {
                    edge: edge.clone(),
                    circuit: circuit.clone(),
                    peering: it.peering.kind,
                    link,
                },
                planned: match (it.circuit.enabled, is_in_use) {
                    (false, _) => Some(LinkReason::Disabled),
                    (true, false) => Some(LinkReason::Drained),
                    (true, true) => None,
                },
                has_bfd: it.routed.session.as_ref().is_some_and(|session| session.bfd.is_some()),
            }
        });
        links.collect()
    }
}

/// The wanted links as they are.
pub(super) fn seen(
    wanted: Vec<WantedLink>,
    looks: &[LinkLook],
    now_us: i64,
) -> impl Iterator<Item = (PeeringLinkName, SeenPeeringLink)> {
    let looks: BTreeMap<_, _> =
        looks.iter().map(|look| ((&*look.circuit, look.peering, look.link), look)).collect();
    wanted.into_iter().map(move |WantedLink { name, planned, has_bfd }| {
        let look = looks.get(&(&*name.circuit, name.peering, name.link));
        let families = || look.iter().flat_map(|look| &look.families);
        let state = match (planned, look) {
            (Some(reason), _) => Some(SeenState {
                state: LinkState::Planned,
                reason,
                at_us: now_us,
                begin_us: None,
                may_hide: false,
            }),
            (None, Some(look)) => link_state(look, has_bfd, now_us),
            (None, None) => None,
        };
        let sessions = families().filter_map(|family| match family.session {
            SessionLook::Seen { is_up, .. } => Some(is_up),
            SessionLook::NotWanted | SessionLook::Unknown => None,
        });
        let seen = SeenPeeringLink {
            state,
            has_neighbour: look.is_some_and(|look| look.is_up)
                && families().any(|family| family.has_neighbour),
            has_session: sessions.reduce(|one, other| one || other),
        };
        (name, seen)
    })
}

/// The state of a link in use: the best of its address families, as a customer may have set up one alone.
fn link_state(look: &LinkLook, has_bfd: bool, now_us: i64) -> Option<SeenState> {
    if !look.is_up {
        return Some(down(LinkReason::Carrier, now_us, None));
    }
    let families = look.families.iter();
    let states = families.map(|family| family_state(family, has_bfd, now_us));
    let states: Option<Vec<SeenState>> = states.collect();
    let states = states?;
    let up = states.iter().filter(|state| state.state == LinkState::Up);
    // It is up since the first, and down since the last.
    up.min_by_key(|state| state.begin_us)
        .or_else(|| states.iter().max_by_key(|state| (state.reason, state.begin_us)))
        .copied()
}

fn family_state(family: &FamilyLook, has_bfd: bool, now_us: i64) -> Option<SeenState> {
    let us = |time: Duration| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    let state = match family.session {
        SessionLook::Unknown => return None,
        SessionLook::NotWanted => up(now_us, None),
        SessionLook::Seen { at, is_up: false, since, may_hide, .. } => {
            let down = down(LinkReason::Session, us(at), Some(us(since)));
            return Some(SeenState { may_hide, ..down });
        }
        SessionLook::Seen { at, bfd: BfdLook::Lost(since), .. } if has_bfd => {
            return Some(down(LinkReason::Bfd, us(at), Some(us(since))));
        }
        SessionLook::Seen { at, since, .. } => up(us(at), Some(us(since))),
    };
    if !family.has_neighbour {
        return Some(down(LinkReason::Neighbour, state.at_us, None));
    }
    Some(state)
}

const fn up(at_us: i64, begin_us: Option<i64>) -> SeenState {
    SeenState { state: LinkState::Up, reason: LinkReason::Up, at_us, begin_us, may_hide: false }
}

const fn down(reason: LinkReason, at_us: i64, begin_us: Option<i64>) -> SeenState {
    SeenState { state: LinkState::Down, reason, at_us, begin_us, may_hide: false }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Link, PeeringKind};

    /// A session, with the time at which BFD was lost in it.
    fn session(is_up: bool, since_s: u64, lost_s: Option<u64>) -> SessionLook {
        SessionLook::Seen {
            at: Duration::from_secs(100),
            is_up,
            since: Duration::from_secs(since_s),
            may_hide: true,
            bfd: lost_s
                .map_or(BfdLook::NotLost, |lost_s| BfdLook::Lost(Duration::from_secs(lost_s))),
        }
    }

    fn look(is_up: bool, families: &[(bool, SessionLook)]) -> LinkLook {
        let families = families
            .iter()
            .map(|(has_neighbour, session)| FamilyLook {
                has_neighbour: *has_neighbour,
                session: *session,
            })
            .collect();
        let (peering, link) = (PeeringKind::Private, Link::Primary);
        LinkLook { circuit: "contoso".to_owned(), peering, link, is_up, families }
    }

    #[test]
    fn a_link_is_up_with_carrier_session_bfd_and_neighbour() {
        use LinkReason::{Bfd, Carrier, Neighbour, Session, Up};
        let up = session(true, 40, None);
        let down = session(false, 60, None);
        for (has_carrier, families, expected) in [
            (true, vec![(true, up)], Some((Up, Some(40)))),
            (false, vec![(true, up)], Some((Carrier, None))),
            (true, vec![(false, up)], Some((Neighbour, None))),
            (true, vec![(true, down)], Some((Session, Some(60)))),
            (true, vec![(true, session(true, 40, Some(45)))], Some((Bfd, Some(45)))),
            (true, vec![(true, SessionLook::Unknown)], None),
            (true, vec![(true, SessionLook::NotWanted)], Some((Up, None))),
            (true, vec![(false, SessionLook::NotWanted)], Some((Neighbour, None))),
            // One family is enough.
            (true, vec![(true, up), (false, down)], Some((Up, Some(40)))),
            (
                true,
                vec![(true, session(false, 70, None)), (false, down)],
                Some((Session, Some(70))),
            ),
            (true, vec![(true, up), (true, SessionLook::Unknown)], None),
        ] {
            let found = link_state(&look(has_carrier, &families), true, 100_000_000);
            let told = found.map(|it| (it.reason, it.begin_us.map(|us| us / 1_000_000)));
            assert_eq!(told, expected, "{families:?}");
        }
        let without_bfd = look(true, &[(true, session(true, 40, Some(45)))]);
        assert_eq!(link_state(&without_bfd, false, 1).unwrap().state, LinkState::Up);
    }
}
