//! The engine in namespaces of the tests' own, with tables in memory. Neighbours are addresses of the port that leads to
//! the routing namespace: it answers for all interfaces alike, as thousands of customers with one address would.

mod building;
mod domains;
mod life;
mod namespaces;
mod neighbours;
mod rooms;
mod services;
mod speaking;

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    panic::{self, AssertUnwindSafe},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use edge_common::{
    abi::{
        fib::{FibLine, RouteValue, Tree},
        router::RouterInterface,
        routing::{LINK_UP, Mac, NextHop, NextHopGroup},
    },
    env::Routing,
    fib::Lines,
    path::route::{find_v4, find_v6},
};

use super::{
    EngineSettings, RouterEngine,
    events::EngineEvent,
    places::InterfaceRoots,
    plan::{
        DomainLimits, EngineInterface, InterfaceEnds, RouterDomain, RouterPlan, ServicePart,
        SourceRule,
    },
    state::DomainState,
    tables::{HostRouterTables, RouterTables as _},
};
use crate::{
    lab::{NetNs, private_mounts, root_or_skip},
    routing::{
        bird::model::DomainSide,
        devices::RoutingSettings,
        store::{FibSizes, TableLimits},
    },
};

/// The name of the routing namespace.
const NAME: &str = "routing";
/// The interface that leads there.
const PORT: &str = "pe";
/// Longer than any wait that is not for ever.
const PATIENCE: Duration = Duration::from_mins(2);
/// The first kernel table of the tests' domains.
const TABLE: u32 = 1000;
const CUSTOMER: Ipv4Addr = Ipv4Addr::new(192, 168, 15, 17);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 255, 0, 6);

/// The namespace of an edge, and the engine's events.
struct World<'a> {
    ns: &'a NetNs,
    events: Arc<Mutex<Vec<EngineEvent>>>,
}

/// Runs a test in a namespace for an edge, with mounts of its own.
fn in_a_world(test: &str, work: impl FnOnce(&World<'_>) -> Result<()> + Send) -> Result<()> {
    if !root_or_skip(test) {
        return Ok(());
    }
    let ns = NetNs::new()?;
    let result = thread::scope(|scope| {
        let alone = scope.spawn(|| {
            private_mounts()?;
            let world = World { ns: &ns, events: Arc::default() };
            let result = panic::catch_unwind(AssertUnwindSafe(|| ns.run(|| work(&world))));
            // A BIRD that a test has left, as it failed.
            if let Ok(pids) = world.run(&format!("ip netns pids {NAME}")) {
                for pid in pids.lines() {
                    world.run(&format!("kill -9 {pid}"))?;
                }
            }
            result.unwrap_or_else(|panic| panic::resume_unwind(panic))
        });
        alone.join()
    });
    result.unwrap_or_else(|panic| panic::resume_unwind(panic))?;
    // The mount namespace is gone, and with it the name of the routing namespace.
    wait_for("the end of the routing namespace", || {
        Ok(ns.output("ip", &["-o", "link", "show", "type", "veth"])?.is_empty())
    })
}

impl World<'_> {
    /// An engine with empty tables, and neighbours that answer.
    fn engine(&self, interfaces: u32) -> Result<RouterEngine<HostRouterTables>> {
        self.engine_with(tables(interfaces))
    }

    fn engine_with(&self, tables: HostRouterTables) -> Result<RouterEngine<HostRouterTables>> {
        let engine = self.start(settings(), tables)?;
        self.answer()?;
        Ok(engine)
    }

    fn start(
        &self,
        settings: EngineSettings,
        tables: HostRouterTables,
    ) -> Result<RouterEngine<HostRouterTables>> {
        let events = Arc::clone(&self.events);
        let told = move |event| events.lock().unwrap_or_else(PoisonError::into_inner).push(event);
        Ok(RouterEngine::start(settings, tables, told)?)
    }

    /// Has the port answer for both neighbours.
    fn answer(&self) -> Result<()> {
        for address in [format!("{CUSTOMER}/30"), format!("{GATEWAY}/30")] {
            self.run(&format!("ip addr replace {address} dev {PORT}"))?;
        }
        Ok(())
    }

    /// Runs a command of words without spaces, and returns what it printed.
    fn run(&self, command: &str) -> Result<String> {
        let mut words = command.split(' ');
        let program = words.next().context("a command")?;
        self.ns.output(program, &words.collect::<Vec<_>>())
    }

    /// Runs `ip` in the routing namespace.
    fn ip(&self, arguments: &str) -> Result<String> {
        self.run(&format!("ip -n {NAME} {arguments}"))
    }

    /// Runs commands of `ip` there by one process, one a line.
    fn batch(&self, commands: &str) -> Result<()> {
        let file = tempfile::NamedTempFile::new()?;
        std::fs::write(file.path(), commands)?;
        self.ip(&format!("-batch {}", file.path().display())).map(drop)
    }

    /// Gives the name of the routing namespace to another one, in one step.
    fn replace(&self) -> Result<()> {
        self.run("ip netns add other")?;
        self.run(&format!("mount --bind /run/netns/other /run/netns/{NAME}")).map(drop)
    }

    fn has_heard(&self, is_it: impl Fn(&EngineEvent) -> bool) -> bool {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).iter().any(is_it)
    }
}

fn settings() -> EngineSettings {
    EngineSettings::new(RoutingSettings::new(NAME, PORT, 7, 1500).expect("names"))
}

fn tables(interfaces: u32) -> HostRouterTables {
    let sizes = FibSizes {
        lines: 20_000 + 100 * interfaces,
        trees: 100 + 20 * interfaces,
        roots: 4 * interfaces,
        groups: 1_000,
    };
    HostRouterTables::new(sizes, interfaces)
}

/// An interface of a customer with the addresses that all others have, too.
fn customer(index: u32) -> EngineInterface {
    EngineInterface {
        index,
        side: DomainSide::Customer,
        v4: Some(InterfaceEnds {
            own: Ipv4Addr::new(192, 168, 15, 18),
            peer: CUSTOMER,
            prefix_len: 30,
        }),
        v6: Some(InterfaceEnds {
            own: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2),
            peer: Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1),
            prefix_len: 126,
        }),
        mtu_bytes: 1500,
        is_up: true,
        static_routes: Vec::new(),
        is_taken_over: false,
    }
}

/// An interface to a network, likewise.
fn network(index: u32) -> EngineInterface {
    EngineInterface {
        side: DomainSide::Cloud,
        v4: Some(InterfaceEnds {
            own: Ipv4Addr::new(10, 255, 0, 5),
            peer: GATEWAY,
            prefix_len: 30,
        }),
        v6: None,
        ..customer(index)
    }
}

/// A domain with interfaces `2 * number + 1` of the customer and `2 * number + 2` of a network.
fn domain(number: u32) -> RouterDomain {
    let limits = TableLimits { v4: 5_000, v6: 500 };
    RouterDomain {
        name: format!("circuit{number}/private"),
        table: TABLE + number,
        interfaces: vec![customer(2 * number + 1), network(2 * number + 2)],
        sources: SourceRule::Side,
        limits: DomainLimits { customer: limits, cloud: limits },
        services: ServicePart::None,
    }
}

fn plan(domains: impl IntoIterator<Item = RouterDomain>) -> RouterPlan {
    RouterPlan { domains: domains.into_iter().collect(), speaker: None }
}

/// The tables as the path sees them.
struct Seen<'a>(&'a HostRouterTables);

impl Lines for Seen<'_> {
    fn line(&self, index: u32) -> Option<&FibLine> {
        self.0.line(index)
    }

    fn tree(&self, index: u32) -> Option<&Tree> {
        self.0.tree(index)
    }
}

impl Routing for Seen<'_> {
    fn router_interface(&self, _: u32) -> Option<&RouterInterface> {
        None
    }

    fn root(&self, index: u32) -> Option<&Tree> {
        let tree = u32::try_from(*self.0.arrays.roots.get(index as usize)?).ok()?;
        self.0.tree(tree).filter(|_| tree != 0)
    }

    fn next_hop(&self, _: u32) -> Option<&NextHop> {
        None
    }

    fn neighbour(&self, next_hop: u32) -> Mac {
        Mac::from_bits(self.0.neighbour(next_hop))
    }

    fn next_hop_group(&self, index: u32) -> Option<&NextHopGroup> {
        self.0.arrays.groups.get(index as usize)
    }

    fn is_link_up(&self, link: u32) -> bool {
        self.0.link(link) == LINK_UP
    }
}

/// The answer of a look-up.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Found {
    NextHops(Vec<u32>),
    Blackhole,
    Own,
    NoRoute,
}

fn found(tables: &HostRouterTables, root: u32, address: &str) -> Found {
    let seen = Seen(tables);
    let routed = match address.parse().expect("an address") {
        IpAddr::V4(address) => find_v4(&seen, root, address.to_bits()),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let half = |bits: u128| u64::try_from(bits & u128::from(u64::MAX)).expect("64 bits");
            find_v6(&seen, root, [half(bits >> 64), half(bits)])
        }
    };
    let value = RouteValue::from_bits(routed.checked().expect("whole trees"));
    match (value.as_next_hop(), value.as_group()) {
        (Some(next_hop), _) => Found::NextHops(vec![next_hop]),
        (None, Some(group)) => {
            let group = seen.next_hop_group(group).expect("a group");
            Found::NextHops(group.members[..group.count as usize].to_vec())
        }
        (None, None) if value == RouteValue::BLACKHOLE => Found::Blackhole,
        (None, None) if value == RouteValue::LOCAL => Found::Own,
        (None, None) => Found::NoRoute,
    }
}

/// The root of an interface's destinations, or of its sources, of an address's family.
fn root(index: u32, address: &str, is_source: bool) -> u32 {
    let roots = InterfaceRoots::of(index);
    match (address.contains(':'), is_source) {
        (false, false) => roots.destinations_v4,
        (true, false) => roots.destinations_v6,
        (false, true) => roots.sources_v4,
        (true, true) => roots.sources_v6,
    }
}

/// The way that frames from an interface to an address take.
fn way(engine: &RouterEngine<HostRouterTables>, index: u32, address: &str) -> Found {
    found(&engine.tables(), root(index, address, false), address)
}

/// Whether frames from an interface may have a source.
fn may_send(engine: &RouterEngine<HostRouterTables>, index: u32, address: &str) -> bool {
    let found = found(&engine.tables(), root(index, address, true), address);
    !matches!(found, Found::NoRoute | Found::Blackhole)
}

fn to(next_hop: u32) -> Found {
    Found::NextHops(vec![next_hop])
}

/// Waits until the forwarding tables of a domain are as the kernel's table is.
fn until_read(engine: &RouterEngine<HostRouterTables>, table: u32) -> Result<DomainState> {
    wait_for("the rebuild of a domain", || {
        let state = engine.state();
        let domain = state.domains.get(&table).context("the domain")?;
        Ok(domain.is_read && domain.dirty_since.is_none())
    })?;
    engine.state().domains.remove(&table).context("the domain")
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !is_so()? {
        ensure!(Instant::now() < deadline, "not within {PATIENCE:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// `count` prefixes apart from each other, from `first`.0.0.0/24 on, by a link of a customer, as lines of `ip -batch`.
fn apart(count: u32, first: u8, table: u32, link: u32) -> String {
    let command = |number: u32| {
        let prefix = Ipv4Addr::from_bits(u32::from(first) << 24 | number << 9);
        format!("route add {prefix}/24 via {CUSTOMER} dev r{link} onlink table {table}\n")
    };
    (0..count).map(command).collect()
}

fn set(indices: impl IntoIterator<Item = u32>) -> BTreeSet<u32> {
    indices.into_iter().collect()
}
