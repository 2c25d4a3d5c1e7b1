//! Peering-links, with what their availability is told by.

use std::time::{Duration, Instant};

use super::links::ShownLink;
use crate::{
    daemon::router_view::{FamilyLook, LinkLook, SessionLook},
    routing::{
        bird::state::{
            bfd::BfdState, bgp::BgpState, last_error::SessionError, speaker::SpeakerState,
        },
        engine::state::{RouterState, SessionView, SpeakerView},
    },
    time,
};

/// An answer of the speaker that is older tells nothing of now.
const FRESH: Duration = Duration::from_secs(5);

/// The peering-links among the links.
pub(super) fn peering_links(
    links: &[ShownLink],
    state: &RouterState,
    speaker: Option<&SpeakerView>,
) -> Vec<LinkLook> {
    let speaker = speaker.filter(|view| view.at.elapsed() < FRESH);
    let answered = speaker.and_then(|view| Some((view, view.speaker.as_ref().ok()?)));
    let all = links.iter().filter_map(|link| {
        let interface = state.interfaces.get(&link.index);
        let families = link.ends.iter().map(|ends| {
            let family = ends.family();
            let seen = || {
                let (view, speaker) = answered?;
                let session = view.sessions.get(&link.session_name(family))?;
                Some(session_look(session, speaker, view.at))
            };
            FamilyLook {
                has_neighbour: interface
                    .is_some_and(|it| super::neighbour_mac(it, family).is_some()),
                session: match link.session {
                    None => SessionLook::NotWanted,
                    Some(_) => seen().unwrap_or(SessionLook::Unknown),
                },
            }
        });
        Some(LinkLook {
            circuit: link.circuit.clone(),
            peering: link.peering,
            link: link.link?,
            is_up: interface.is_some_and(|it| it.is_up),
            families: families.collect(),
        })
    });
    all.collect()
}

fn session_look(session: &SessionView, speaker: &SpeakerState, asked: Instant) -> SessionLook {
    let at = time::since_boot().saturating_sub(asked.elapsed());
    // The speaker's own clock tells how long ago, whatever the wall clock does.
    let since = |since_ms: i64| {
        let ago_ms = speaker.now_ms.saturating_sub(since_ms).max(0).unsigned_abs();
        at.saturating_sub(Duration::from_millis(ago_ms))
    };
    let bgp = &session.bgp;
    SessionLook::Seen {
        at,
        is_up: bgp.state == BgpState::Established,
        since: since(bgp.since_ms),
        // After a NOTIFICATION, each try that fails with another one begins the state anew.
        may_hide: !matches!(
            bgp.last_error,
            Some(
                SessionError::BfdDown
                    | SessionError::NeighborLost
                    | SessionError::LinkDown
                    | SessionError::Socket(_)
            )
        ),
        bfd: session.bfd.as_ref().map(|bfd| (bfd.state == BfdState::Up, since(bfd.since_ms))),
    }
}
