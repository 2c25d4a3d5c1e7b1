//! The trees of a domain: which roots turn to which routes.

use std::borrow::Cow;

use edge_common::host::fib::Route;
use ipnet::IpNet;

use super::{
    domain_tables::DomainTables,
    places::{InterfaceRoots, next_hop_v4, next_hop_v6},
    plan::{EngineInterface, RouterDomain, SourceRule},
    spans::{span_v4, span_v6},
    ways::{RouteWay, WayNumbers},
};
use crate::routing::bird::model::DomainSide;

/// A tree, and the roots that turn to it.
pub(super) struct DomainTree<'t> {
    pub(super) roots: Vec<u32>,
    pub(super) routes: TreeRoutes<'t>,
}

/// The routes of a tree, with numbers of ways as their values.
pub(super) enum TreeRoutes<'t> {
    V4(Cow<'t, [Route<u32>]>),
    V6(Cow<'t, [Route<u128>]>),
}

/// The trees of a domain, and its roots that have none. A disabled interface, and a family that an interface does not
/// have, have no tree.
pub(super) fn trees<'t>(
    domain: &RouterDomain,
    tables: &'t DomainTables,
) -> (Vec<DomainTree<'t>>, Vec<u32>) {
    let mut trees: Vec<DomainTree<'t>> = Vec::new();
    let mut cleared = Vec::new();
    let [mut customer, mut cloud] = [SideRoots::default(), SideRoots::default()];
    for interface in &domain.interfaces {
        let roots = InterfaceRoots::of(interface.index);
        let (own, across) = match interface.side {
            DomainSide::Customer => (&mut customer, &mut cloud),
            DomainSide::Cloud => (&mut cloud, &mut customer),
        };
        let sources = Sources::of(domain, interface, tables);
        if interface.is_up && interface.v4.is_some() {
            across.v4.push(roots.destinations_v4);
            match sources.v4 {
                Some(routes) => trees.push(DomainTree {
                    roots: vec![roots.sources_v4],
                    routes: TreeRoutes::V4(routes.into()),
                }),
                None => own.v4.push(roots.sources_v4),
            }
        } else {
            cleared.extend([roots.destinations_v4, roots.sources_v4]);
        }
        if interface.is_up && interface.v6.is_some() {
            across.v6.push(roots.destinations_v6);
            match sources.v6 {
                Some(routes) => trees.push(DomainTree {
                    roots: vec![roots.sources_v6],
                    routes: TreeRoutes::V6(routes.into()),
                }),
                None => own.v6.push(roots.sources_v6),
            }
        } else {
            cleared.extend([roots.destinations_v6, roots.sources_v6]);
        }
    }
    for (roots, side) in [(customer, &tables.customer), (cloud, &tables.cloud)] {
        let (v4, v6) = (TreeRoutes::V4((&*side.v4).into()), TreeRoutes::V6((&*side.v6).into()));
        for (roots, routes) in [(roots.v4, v4), (roots.v6, v6)] {
            if !roots.is_empty() {
                trees.push(DomainTree { roots, routes });
            }
        }
    }
    (trees, cleared)
}

/// Roots that turn to the routes of a side.
#[derive(Default)]
struct SideRoots {
    v4: Vec<u32>,
    v6: Vec<u32>,
}

/// Sources that frames of an interface may have; `None`: those that its side has routes for.
struct Sources {
    v4: Option<Vec<Route<u32>>>,
    v6: Option<Vec<Route<u128>>>,
}

impl Sources {
    fn of(domain: &RouterDomain, interface: &EngineInterface, tables: &DomainTables) -> Self {
        let rule = match interface.side {
            DomainSide::Customer => &domain.sources,
            DomainSide::Cloud => &SourceRule::Link,
        };
        match rule {
            // An interface whose record has no such root lets any source pass. With a tree there nonetheless, a change
            // of the rule takes effect whole.
            SourceRule::Any | SourceRule::Side => Self { v4: None, v6: None },
            SourceRule::Link => {
                let side = tables.side(interface.side);
                let hops = [next_hop_v4(interface.index), next_hop_v6(interface.index)];
                Self {
                    v4: Some(by_link(&side.v4, &tables.ways, hops)),
                    v6: Some(by_link(&side.v6, &tables.ways, hops)),
                }
            }
            SourceRule::Prefixes(prefixes) => {
                let hops = [next_hop_v4(interface.index), next_hop_v6(interface.index)];
                // Its neighbours have routes in any case.
                let [by_v4, by_v6] =
                    hops.map(|hop| tables.ways.find(&RouteWay::NextHops(vec![hop])));
                let (mut v4, mut v6) = (Vec::new(), Vec::new());
                for prefix in prefixes {
                    match prefix {
                        IpNet::V4(prefix) => v4.extend(by_v4.map(|value| span_v4(*prefix, value))),
                        IpNet::V6(prefix) => v6.extend(by_v6.map(|value| span_v6(*prefix, value))),
                    }
                }
                Self { v4: Some(v4), v6: Some(v6) }
            }
        }
    }
}

/// The routes of a side that lead to one interface, by its next hops.
fn by_link<A: Copy>(routes: &[Route<A>], ways: &WayNumbers, hops: [u32; 2]) -> Vec<Route<A>> {
    let leads_there = |route: &&Route<A>| match ways.way(route.value) {
        Some(RouteWay::NextHops(members)) => members.iter().any(|hop| hops.contains(hop)),
        Some(RouteWay::Blackhole) | None => false,
    };
    routes.iter().filter(leads_there).copied().collect()
}
