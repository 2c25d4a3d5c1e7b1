//! Routes to customers of public services, in the table of the service network.

use std::{collections::BTreeSet, net::IpAddr};

use edge_common::{abi::fib::RouteValue, host::fib::Route};
use ipnet::IpNet;

use super::{
    domain_tables::{DomainTables, merge},
    plan::{RouterDomain, ServiceCustomer},
    spans::{span_v4, span_v6},
};

impl DomainTables {
    /// Adds a customer's routes to its registered prefixes, by the next hops that they have in its own domain: with these, a
    /// frame is the customer's. The ends of its links stay its own.
    pub(super) fn share(
        &mut self,
        customer: &ServiceCustomer,
        domain: &RouterDomain,
        tables: &DomainTables,
    ) {
        let ends = domain.interfaces.iter().flat_map(|it| {
            let v4 = it.v4.map(|ends| [IpAddr::from(ends.own), ends.peer.into()]);
            let v6 = it.v6.map(|ends| [IpAddr::from(ends.own), ends.peer.into()]);
            v4.into_iter().chain(v6).flatten()
        });
        let ends: BTreeSet<IpAddr> = ends.collect();
        let (mut within_v4, mut within_v6) = (Vec::new(), Vec::new());
        for prefix in &customer.registered {
            match prefix {
                IpNet::V4(prefix) => within_v4.push(span_v4(*prefix, RouteValue::NONE)),
                IpNet::V6(prefix) => within_v6.push(span_v6(*prefix, RouteValue::NONE)),
            }
        }
        let v4 = of_customer(&tables.customer.v4, &within_v4, |first| {
            ends.contains(&IpAddr::V4(first.into()))
        });
        let v6 = of_customer(&tables.customer.v6, &within_v6, |first| {
            ends.contains(&IpAddr::V6(first.into()))
        });
        let count = |routes: usize| u32::try_from(routes).unwrap_or(u32::MAX);
        self.customer.counts.v4 += count(v4.len());
        self.customer.counts.v6 += count(v6.len());
        for route in v4 {
            let value = self.value_of(tables, route.value);
            self.customer.v4.push(Route { value, ..*route });
        }
        for route in v6 {
            let value = self.value_of(tables, route.value);
            self.customer.v6.push(Route { value, ..*route });
        }
    }

    /// Puts the routes of all customers in order.
    pub(super) fn end_sharing(&mut self) {
        merge(&mut self.customer.v4);
        merge(&mut self.customer.v6);
    }

    /// The value here of a way in other tables.
    fn value_of(&mut self, tables: &Self, value: RouteValue) -> RouteValue {
        let way = tables.ways.way(value).cloned();
        way.and_then(|way| self.ways.value(way)).unwrap_or(RouteValue::NONE)
    }
}

/// The routes within a customer's prefixes, but for those to the one address of a link's end.
fn of_customer<'r, A: Ord + Copy>(
    routes: &'r [Route<A>],
    within: &[Route<A>],
    is_end: impl Fn(A) -> bool,
) -> Vec<&'r Route<A>> {
    let is_within =
        |route: &Route<A>| within.iter().any(|it| it.first <= route.first && route.last <= it.last);
    let is_of_link = |route: &Route<A>| route.first == route.last && is_end(route.first);
    routes.iter().filter(|route| is_within(route) && !is_of_link(route)).collect()
}
