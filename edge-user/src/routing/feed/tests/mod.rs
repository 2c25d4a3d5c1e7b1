//! The feed in network namespaces of the tests' own, filled by `ip` and by netlink.

mod building;
mod changes;
mod dumps;
mod feeding;
mod flapping;
mod limits;
mod neighbours;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteAttribute, RouteMessage, RouteProtocol, RouteScope, RouteType},
};

use super::{
    listener::RouteListener,
    namespace::Namespace,
    routes::KernelRoute,
    socket::{Question, RouteSocket},
    tables::{TableDump, Tables},
};
use crate::lab::{NetNs, patience::wait};

/// A wait that only catches a hang.
const HANG: Duration = Duration::from_mins(2);
const TABLE: u32 = 1000;

/// A network namespace with two interfaces, v0 and w0, whose other ends v1 and w1 are beside them.
struct World {
    ns: NetNs,
    namespace: Namespace,
}

impl World {
    fn new() -> Result<Self> {
        let ns = NetNs::new()?;
        let namespace = Namespace::at(&ns.path())?;
        let world = Self { ns, namespace };
        world.ip("link add v0 type veth peer name v1
             link add w0 type veth peer name w1
             link set v0 addrgenmode none
             link set w0 addrgenmode none
             link set v0 up
             link set v1 up
             link set w0 up
             link set w1 up
             addr add 10.0.0.1/24 dev v0
             addr add 10.0.1.1/24 dev w0
             -6 addr add fd00::1/64 dev v0 nodad
             -6 addr add fd01::1/64 dev w0 nodad")?;
        // The kernel tells of a link that has come up some time later, when it lets it send.
        let shown = || world.ns.output("ip", &["-o", "link", "show", "up"]);
        wait(|| Ok((shown()?.matches("state UP").count() == 4).then_some(())))?;
        Ok(world)
    }

    /// Runs commands of `ip`, one a line.
    fn ip(&self, commands: &str) -> Result<()> {
        for command in commands.lines().map(str::trim).filter(|line| !line.is_empty()) {
            self.ns.output("ip", &command.split_whitespace().collect::<Vec<_>>())?;
        }
        Ok(())
    }

    fn ifindex(&self, name: &str) -> Result<u32> {
        self.ns.run(|| Ok(nix::net::if_::if_nametoindex(name)?))
    }

    fn listener(&self) -> Result<RouteListener> {
        let mut listener = RouteListener::open(&self.namespace)?;
        listener.follow(TABLE);
        Ok(listener)
    }

    fn tables(&self) -> Result<Tables> {
        Ok(Tables::open(&self.namespace)?)
    }

    fn dump(&self) -> Result<TableDump> {
        Ok(self.tables()?.dump(TABLE, &mut self.listener()?)?)
    }

    /// Fills a table with so many routes of IPv4 and IPv6 over v0.
    fn fill(&self, table: u32, count: u32) -> Result<()> {
        let mut flapper = Flapper::open(self, table)?;
        (0..count).try_for_each(|number| {
            flapper.add(stable_v4(number), 24)?;
            flapper.add(stable_v6(number), 64)
        })
    }
}

/// The first addresses of prefixes that stay.
fn stable_v4(number: u32) -> IpAddr {
    Ipv4Addr::from_bits((20 << 24) | (number << 8)).into()
}

/// See [`stable_v4`].
fn stable_v6(number: u32) -> IpAddr {
    Ipv6Addr::from_bits((0x2001_0db8_0000 << 80) | (u128::from(number) << 64)).into()
}

/// Adds and removes routes as fast as the kernel can.
struct Flapper {
    socket: RouteSocket,
    table: u32,
    ifindex: u32,
}

impl Flapper {
    fn open(world: &World, table: u32) -> Result<Self> {
        let socket = RouteSocket::open(&world.namespace)?;
        Ok(Self { socket, table, ifindex: world.ifindex("v0")? })
    }

    fn add(&mut self, destination: IpAddr, prefix_len: u8) -> Result<()> {
        let message = RouteNetlinkMessage::NewRoute(self.message(destination, prefix_len));
        Ok(self.socket.change(&Question::from(message), NLM_F_CREATE | NLM_F_EXCL)?)
    }

    fn remove(&mut self, destination: IpAddr, prefix_len: u8) -> Result<()> {
        let message = RouteNetlinkMessage::DelRoute(self.message(destination, prefix_len));
        Ok(self.socket.change(&Question::from(message), 0)?)
    }

    fn message(&self, destination: IpAddr, prefix_len: u8) -> RouteMessage {
        let mut message = RouteMessage::default();
        message.header.address_family = match destination {
            IpAddr::V4(_) => AddressFamily::Inet,
            IpAddr::V6(_) => AddressFamily::Inet6,
        };
        message.header.destination_prefix_length = prefix_len;
        message.header.protocol = RouteProtocol::Bird;
        message.header.scope = RouteScope::Link;
        message.header.kind = RouteType::Unicast;
        message.attributes = vec![
            RouteAttribute::Table(self.table),
            RouteAttribute::Destination(destination.into()),
            RouteAttribute::Oif(self.ifindex),
        ];
        message
    }
}

/// Runs `work` while `flap` runs on another thread again and again.
fn meanwhile<T>(
    mut flap: impl FnMut() -> Result<()> + Send,
    work: impl FnOnce() -> Result<T>,
) -> Result<T> {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let flapping = scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                flap()?;
            }
            anyhow::Ok(())
        });
        let result = work();
        is_over.store(true, Ordering::Relaxed);
        flapping.join().expect("the flapping goes on to the end")?;
        result
    })
}

/// Waits for messages until the table is marked.
fn until_marked(listener: &mut RouteListener) -> Result<()> {
    let began = Instant::now();
    loop {
        listener.pump()?;
        if listener.take().tables.contains(&TABLE) {
            return Ok(());
        }
        if began.elapsed() > HANG {
            bail!("no message about the table came");
        }
        listener.wait(Some(HANG))?;
    }
}

fn destinations(routes: &[KernelRoute]) -> Vec<String> {
    routes.iter().map(|route| format!("{}/{}", route.destination, route.prefix_len)).collect()
}
