//! A domain's routes, as commands show them.

use edge_common::{abi::fib::RouteValue, host::fib::Route};
use ipnet::IpNet;

use super::{
    domain_tables::DomainTables,
    spans::{prefix_v4, prefix_v6},
    ways::RouteWay,
};
use crate::routing::bird::model::DomainSide;

/// A route of a domain's forwarding tables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedRoute {
    /// The side that it leads to.
    pub side: DomainSide,
    /// The prefix.
    pub prefix: IpNet,
    /// The fate of frames.
    pub fate: RouteFate,
}

/// The fate of frames that take a route.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteFate {
    /// They go there.
    Way(RouteWay),
    /// They have no route, though a shorter prefix may have one.
    NoRoute,
    /// They are for the edge itself.
    Own,
}

/// The routes of a domain, by side, family and prefix.
pub(super) fn list(tables: &DomainTables) -> Vec<ForwardedRoute> {
    let mut listed = Vec::new();
    for side in [DomainSide::Customer, DomainSide::Cloud] {
        let of_side = tables.side(side);
        let mut push = |prefix: IpNet, value: RouteValue| {
            let fate = match tables.ways.way(value) {
                Some(way) => RouteFate::Way(way.clone()),
                None if value == RouteValue::LOCAL => RouteFate::Own,
                None => RouteFate::NoRoute,
            };
            listed.push(ForwardedRoute { side, prefix, fate });
        };
        of_side.v4.iter().for_each(|route: &Route<u32>| push(prefix_v4(route).into(), route.value));
        of_side
            .v6
            .iter()
            .for_each(|route: &Route<u128>| push(prefix_v6(route).into(), route.value));
    }
    listed
}
