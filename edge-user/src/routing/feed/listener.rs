//! The kernel's messages about changes, heard in the network namespace whose tables are followed.

use std::{
    collections::{BTreeMap, BTreeSet},
    os::fd::{AsFd as _, BorrowedFd},
    time::Duration,
};

use netlink_sys::{Socket, protocols::NETLINK_ROUTE};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{setsockopt, sockopt},
};

use crate::routing::feed::{
    datagram::{DATAGRAM_LEN_BYTES, messages},
    error::{Context as _, Result},
    marks::Marks,
    namespace::Namespace,
    news::{KernelNews, NeighbourKey, NeighbourNews},
};

/// Room for messages that are not read yet. A million of them about routes fit.
pub const RECEIVE_BUFFER_BYTES: usize = 64 << 20;
/// Datagrams that are read at once at most. The kernel may send faster than they are read.
const MOST_DATAGRAMS: u32 = 1 << 17;
/// `enum rtnetlink_groups` of linux/rtnetlink.h.
const GROUPS: [u32; 7] = [
    libc::RTNLGRP_LINK,
    libc::RTNLGRP_NEIGH,
    libc::RTNLGRP_IPV4_IFADDR,
    libc::RTNLGRP_IPV4_ROUTE,
    libc::RTNLGRP_IPV6_IFADDR,
    libc::RTNLGRP_IPV6_ROUTE,
    libc::RTNLGRP_NEXTHOP,
];

/// Hears of changes to routes, and to all that routes depend on. A message only marks tables: their routes are
/// always read anew ([`Tables`](super::tables::Tables)), so that nothing can drift away from the kernel.
pub struct RouteListener {
    socket: Socket,
    datagram: Vec<u8>,
    pub(super) marks: Marks,
    links: BTreeSet<u32>,
    neighbours: BTreeMap<NeighbourKey, NeighbourNews>,
    losses: u64,
    has_lost_neighbours: bool,
}

/// Changes that were heard of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Tables that may have changed.
    pub tables: BTreeSet<u32>,
    /// Interfaces that came, went or changed, by the kernel's index.
    pub links: BTreeSet<u32>,
    /// The latest of each neighbour that came, went or changed.
    pub neighbours: Vec<NeighbourNews>,
    /// Whether there may be other changes to neighbours and interfaces, since the kernel dropped messages.
    pub has_losses: bool,
}

impl RouteListener {
    /// Opens it in `namespace`, with room for [`RECEIVE_BUFFER_BYTES`]. It follows no table yet.
    pub fn open(namespace: &Namespace) -> Result<Self> {
        Self::with_buffer(namespace, RECEIVE_BUFFER_BYTES)
    }

    /// Opens it with another receive buffer.
    pub(super) fn with_buffer(namespace: &Namespace, buffer_bytes: usize) -> Result<Self> {
        let open = || -> Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.set_non_blocking(true)?;
            // Before the first message. Without the permission, net.core.rmem_max bounds it.
            setsockopt(&socket, sockopt::RcvBufForce, &buffer_bytes)
                .or_else(|_| setsockopt(&socket, sockopt::RcvBuf, &buffer_bytes))?;
            GROUPS.iter().try_for_each(|group| socket.add_membership(*group))?;
            Ok(socket)
        };
        let socket = namespace.run(open).context("opening a netlink socket to hear of changes")?;
        Ok(Self {
            socket,
            datagram: Vec::with_capacity(DATAGRAM_LEN_BYTES),
            marks: Marks::default(),
            links: BTreeSet::new(),
            neighbours: BTreeMap::new(),
            losses: 0,
            has_lost_neighbours: false,
        })
    }

    /// Follows a table. It is among those that may have changed, as it was not read yet.
    pub fn follow(&mut self, table: u32) {
        self.marks.follow(table);
    }

    /// Follows a table no longer.
    pub fn forget(&mut self, table: u32) {
        self.marks.forget(table);
    }

    /// Waits until there are messages, or for `limit`; `None`: without end. Returns whether there are.
    pub fn wait(&self, limit: Option<Duration>) -> Result<bool> {
        self.wait_also(limit, None)
    }

    /// The same, or until `other` can be read.
    pub fn wait_also(
        &self,
        limit: Option<Duration>,
        other: Option<BorrowedFd<'_>>,
    ) -> Result<bool> {
        // Poll counts milliseconds: the next whole one, so as not to return just before the time.
        let limit = limit.map_or(PollTimeout::NONE, |limit| {
            PollTimeout::try_from(limit.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX)
        });
        let fds = [Some(self.socket.as_fd()), other];
        let mut fds: Vec<PollFd<'_>> =
            fds.into_iter().flatten().map(|fd| PollFd::new(fd, PollFlags::POLLIN)).collect();
        match poll(&mut fds, limit) {
            Ok(_) => Ok(fds[0].any().unwrap_or_default()),
            Err(Errno::EINTR) => Ok(false),
            Err(errno) => Err(errno).context("waiting for messages about routes"),
        }
    }

    /// Reads the messages that are there. Returns whether it has read all of them.
    pub fn pump(&mut self) -> Result<bool> {
        for _ in 0..MOST_DATAGRAMS {
            self.datagram.clear();
            match self.socket.recv(&mut self.datagram, 0) {
                Ok(_) => self.read(),
                Err(error) => match error.raw_os_error() {
                    Some(libc::EAGAIN) => return Ok(true),
                    Some(libc::EINTR) => {}
                    // The kernel had no room. It sends on from here.
                    Some(libc::ENOBUFS) => self.lose(),
                    _ => return Err(error).context("hearing of changes to routes"),
                },
            }
        }
        Ok(false)
    }

    /// Takes the changes that were heard of since the last call.
    pub fn take(&mut self) -> Heard {
        Heard {
            tables: self.marks.take(),
            links: std::mem::take(&mut self.links),
            neighbours: std::mem::take(&mut self.neighbours).into_values().collect(),
            has_losses: std::mem::take(&mut self.has_lost_neighbours),
        }
    }

    /// The number of times that the kernel had no room for messages. All tables are marked then.
    pub fn losses(&self) -> u64 {
        self.losses
    }

    fn read(&mut self) {
        for message in messages(&self.datagram) {
            match message.and_then(|message| KernelNews::read(&message)) {
                Ok(None) => {}
                Ok(Some(news)) => {
                    self.marks.hear(&news);
                    if let KernelNews::Link { ifindex } = news {
                        self.links.insert(ifindex);
                    } else if let KernelNews::Neighbour(news) = news {
                        self.neighbours.insert(news.key, news);
                    }
                }
                // It may have been about anything.
                Err(error) => {
                    tracing::warn!(
                        "a message about a change can't be read, so all routes are read anew: \
                         {error:#}"
                    );
                    self.marks.hear(&KernelNews::Lost);
                    self.has_lost_neighbours = true;
                }
            }
        }
    }

    fn lose(&mut self) {
        self.losses += 1;
        self.has_lost_neighbours = true;
        self.marks.hear(&KernelNews::Lost);
    }
}
