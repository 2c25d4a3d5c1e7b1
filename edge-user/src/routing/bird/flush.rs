//! BIRD's routes in the kernel that no domain has any more.
//!
//! BIRD leaves its routes when it ends, so that a restart loses no frame, and leaves those of a
//! domain that is taken out of its configuration, too.

use std::{collections::BTreeSet, io, ops::RangeInclusive};

use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::{
    AddressFamily as NetlinkFamily, RouteNetlinkMessage,
    route::{RouteAttribute, RouteMessage, RouteProtocol},
};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};

use super::{
    error::{BirdError, Context as _, Result},
    model::{AddressFamily, SpeakerPlan},
    netns::SpeakerNetns,
};
use crate::report::Told;

/// More than the kernel puts into one datagram (`netlink_dump` in `net/netlink/af_netlink.c`).
const ANSWER_LEN_BYTES: usize = 1 << 16;

/// The tables of a plan, and those that may have been another plan's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpeakerTables {
    all: RangeInclusive<u32>,
    used: BTreeSet<(u32, AddressFamily)>,
}

impl SpeakerTables {
    /// The tables of a plan.
    #[must_use]
    pub fn of(plan: &SpeakerPlan) -> Self {
        let used = plan.domains.iter().flat_map(|domain| {
            let families = AddressFamily::ALL.into_iter().filter(|family| domain.has(*family));
            families.map(|family| (domain.kernel_table, family))
        });
        Self { all: plan.kernel_tables.clone(), used: used.collect() }
    }

    /// These tables of the kernel, none of them in use.
    #[must_use]
    pub fn unused(all: RangeInclusive<u32>) -> Self {
        Self { all, used: BTreeSet::new() }
    }

    /// Removes BIRD's routes from the tables that are not in use, and returns their number. Other
    /// routes, and other tables, stay as they are.
    pub fn flush(&self, netns: &SpeakerNetns) -> Result<usize> {
        netns.run(|| {
            let mut routes = FlushSocket::open()?;
            let mut stale = Vec::new();
            routes.dump(|route| {
                let is_stale = |(table, _): &(u32, _)| is_birds(route) && self.all.contains(table);
                let place = place(route).filter(is_stale);
                if let Some((table, _)) = place.filter(|place| !self.used.contains(place)) {
                    stale.push(key(route, table));
                }
            })?;
            for route in &stale {
                routes.delete(route.clone())?;
            }
            Ok(stale.len())
        })
    }

    /// Whether the kernel has routes of an earlier BIRD in a table that is in use.
    pub fn has_routes(&self, netns: &SpeakerNetns) -> Result<bool> {
        netns.run(|| {
            let mut found = false;
            FlushSocket::open()?.dump(|route| {
                let is_used = place(route).is_some_and(|place| self.used.contains(&place));
                found |= is_used && is_birds(route);
            })?;
            Ok(found)
        })
    }
}

fn is_birds(route: &RouteMessage) -> bool {
    route.header.protocol == RouteProtocol::Bird
}

/// The table and the family of a route.
fn place(route: &RouteMessage) -> Option<(u32, AddressFamily)> {
    let families =
        [(NetlinkFamily::Inet, AddressFamily::V4), (NetlinkFamily::Inet6, AddressFamily::V6)];
    let is_own = |(netlink, _): &&(NetlinkFamily, _)| *netlink == route.header.address_family;
    let (_, family) = *families.iter().find(is_own)?;
    let table = route.attributes.iter().find_map(|attribute| {
        if let RouteAttribute::Table(table) = attribute { Some(*table) } else { None }
    });
    Some((table.unwrap_or(route.header.table.into()), family))
}

/// As much of a route as names it: with its next hops, the kernel would remove only the first.
fn key(route: &RouteMessage, table: u32) -> RouteMessage {
    let mut key = route.clone();
    key.header.flags = netlink_packet_route::route::RouteFlags::empty();
    key.attributes.retain(|attribute| {
        matches!(attribute, RouteAttribute::Destination(_) | RouteAttribute::Priority(_))
    });
    key.attributes.push(RouteAttribute::Table(table));
    key
}

/// A netlink socket of the namespace that it was opened in.
struct FlushSocket {
    socket: Socket,
    asked: u32,
}

impl FlushSocket {
    fn open() -> Result<Self> {
        let open = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.connect(&SocketAddr::new(0, 0))?;
            Ok(socket)
        };
        Ok(Self { socket: open().context("opening a netlink socket for routes")?, asked: 0 })
    }

    /// Shows every route of the namespace to `look`.
    fn dump(&mut self, mut look: impl FnMut(&RouteMessage)) -> Result<()> {
        for family in [NetlinkFamily::Inet, NetlinkFamily::Inet6] {
            let mut question = RouteMessage::default();
            question.header.address_family = family;
            self.ask(RouteNetlinkMessage::GetRoute(question), NLM_F_DUMP, &mut look)
                .context("reading the kernel's routes")?;
        }
        Ok(())
    }

    /// Removes a route, unless it has gone meanwhile.
    fn delete(&mut self, route: RouteMessage) -> Result<()> {
        match self.ask(RouteNetlinkMessage::DelRoute(route), NLM_F_ACK, &mut |_| {}) {
            Err(BirdError::System(told)) if told.errno() == Some(libc::ESRCH) => Ok(()),
            done => done.context("removing a route that no domain has"),
        }
    }

    fn ask(
        &mut self,
        question: RouteNetlinkMessage,
        flags: u16,
        look: &mut impl FnMut(&RouteMessage),
    ) -> Result<()> {
        self.asked += 1;
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST | flags;
        header.sequence_number = self.asked;
        let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(question));
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        self.socket.send(&bytes, 0)?;
        loop {
            let mut bytes = Vec::with_capacity(ANSWER_LEN_BYTES);
            self.socket.recv(&mut bytes, 0)?;
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let message = NetlinkMessage::<RouteNetlinkMessage>::deserialize(rest)
                    .map_err(|error| BirdError::Garbled(Told::bare(error)))?;
                let len_bytes = usize::try_from(message.header.length).unwrap_or(usize::MAX);
                rest = rest.get(len_bytes.next_multiple_of(4)..).unwrap_or_default();
                if message.header.sequence_number != self.asked {
                    continue;
                }
                if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewRoute(route)) =
                    &message.payload
                {
                    look(route);
                } else if let NetlinkPayload::Done(_) = message.payload {
                    return Ok(());
                } else if let NetlinkPayload::Error(error) = message.payload {
                    return if error.code.is_none() { Ok(()) } else { Err(error.to_io().into()) };
                }
            }
        }
    }
}
