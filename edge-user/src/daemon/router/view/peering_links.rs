//! Peering-links, with what their availability is told by.

use std::time::{Duration, Instant};

use super::links::ShownLink;
use crate::{
    daemon::router_view::{BfdLook, FamilyLook, LinkLook, SessionLook},
    routing::{
        bird::state::{
            bfd::{BfdSessionState, BfdState},
            bgp::BgpState,
            last_error::SessionError,
            speaker::SpeakerState,
        },
        engine::state::{RouterState, SessionView, SpeakerView},
    },
    time,
};

/// An answer of the speaker that is older tells nothing of now.
const FRESH: Duration = Duration::from_secs(5);

/// After a configuration, BIRD makes BFD sessions within this.
const BFD_MADE_WITHIN_MS: i64 = 1_000;

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
        bfd: session.bfd.as_ref().map_or(BfdLook::NotLost, |bfd| {
            let is_lost = is_bfd_lost(bfd, bgp.since_ms, speaker.configured_ms);
            if is_lost { BfdLook::Lost(since(bfd.since_ms)) } else { BfdLook::NotLost }
        }),
    }
}

/// Whether BFD was lost within the BGP session that is established since `established_ms`, by BIRD's times alone.
///
/// BIRD asks for BFD before it connects (`bgp_initiate` in `proto/bgp/bgp.c`) and keeps a session whose peer has no BFD: its
/// BFD session is then down since before. One that the configuration added to a session that was established is down since
/// then. Where BFD was up and fails, BIRD ends the BGP session (`bgp_bfd_notify`), and the next one may come without BFD.
fn is_bfd_lost(bfd: &BfdSessionState, established_ms: i64, configured_ms: i64) -> bool {
    // In `Init`, a peer is heard that was not, and `AdminDown` is the edge's own end (RFC 5880, 6.2).
    bfd.state == BfdState::Down
        && bfd.since_ms > established_ms
        && bfd.since_ms > configured_ms.saturating_add(BFD_MADE_WITHIN_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bfd_that_was_never_up_in_a_session_is_not_lost() {
        for (state, since_ms, configured_ms, is_lost) in [
            (BfdState::Up, 5_000, 1_000, false),
            (BfdState::Up, 30_000, 1_000, false),
            // The peer has no BFD: the speaker waits for it since before the session.
            (BfdState::Down, 5_000, 1_000, false),
            (BfdState::Down, 10_000, 1_000, false),
            (BfdState::Down, 10_001, 1_000, true),
            (BfdState::Down, 30_000, 1_000, true),
            // The configuration has added it meanwhile, and has come again since.
            (BfdState::Down, 30_000, 29_990, false),
            (BfdState::Down, 30_000, 60_000, false),
            (BfdState::Down, 31_000, 29_990, true),
            (BfdState::Init, 30_000, 1_000, false),
            (BfdState::AdminDown, 30_000, 1_000, false),
        ] {
            let bfd = BfdSessionState {
                peer: "192.168.15.17".parse().unwrap(),
                device: "r1".to_owned(),
                state,
                since_ms,
                interval_us: 1_000_000,
                timeout_us: 0,
            };
            let found = is_bfd_lost(&bfd, 10_000, configured_ms);
            assert_eq!(found, is_lost, "{state:?} {since_ms} {configured_ms}");
        }
    }
}
