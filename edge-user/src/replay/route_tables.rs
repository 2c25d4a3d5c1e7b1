//! The router's tables of a plan, with the routes of a file and a neighbour at the end of every link.

use std::{collections::BTreeMap, net::IpAddr};

use edge_common::{
    abi::{
        fib::{FibLine, RouteValue, Tree},
        routing::{Mac, NextHopGroup},
    },
    host::{
        HostRouter,
        fib::{Route, intervals},
    },
};
use ipnet::IpNet;

use super::{
    error::{ReplayError, Result},
    host::router,
    routes_file::FileRoute,
};
use crate::plan::{
    Capacity, DomainInterface, DomainPlan, InterfacePlaces, Plan, RouterCapacity, ServicePlan,
    SourceCheck,
};

/// The tables by which a live edge with these routes forwards: each domain's own, its configuration's static routes with
/// them, and the sources that its `source_check` lets pass. Every link is up, and its neighbour has answered, with a MAC
/// address that has the interface's index in its last three bytes.
pub fn route_tables(plan: &Plan, capacity: &Capacity, routes: &[FileRoute]) -> Result<HostRouter> {
    let mut tables = RouteTables { router: router(plan, capacity), groups: BTreeMap::new() };
    // Number 0 is none, of trees, lines and groups.
    tables.router.fib.trees.push(Tree::default());
    tables.router.fib.lines.push(FibLine::default());
    for domain in &plan.domains {
        let services = plan.services.as_ref().map(|services| services.link.index);
        tables.fill(domain, services, routes).ok_or_else(|| {
            let name = format!("{}/{}", domain.circuit, domain.peering.as_str());
            ReplayError::no_room_for_routes(&name)
        })?;
    }
    if let Some(services) = &plan.services {
        let name = services.link.key.to_string();
        let filled = tables.fill_services(services, &plan.domains, routes);
        filled.ok_or_else(|| ReplayError::no_room_for_routes(&name))?;
    }
    Ok(tables.router)
}

/// Room for tables of a plan, and for these of the router.
#[must_use]
pub fn with_room_for(capacity: Capacity, router: &HostRouter) -> Capacity {
    let len = |len: usize| u32::try_from(len).unwrap_or(u32::MAX);
    let before = capacity.router;
    let router = RouterCapacity {
        trees: before.trees.max(len(router.fib.trees.len())),
        fib_lines: before.fib_lines.max(len(router.fib.lines.len())),
        next_hop_groups: before.next_hop_groups.max(len(router.groups.len())),
        ..before
    };
    Capacity { router, ..capacity }
}

struct RouteTables {
    router: HostRouter,
    /// Groups by their members.
    groups: BTreeMap<Vec<u32>, u32>,
}

/// The routes towards one side of a domain: the interfaces that each prefix leads to.
type SideWays = BTreeMap<IpNet, Vec<u32>>;

impl RouteTables {
    /// Adds the trees of a domain; `None`: one has more intervals than a tree has room for.
    fn fill(
        &mut self,
        domain: &DomainPlan,
        services: Option<u32>,
        routes: &[FileRoute],
    ) -> Option<()> {
        let owns: Vec<IpNet> = domain.interfaces().flat_map(ends).map(|(own, _)| own).collect();
        let [customer, mut cloud] =
            [&domain.customer, &domain.cloud].map(|side| ways(side, routes));
        let led =
            services.iter().flat_map(|index| domain.services.iter().map(|net| (*net, *index)));
        cloud.extend(led.map(|(net, index)| (net, vec![index])));
        let (customer, cloud) = (&customer, &cloud);
        let customer_tree = self.trees(customer, &owns)?;
        let cloud_tree = self.trees(cloud, &owns)?;
        for own in &domain.customer {
            let sources = match domain.source_check {
                // The interface's record has no root of sources where any may pass.
                SourceCheck::Off | SourceCheck::Advertised => customer_tree,
                SourceCheck::Strict => self.trees(&by_link(customer, own.index), &[])?,
                SourceCheck::Registered => {
                    let registered = domain.registered.iter();
                    self.trees(&registered.map(|prefix| (*prefix, vec![own.index])).collect(), &[])?
                }
            };
            self.connect(own, cloud_tree, sources);
        }
        for own in &domain.cloud {
            let sources = self.trees(&by_link(cloud, own.index), &[])?;
            self.connect(own, customer_tree, sources);
        }
        Some(())
    }

    /// Adds the trees of the service network, with routes to customers within their registered prefixes.
    fn fill_services(
        &mut self,
        services: &ServicePlan,
        domains: &[DomainPlan],
        routes: &[FileRoute],
    ) -> Option<()> {
        let mut customers = SideWays::new();
        for domain in domains {
            let own = ways(&domain.customer, routes).into_iter();
            let ends = domain.customer.iter().flat_map(ends).flat_map(|(own, peer)| [own, peer]);
            let ends: Vec<IpNet> = ends.collect();
            let is_registered = |net: &IpNet| domain.registered.iter().any(|it| it.contains(net));
            customers.extend(own.filter(|(net, _)| is_registered(net) && !ends.contains(net)));
        }
        let own: Vec<IpNet> = ends(&services.link).map(|(own, _)| own).collect();
        let destinations = self.trees(&customers, &own)?;
        let cloud = ways(std::slice::from_ref(&services.link), routes);
        let sources = self.trees(&by_link(&cloud, services.link.index), &[])?;
        self.connect(&services.link, destinations, sources);
        Some(())
    }

    /// Has frames of an interface looked up in these trees, and gives it a neighbour.
    fn connect(&mut self, own: &DomainInterface, destinations: [u64; 2], sources: [u64; 2]) {
        let places = InterfacePlaces::of(own.index);
        let [destinations_v4, destinations_v6] = destinations;
        let [sources_v4, sources_v6] = sources;
        for (root, tree) in [
            (places.destinations_v4, destinations_v4),
            (places.destinations_v6, destinations_v6),
            (places.sources_v4, sources_v4),
            (places.sources_v6, sources_v6),
        ] {
            self.router.roots[root as usize] = tree;
        }
        let [_, high, middle, low] = own.index.to_be_bytes();
        let neighbour = Mac::new([2, 0, 0, high, middle, low]);
        for next_hop in places.next_hops() {
            self.router.next_hops[next_hop as usize].neighbour = neighbour.to_bits();
        }
    }

    /// Adds the trees of both families with these routes, in which the addresses `owns` are the edge's.
    fn trees(&mut self, ways: &SideWays, owns: &[IpNet]) -> Option<[u64; 2]> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        let led = ways.iter().map(|(prefix, interfaces)| {
            let next_hop = |index: &u32| next_hop(*index, prefix);
            Some((*prefix, self.value(interfaces.iter().map(next_hop).collect())?))
        });
        let mut led = led.collect::<Option<Vec<_>>>()?;
        led.extend(owns.iter().map(|own| (*own, RouteValue::LOCAL)));
        for (prefix, value) in led {
            match prefix {
                IpNet::V4(net) => v4.push(Route {
                    first: net.network().to_bits(),
                    last: net.broadcast().to_bits(),
                    value,
                }),
                IpNet::V6(net) => v6.push(Route {
                    first: net.network().to_bits(),
                    last: net.broadcast().to_bits(),
                    value,
                }),
            }
        }
        let fib = &mut self.router.fib;
        Some([fib.add(&intervals(&v4))?.into(), fib.add_v6(&v6)?.into()])
    }

    /// The value of a route to these next hops.
    fn value(&mut self, next_hops: Vec<u32>) -> Option<RouteValue> {
        if let [only] = next_hops[..] {
            return RouteValue::next_hop(only);
        }
        if let Some(index) = self.groups.get(&next_hops) {
            return RouteValue::group(*index);
        }
        let mut group = NextHopGroup::default();
        let count = next_hops.len().min(group.members.len());
        group.members[..count].copy_from_slice(&next_hops[..count]);
        group.count = u32::try_from(count).ok()?;
        // Number 0 is none.
        let index = u32::try_from(self.groups.len()).ok()? + 1;
        let place = index as usize;
        if self.router.groups.len() <= place {
            self.router.groups.resize(place + 1, NextHopGroup::default());
        }
        self.router.groups[place] = group;
        self.groups.insert(next_hops, index);
        RouteValue::group(index)
    }
}

/// The routes towards a side: those of the file; static ones, which take the place of others to their prefixes, as they
/// do in a live edge; and those to the neighbours themselves.
fn ways(side: &[DomainInterface], routes: &[FileRoute]) -> SideWays {
    let mut ways = SideWays::new();
    for route in routes.iter().filter(|route| has(side, route.interface)) {
        ways.entry(route.prefix).or_default().push(route.interface);
    }
    let mut statics = SideWays::new();
    for own in side {
        for prefix in &own.static_routes {
            statics.entry(prefix.trunc()).or_default().push(own.index);
        }
    }
    ways.extend(statics);
    for own in side {
        ways.extend(ends(own).map(|(_, peer)| (peer, vec![own.index])));
    }
    for interfaces in ways.values_mut() {
        interfaces.sort_unstable();
    }
    ways
}

fn has(side: &[DomainInterface], interface: u32) -> bool {
    side.iter().any(|own| own.index == interface)
}

/// The routes that lead to one interface, among others or alone.
fn by_link(ways: &SideWays, interface: u32) -> SideWays {
    let led = ways.iter().filter(|(_, interfaces)| interfaces.contains(&interface));
    led.map(|(prefix, interfaces)| (*prefix, interfaces.clone())).collect()
}

/// The addresses of both ends of a link, the edge's first, in each family that it has.
fn ends(own: &DomainInterface) -> impl Iterator<Item = (IpNet, IpNet)> + use<> {
    let v4 = own.v4.map(|ends| (IpAddr::from(ends.own), IpAddr::from(ends.peer)));
    let v6 = own.v6.map(|ends| (IpAddr::from(ends.own), IpAddr::from(ends.peer)));
    [v4, v6].into_iter().flatten().map(|(own, peer)| (own.into(), peer.into()))
}

fn next_hop(interface: u32, prefix: &IpNet) -> u32 {
    let places = InterfacePlaces::of(interface);
    match prefix {
        IpNet::V4(_) => places.next_hop_v4,
        IpNet::V6(_) => places.next_hop_v6,
    }
}
