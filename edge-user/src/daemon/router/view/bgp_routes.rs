//! Routes as BGP has them: those that peers told, and those that they are told.

use edge_api::{BgpRoute, ReceivedRoute, RouteStanding};

use super::{links::ShownLink, refused, sessions::moment};
use crate::{
    daemon::{router::tables::KernelRouterTables, router_view::LookRefused},
    routing::{bird::state::routes::BirdRoute, engine::RouterEngine},
};

/// Routes that the peers of these links told.
pub(super) fn received(
    engine: &RouterEngine<KernelRouterTables>,
    links: &[&ShownLink],
) -> Result<Vec<ReceivedRoute>, LookRefused> {
    let mut routes = Vec::new();
    for (link, ends) in with_sessions(links) {
        let told = engine.received(link.session_name(ends)).map_err(refused)?;
        let refused = told.refused.iter().map(|route| (route, RouteStanding::Refused));
        let accepted = told.accepted.iter().map(|route| {
            let standing = if route.is_best { RouteStanding::Used } else { RouteStanding::Spare };
            (route, standing)
        });
        let of_link = accepted
            .chain(refused)
            .map(|(route, standing)| ReceivedRoute { route: bgp_route(link, route), standing });
        let first = routes.len();
        routes.extend(of_link);
        routes[first..].sort_by_key(|route| prefix_order(&route.route));
    }
    Ok(routes)
}

/// Routes that the peers of these links are told.
pub(super) fn advertised(
    engine: &RouterEngine<KernelRouterTables>,
    links: &[&ShownLink],
) -> Result<Vec<BgpRoute>, LookRefused> {
    let mut routes = Vec::new();
    for (link, ends) in with_sessions(links) {
        let told = engine.advertised(link.session_name(ends)).map_err(refused)?;
        let first = routes.len();
        routes.extend(told.iter().map(|route| bgp_route(link, route)));
        routes[first..].sort_by_key(prefix_order);
    }
    Ok(routes)
}

fn with_sessions<'a>(
    links: &'a [&ShownLink],
) -> impl Iterator<Item = (&'a ShownLink, edge_api::RouteFamily)> {
    let with = links.iter().filter(|link| link.session.is_some());
    with.flat_map(|link| link.ends.iter().map(move |ends| (*link, ends.family())))
}

fn bgp_route(link: &ShownLink, route: &BirdRoute) -> BgpRoute {
    let communities = route.communities.iter();
    BgpRoute {
        prefix: route.prefix.to_string(),
        link: link.link_name(),
        vnet: link.vnet.clone(),
        next_hop: route.hops.first().and_then(|hop| hop.gateway),
        as_path: route.as_path.clone(),
        local_preference: route.local_preference,
        med: route.med,
        communities: communities.map(|it| format!("{}:{}", it.0, it.1)).collect(),
        since: moment(route.since_ms),
    }
}

/// Prefixes by address and length, not by their text.
fn prefix_order(route: &BgpRoute) -> Option<ipnet::IpNet> {
    route.prefix.parse().ok()
}
