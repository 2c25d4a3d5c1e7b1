//! Whole tables of the kernel's routes.
//!
//! A dump comes in datagrams. The kernel makes each at one moment, and the table may change between
//! two. It tells so by no flag (`NLM_F_DUMP_INTR` is never set for routes), and then:
//!
//! * IPv4 goes on behind the last route. Every route that stood all the time is there, and of those that changed the
//!   old one or the new one; but of prefixes with the same first address as the last one of a datagram, some may
//!   be missing, where one of them changed.
//! * IPv6 begins anew, and skips as many nodes as it has shown (`fib6_dump_table` in `net/ipv6/ip6_fib.c`). If some of
//!   these have gone, others are missing that had nothing to do with the change.
//!
//! So the dump is repeated until nothing has changed meanwhile, or until the changes can't have taken a route away
//! from it.

use std::{collections::BTreeSet, net::IpAddr};

use netlink_packet_core::Parseable as _;
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    route::{RouteAttribute, RouteHeader, RouteMessage},
};

use crate::{
    report::Told,
    routing::feed::{
        error::{Context as _, FeedError, Result},
        listener::RouteListener,
        marks::Sight,
        namespace::Namespace,
        next_hops::NextHopObjects,
        routes::KernelRoute,
        socket::{Question, RouteSocket},
        uses::TableUses,
    },
};

/// Tries for a moment without changes, before changes that do no harm are put up with.
const TRIES_FOR_QUIET: u32 = 3;
/// Tries at most.
const TRIES: u32 = 8;
/// Message type of linux/rtnetlink.h.
const RTM_NEWROUTE: u16 = 24;

/// Asks for the kernel's tables, one after the other.
pub struct Tables {
    socket: RouteSocket,
    tries: u64,
}

/// The routes of a table, none missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TableDump {
    /// IPv4.
    pub v4: Vec<KernelRoute>,
    /// IPv6.
    pub v6: Vec<KernelRoute>,
    /// Whether routes changed meanwhile: each is here as it was or as it is, and the table stays marked.
    pub is_moving: bool,
}

impl TableDump {
    /// Leaves out routes of other programs than these (`rtm_protocol`, such as 12: BIRD).
    pub fn keep_protocols(&mut self, protocols: &[u8]) {
        self.v4.retain(|route| protocols.contains(&route.protocol));
        self.v6.retain(|route| protocols.contains(&route.protocol));
    }
}

impl Tables {
    /// Opens a connection in `namespace`.
    pub fn open(namespace: &Namespace) -> Result<Self> {
        Ok(Self { socket: RouteSocket::open(namespace)?, tries: 0 })
    }

    /// Reads a table that `listener` follows, in the same network namespace. A table that the kernel doesn't know has
    /// no routes.
    ///
    /// # Errors
    ///
    /// [`FeedError::Unsettled`] where routes of IPv6 changed during each of eight tries, and are too many for one
    /// datagram (about 250). The table stays marked then.
    pub fn dump(&mut self, table: u32, listener: &mut RouteListener) -> Result<TableDump> {
        let dump = self.settled(table, listener);
        if dump.is_err() {
            listener.marks.seen();
            listener.marks.mark(table);
        }
        dump.with_context(|| format!("reading the kernel's table {table}"))
    }

    /// The number of times that a table was read, repetitions included.
    pub fn tries(&self) -> u64 {
        self.tries
    }

    fn settled(&mut self, table: u32, listener: &mut RouteListener) -> Result<TableDump> {
        listener.pump()?;
        for number in 1..=TRIES {
            self.tries += 1;
            listener.marks.watch(table);
            if listener.marks.take_under_way() {
                self.socket.wait_for_changes()?;
            }
            let (mut v4, mut v6) = (
                self.family(table, AddressFamily::Inet)?,
                self.family(table, AddressFamily::Inet6)?,
            );
            let mut routes: Vec<&mut KernelRoute> =
                v4.routes.iter_mut().chain(&mut v6.routes).collect();
            let objects = self.objects(&routes)?;
            for route in &mut routes {
                objects.resolve(route);
            }
            let uses = TableUses::of(routes.into_iter().map(|route| &*route), &objects);
            let is_all = listener.pump()?;
            let seen = listener.marks.seen();
            let is_quiet = is_all && seen.is_clear(&uses);
            if is_quiet {
                listener.marks.settle(table, uses);
                return Ok(TableDump { v4: v4.routes, v6: v6.routes, is_moving: false });
            }
            if number > TRIES_FOR_QUIET
                && is_all
                && !seen.is_under_way(&uses)
                && v4.is_whole(&seen)
                && v6.is_whole(&seen)
            {
                listener.marks.unsettle(table, uses);
                return Ok(TableDump { v4: v4.routes, v6: v6.routes, is_moving: true });
            }
        }
        Err(FeedError::Unsettled(Told::new(format!(
            "its routes changed during each of {TRIES} tries to read them; those read last stay in force, and the \
             next try follows within a second"
        ))))
    }

    fn family(&mut self, table: u32, family: AddressFamily) -> Result<FamilyDump> {
        let mut question = RouteMessage::default();
        question.header = RouteHeader { address_family: family, ..RouteHeader::default() };
        question.attributes.push(RouteAttribute::Table(table));
        let question: Question = RouteNetlinkMessage::GetRoute(question).into();
        let mut dump = FamilyDump::default();
        let mut last = None;
        let result = self.socket.dump(&question, |message, datagram| {
            if message.message_type != RTM_NEWROUTE {
                return Ok(());
            }
            let message = RouteMessage::parse(message.payload).context("reading a route")?;
            let Some(route) = KernelRoute::read(&message) else { return Ok(()) };
            if let Some((before, destination)) = last
                && before != datagram
            {
                dump.cuts.insert(destination);
            }
            last = Some((datagram, route.destination));
            dump.routes.push(route);
            Ok(())
        });
        match result {
            // "FIB table does not exist": nobody has put a route there.
            Err(error) if error.told().errno() == Some(libc::ENOENT) => Ok(FamilyDump::default()),
            result => result.map(|()| dump),
        }
    }

    fn objects(&mut self, routes: &[&mut KernelRoute]) -> Result<NextHopObjects> {
        if routes.iter().any(|route| route.next_hop_object.is_some()) {
            NextHopObjects::read(&mut self.socket)
        } else {
            Ok(NextHopObjects::default())
        }
    }
}

/// The routes of one family.
#[derive(Debug, Default)]
struct FamilyDump {
    routes: Vec<KernelRoute>,
    /// The first addresses of the prefixes before each cut between two datagrams. The kernel goes on among the
    /// prefixes that begin with the same one, by their number.
    cuts: BTreeSet<IpAddr>,
}

impl FamilyDump {
    /// Whether no route can be missing, though some of the family have changed.
    fn is_whole(&self, seen: &Sight) -> bool {
        self.cuts.is_empty()
            || match self.routes.first().map(|route| route.destination) {
                Some(IpAddr::V4(_)) | None => self.cuts.is_disjoint(&seen.v4),
                Some(IpAddr::V6(_)) => !seen.has_v6,
            }
    }
}
