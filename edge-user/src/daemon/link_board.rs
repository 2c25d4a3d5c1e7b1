//! The links as status and metrics show them.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use edge_api::{DomainStatus, LinkStatus};

use super::seen_link::SeenPeeringLink;
use crate::model::{Link, LinkReason, LinkState, PeeringLinkName};

/// Looks that percentages are of: those of a minute.
const LOOKS: usize = 60;

/// The links at the last looks, for all who ask.
#[derive(Clone, Default)]
pub(super) struct LinkBoard(Arc<Mutex<BTreeMap<PeeringLinkName, BoardLink>>>);

#[derive(Default)]
struct BoardLink {
    last: Option<(LinkState, LinkReason)>,
    neighbour: VecDeque<bool>,
    session: VecDeque<bool>,
}

impl LinkBoard {
    /// Takes a look at all links.
    pub(super) fn note(&self, seen: &BTreeMap<PeeringLinkName, SeenPeeringLink>) {
        let mut board = self.lock();
        board.retain(|name, _| seen.contains_key(name));
        for (name, seen) in seen {
            if !board.contains_key(name) {
                board.insert(name.clone(), BoardLink::default());
            }
            let Some(link) = board.get_mut(name) else { continue };
            link.last = seen.state.map(|seen| (seen.state, seen.reason));
            push(&mut link.neighbour, seen.has_neighbour);
            match seen.has_session {
                Some(is_up) => push(&mut link.session, is_up),
                // The time before is not that of now.
                None => drop(link.session.pop_front()),
            }
        }
    }

    /// Adds the links of routing domains to their status.
    pub(super) fn add_to(&self, domains: &mut [DomainStatus]) {
        let board = self.lock();
        let mut links: BTreeMap<(&str, &str), Vec<LinkStatus>> = BTreeMap::new();
        for (name, link) in &*board {
            let (state, reason) = link.last.unwrap_or((LinkState::Unknown, LinkReason::Unseen));
            links.entry((&name.circuit, name.peering.as_str())).or_default().push(LinkStatus {
                link: Link::as_str(name.link).to_owned(),
                state: state.as_str().to_owned(),
                reason: reason.as_str().to_owned(),
                arp_availability_percent: percent(&link.neighbour),
                bgp_availability_percent: percent(&link.session),
            });
        }
        for domain in domains {
            let found = links.remove(&(&*domain.circuit, &*domain.peering));
            domain.links = found.unwrap_or_default();
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<PeeringLinkName, BoardLink>> {
        // Each value is whole at any moment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn push(looks: &mut VecDeque<bool>, is_up: bool) {
    if looks.len() == LOOKS {
        looks.pop_front();
    }
    looks.push_back(is_up);
}

fn percent(looks: &VecDeque<bool>) -> Option<f64> {
    let up = u32::try_from(looks.iter().filter(|is_up| **is_up).count()).ok()?;
    let all = u32::try_from(looks.len()).ok().filter(|all| *all > 0)?;
    Some(f64::from(up) * 100.0 / f64::from(all))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{daemon::router_view::sample, model::PeeringKind};

    #[test]
    fn percentages_are_those_of_the_last_minute() {
        let name = PeeringLinkName {
            edge: "edge-1".to_owned(),
            circuit: "contoso".to_owned(),
            peering: PeeringKind::Private,
            link: Link::Primary,
        };
        let board = LinkBoard::default();
        let note = |has_neighbour, has_session| {
            let seen = SeenPeeringLink { state: None, has_neighbour, has_session };
            board.note(&BTreeMap::from([(name.clone(), seen)]));
        };
        let shown = || {
            let mut domains = [sample::domain()];
            board.add_to(&mut domains);
            let [domain] = domains;
            let link = domain.links.first().cloned();
            link.map(|link| (link.arp_availability_percent, link.bgp_availability_percent))
        };
        assert_eq!(shown(), None);
        note(true, None);
        assert_eq!(shown(), Some((Some(100.0), None)));
        (0..30).for_each(|_| note(false, Some(true)));
        (0..LOOKS).for_each(|look| note(look % 4 == 0, Some(false)));
        assert_eq!(shown(), Some((Some(25.0), Some(0.0))));
        (0..LOOKS).for_each(|_| note(true, None));
        assert_eq!(shown(), Some((Some(100.0), None)));
        board.note(&BTreeMap::new());
        assert_eq!(shown(), None);
    }
}
