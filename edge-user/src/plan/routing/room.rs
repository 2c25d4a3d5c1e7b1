//! The sizes of the router's tables.

use std::collections::BTreeMap;

use super::{
    domain::{DomainInterface, DomainPlan, RouteLimits, domains},
    interface::routed_keys,
    places::{MAX_INTERFACES, NEXT_HOPS_PER_INTERFACE, ROOTS_PER_INTERFACE},
    services::{ServicePlan, service_plan},
};
use crate::{
    config::{Config, SourceCheck},
    plan::slots::SlotClaim,
    routing::store::{FibSizes, TableLimits, sizes_for},
};

/// Numbers of entries of the router's tables, of which entry 0 is none each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RouterCapacity {
    /// Interfaces.
    pub interfaces: u32,
    /// Roots of trees.
    pub roots: u32,
    /// Trees.
    pub trees: u32,
    /// Lines of trees.
    pub fib_lines: u32,
    /// Next hops.
    pub next_hops: u32,
    /// Groups of next hops.
    pub next_hop_groups: u32,
    /// Links.
    pub links: u32,
}

impl RouterCapacity {
    /// For a configuration without routed circuits.
    pub const NONE: Self = Self {
        interfaces: 1,
        roots: 1,
        trees: 1,
        fib_lines: 1,
        next_hops: 1,
        next_hop_groups: 1,
        links: 1,
    };

    /// Room for `config` and as much again, but for lines: of these, as much again up to [`MOST_SPARE_LINES`].
    pub(in crate::plan) fn for_config(config: &Config) -> Self {
        if config.routing.is_none() {
            return Self::NONE;
        }
        let links = u32::try_from(routed_keys(config).count()).unwrap_or(u32::MAX);
        let interfaces = twice(links).saturating_add(1).clamp(LEAST_INTERFACES, MAX_INTERFACES);
        let FibSizes { lines, trees, groups, .. } = needed(config);
        Self {
            interfaces,
            roots: ROOTS_PER_INTERFACE * interfaces,
            trees: twice(trees).max(LEAST_TREES),
            fib_lines: lines.saturating_add(lines.min(MOST_SPARE_LINES)).max(LEAST_LINES),
            next_hops: NEXT_HOPS_PER_INTERFACE * interfaces,
            next_hop_groups: twice(groups).max(LEAST_TREES),
            links: interfaces,
        }
    }

    /// Room for as much, and for what `other` has room for: entries that move to other tables keep their indices.
    #[must_use]
    pub fn at_least(&self, other: &Self) -> Self {
        Self {
            interfaces: self.interfaces.max(other.interfaces),
            roots: self.roots.max(other.roots),
            trees: self.trees.max(other.trees),
            fib_lines: self.fib_lines.max(other.fib_lines),
            next_hops: self.next_hops.max(other.next_hops),
            next_hop_groups: self.next_hop_groups.max(other.next_hop_groups),
            links: self.links.max(other.links),
        }
    }

    /// Whether there is room for forwarding tables of these sizes.
    pub(in crate::plan) fn holds(&self, sizes: FibSizes) -> bool {
        sizes.lines <= self.fib_lines
            && sizes.trees <= self.trees
            && sizes.groups <= self.next_hop_groups
    }
}

/// Interfaces, trees, groups and lines of an edge with few routes: the first circuits find room.
const LEAST_INTERFACES: u32 = 64;
const LEAST_TREES: u32 = 1_024;
const LEAST_LINES: u32 = 8_192;

/// Lines for routes that later configurations may add: 64 MiB.
const MOST_SPARE_LINES: u32 = 1 << 20;

/// Groups of next hops that a side of a domain can have at a time: routes over both of a peering's links, in either
/// family, before and after a change, and some with other weights.
const GROUPS_PER_SIDE: u32 = 8;

/// Routes by which a link's own addresses and its neighbour's are in the tables of its domain.
const ROUTES_OF_ENDS: u32 = 2;

/// The least sizes with which every domain of `config` has room at its limits, whatever its routes are.
pub(in crate::plan) fn needed(config: &Config) -> FibSizes {
    // The sizes are the same whatever indices the interfaces have.
    let none = SlotClaim { index: 0, is_new: true };
    let claims: BTreeMap<_, _> = routed_keys(config).map(|key| (key, none)).collect();
    if claims.is_empty() {
        return FibSizes { lines: 1, trees: 1, roots: 1, groups: 1 };
    }
    let domains = domains(config, &claims);
    let services = service_plan(config, &domains, &claims);
    let of_services = services.iter().flat_map(of_services);
    sizes_for(domains.iter().flat_map(tables).chain(of_services), GROUPS_PER_SIDE)
}

/// The tables that a domain can have at a time: both sides' destinations, and sources that are none of these.
fn tables(domain: &DomainPlan) -> Vec<TableLimits> {
    let ends = |interfaces: usize| {
        let routes = ROUTES_OF_ENDS.saturating_mul(u32::try_from(interfaces).unwrap_or(u32::MAX));
        RouteLimits { v4: routes, v6: routes }
    };
    let all_ends = ends(domain.interfaces().count());
    let mut tables =
        vec![domain.customer_limits().and(all_ends), domain.cloud_limits().and(all_ends)];
    let own = |interface: &DomainInterface| interface.limits.and(ends(1));
    match domain.source_check {
        // Those of the customer's side.
        SourceCheck::Off | SourceCheck::Advertised => {}
        SourceCheck::Strict => tables.extend(domain.customer.iter().map(own)),
        SourceCheck::Registered => {
            let v4 = domain.registered.iter().filter(|prefix| prefix.addr().is_ipv4()).count();
            let size = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
            let registered = RouteLimits { v4: size(v4), v6: size(domain.registered.len() - v4) };
            tables.push(registered.and(all_ends));
        }
    }
    tables.extend(domain.cloud.iter().map(own));
    tables.into_iter().map(|RouteLimits { v4, v6 }| TableLimits { v4, v6 }).collect()
}

/// The tables of the service network: destinations, and sources.
fn of_services(services: &ServicePlan) -> Vec<TableLimits> {
    let ends = RouteLimits { v4: ROUTES_OF_ENDS, v6: ROUTES_OF_ENDS };
    let tables = [services.customer_limits.and(ends), services.link.limits.and(ends)];
    tables.into_iter().map(|RouteLimits { v4, v6 }| TableLimits { v4, v6 }).collect()
}

fn twice(count: u32) -> u32 {
    count.saturating_mul(2)
}
