//! The status of sessions.

use std::collections::BTreeMap;

use edge_api::{BfdStatus, LivenessState, SessionState, SessionStatus};
use jiff::Timestamp;

use super::links::{SeenEnds, ShownLink};
use crate::routing::{
    bird::{
        names::SessionName,
        state::{
            bfd::{BfdSessionState, BfdState},
            bgp::{BgpSessionState, BgpState},
            last_error::SessionError,
        },
    },
    engine::state::{InterfaceState, RouterState, SessionView},
};

/// Every session of the links.
pub(super) fn sessions(
    links: &[ShownLink],
    state: &RouterState,
    seen: &BTreeMap<SessionName, SessionView>,
) -> Vec<SessionStatus> {
    let with_session = links.iter().filter(|link| link.session.is_some());
    let all = with_session.flat_map(|link| {
        let interface = state.interfaces.get(&link.index);
        link.ends.iter().filter_map(move |ends| {
            let seen = seen.get(&link.session_name(ends.family()));
            session(link, *ends, interface, seen)
        })
    });
    all.collect()
}

fn session(
    link: &ShownLink,
    ends: SeenEnds,
    interface: Option<&InterfaceState>,
    seen: Option<&SessionView>,
) -> Option<SessionStatus> {
    let terms = link.session?;
    let family = ends.family();
    let bgp = seen.map(|seen| &seen.bgp);
    Some(SessionStatus {
        circuit: link.circuit.clone(),
        peering: link.peering.as_str().to_owned(),
        link: link.link_name(),
        state: bgp.map_or(SessionState::Unknown, |bgp| state_of(bgp.state)),
        since: bgp.and_then(|bgp| moment(bgp.since_ms)),
        routes: bgp.map_or(0, BgpSessionState::received),
        limit: terms.limit(family),
        bfd: seen.and_then(|seen| seen.bfd.as_ref()).map(bfd),
        last_error: bgp.and_then(|bgp| bgp.last_error.as_ref()).map(SessionError::to_string),
        vnet: link.vnet.clone(),
        family,
        own: ends.own,
        peer: ends.peer,
        peer_asn: terms.peer_asn,
        own_mac: interface.map(|it| it.mac.to_string()).unwrap_or_default(),
        neighbour_mac: interface.and_then(|it| super::neighbour_mac(it, family)),
        routes_refused: bgp.map_or(0, |bgp| bgp.filtered),
        routes_told: bgp.map_or(0, |bgp| bgp.exported),
        over_limit: bgp.is_some_and(|bgp| bgp.is_over_limit),
    })
}

fn state_of(state: BgpState) -> SessionState {
    match state {
        BgpState::Down => SessionState::Down,
        BgpState::Idle => SessionState::Idle,
        BgpState::Passive => SessionState::Passive,
        BgpState::Connect => SessionState::Connect,
        BgpState::Active => SessionState::Active,
        BgpState::OpenSent => SessionState::OpenSent,
        BgpState::OpenConfirm => SessionState::OpenConfirm,
        BgpState::Established => SessionState::Established,
        BgpState::Close => SessionState::Closing,
    }
}

fn bfd(seen: &BfdSessionState) -> BfdStatus {
    BfdStatus {
        state: match seen.state {
            BfdState::AdminDown => LivenessState::AdminDown,
            BfdState::Down => LivenessState::Down,
            BfdState::Init => LivenessState::Init,
            BfdState::Up => LivenessState::Up,
        },
        since: moment(seen.since_ms),
        interval_ms: seen.interval_us / 1_000,
        timeout_ms: seen.timeout_us / 1_000,
    }
}

/// A moment of the speaker's, in milliseconds since 1970.
pub(super) fn moment(ms: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(ms).ok()
}
