//! Limits of routes that a change lowers: only where what peers tell still fits.

use edge_api::{RouteFamily, SessionStatus};

use super::{super::router_view::RouterSlot, error::ChangeError};
use crate::config::Config;

/// Sessions that a message names at most.
const NAMED: usize = 10;

/// The reason to refuse a change whose lower limits would end sessions that are within theirs now.
pub(super) fn refusal(router: &RouterSlot, config: &Config) -> Option<ChangeError> {
    // Without an answer nobody knows of routes, and the change may be what brings the speaker back.
    let sessions = router.get()?.sessions().ok()?;
    beyond(&sessions, config).map(ChangeError::RoutesBeyond)
}

/// The sessions that have more routes than `config` allows and no more than they may have now; `None`: there are none.
fn beyond(sessions: &[SessionStatus], config: &Config) -> Option<String> {
    let mut beyond: Vec<String> = sessions
        .iter()
        .filter_map(|session| {
            let (family, most) = most_routes(config, session)?;
            let ends = most < session.routes && session.routes <= session.limit;
            let SessionStatus { circuit, peering, link, routes, .. } = session;
            let link = link.as_deref()?;
            ends.then(|| {
                format!("circuit {circuit:?} {peering} {link} has {routes} {family} routes, and could have {most}")
            })
        })
        .collect();
    let more = beyond.len().saturating_sub(NAMED);
    if more > 0 {
        beyond.truncate(NAMED);
        beyond.push(format!("so have {more} others"));
    }
    (!beyond.is_empty()).then(|| beyond.join("; "))
}

/// The family of a customer's session, and the routes that it may tell by `config`; `None`: it would not be there.
fn most_routes(config: &Config, session: &SessionStatus) -> Option<(&'static str, u32)> {
    let circuit = config.circuits.iter().find(|circuit| circuit.name == session.circuit)?;
    let is_it = |kind: &str| kind == session.peering;
    let peering = circuit.peerings.iter().find(|peering| is_it(peering.kind.as_str()))?;
    let terms = peering.routed.as_ref()?.session.as_ref()?;
    Some(match session.family {
        RouteFamily::Ipv4 => ("IPv4", terms.max_routes),
        RouteFamily::Ipv6 => ("IPv6", terms.max_routes_v6),
    })
}
