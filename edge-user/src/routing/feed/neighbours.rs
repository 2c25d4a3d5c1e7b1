//! Neighbours whose MAC addresses the kernel finds out and keeps, though no packet of its own goes to them.
//!
//! A *managed* neighbour (`NTF_EXT_MANAGED`, Linux 5.16, commit 7482e3841d52) is asked for at once, and again whenever its
//! entry would grow stale. A neighbour of IPv6 is asked from a link-local address: without one on the interface, it
//! stays unresolved.
//!
//! The kernel has one table for all network namespaces, and when that is half full (`gc_thresh2`), it throws neighbours out,
//! managed ones included. It spares those that are *externally learned* (`NTF_EXT_LEARNED`), which don't count
//! (`exempt_from_gc` in `neigh_alloc`, `net/core/neighbour.c`).

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use netlink_packet_core::{NLM_F_CREATE, NLM_F_REPLACE};
use netlink_packet_route::{
    AddressFamily, RouteNetlinkMessage,
    neighbour::{
        NeighbourAttribute, NeighbourExtFlags, NeighbourFlags, NeighbourMessage, NeighbourState,
    },
};

use crate::routing::feed::{
    error::{Context as _, FeedError, Result},
    namespace::Namespace,
    news::{NeighbourKey, NeighbourNews, RTM_NEWNEIGH, neighbour},
    socket::RouteSocket,
};

/// The most neighbours without a MAC address that are asked for at once. The kernel by itself asks each of them every five
/// seconds.
const ASKED_AT_ONCE: usize = 256;

/// The neighbours that are kept in a network namespace.
///
/// The caller hands over what a [`RouteListener`](super::listener::RouteListener) of the same namespace hears. It begins with
/// [`Self::read_again`].
pub struct Neighbours {
    socket: RouteSocket,
    kept: BTreeMap<NeighbourKey, Kept>,
    /// The last one that was asked for again.
    last_asked: Option<NeighbourKey>,
}

/// The results of [`Neighbours::mend`].
#[derive(Debug, Default)]
pub struct MendedNeighbours {
    /// Neighbours that have another MAC address than before.
    pub changes: Vec<NeighbourChange>,
    /// Neighbours that the kernel does not take.
    pub failed: Vec<(NeighbourKey, FeedError)>,
}

/// A kept neighbour, as the kernel had it last.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    mac: Option<[u8; 6]>,
    is_there: bool,
}

/// A kept neighbour's MAC address has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourChange {
    /// The neighbour.
    pub key: NeighbourKey,
    /// The address now; `None`: nothing can be sent to it.
    pub mac: Option<[u8; 6]>,
}

impl Neighbours {
    /// Opens a connection in `namespace`. No neighbour is kept yet.
    pub fn open(namespace: &Namespace) -> Result<Self> {
        let socket = RouteSocket::open(namespace)?;
        Ok(Self { socket, kept: BTreeMap::new(), last_asked: None })
    }

    /// Keeps a neighbour, whose MAC address the kernel may know already: it would not tell of it again. An entry with a MAC
    /// address that an operator has set is left as it is.
    ///
    /// # Errors
    ///
    /// [`FeedError::NoInterface`]. The neighbour is kept nonetheless: [`Self::mend`] tries again.
    pub fn keep(&mut self, key: NeighbourKey) -> Result<()> {
        self.kept.entry(key).or_default();
        self.restore(key)
    }

    /// Keeps a neighbour no longer, and has the kernel forget it, but for one that an operator has set.
    pub fn release(&mut self, key: NeighbourKey) -> Result<()> {
        if self.kept.remove(&key).is_none() {
            return Ok(());
        }
        if self.look(key)?.is_none_or(|found| found.is_fixed) {
            return Ok(());
        }
        self.remove(key)
    }

    /// Has the kernel forget neighbours that it is to ask for again and again and that are not kept: those of an edge that ended
    /// without releasing them.
    pub fn forget_others(&mut self, ifindexes: &BTreeSet<u32>) -> Result<()> {
        let mut others = Vec::new();
        self.dump(|news| {
            let is_ours =
                news.is_managed && !news.is_fixed && ifindexes.contains(&news.key.ifindex);
            others.extend(is_ours.then_some(news.key));
        })?;
        others.retain(|key| !self.kept.contains_key(key));
        others.into_iter().try_for_each(|key| self.remove(key))
    }

    /// The neighbours that are kept, each with its MAC address; `None`: nothing can be sent to it.
    pub fn iter(&self) -> impl Iterator<Item = (NeighbourKey, Option<[u8; 6]>)> {
        self.kept.iter().map(|(key, kept)| (*key, kept.mac))
    }

    /// The neighbour's MAC address.
    #[must_use]
    pub fn mac(&self, key: NeighbourKey) -> Option<[u8; 6]> {
        self.kept.get(&key)?.mac
    }

    /// Takes in a message. Returns the change, if it is one to a kept neighbour.
    pub fn hear(&mut self, news: &NeighbourNews) -> Option<NeighbourChange> {
        let kept = self.kept.get_mut(&news.key)?;
        let before = std::mem::replace(kept, Kept { mac: news.mac, is_there: news.is_there });
        (before.mac != news.mac).then_some(NeighbourChange { key: news.key, mac: news.mac })
    }

    /// Reads all neighbours, and returns the changes to kept ones: for the start, and when messages were lost.
    pub fn read_again(&mut self) -> Result<Vec<NeighbourChange>> {
        let mut found: BTreeMap<NeighbourKey, NeighbourNews> = BTreeMap::new();
        self.dump(|news| {
            found.insert(news.key, news);
        })?;
        let gone = |key| NeighbourNews {
            key,
            mac: None,
            is_there: false,
            is_fixed: false,
            is_managed: false,
        };
        let keys: Vec<NeighbourKey> = self.kept.keys().copied().collect();
        let news = keys.into_iter().map(|key| found.remove(&key).unwrap_or_else(|| gone(key)));
        Ok(news.collect::<Vec<_>>().iter().filter_map(|news| self.hear(news)).collect())
    }

    /// Adds kept neighbours again that the kernel has dropped, as it does when an interface goes down, and asks for those
    /// that have no MAC address.
    pub fn mend(&mut self) -> MendedNeighbours {
        let missing = self.kept.iter().filter(|(_, kept)| !kept.is_there).map(|(key, _)| *key);
        let mut keys: Vec<NeighbourKey> = missing.collect();
        keys.extend(self.next_unresolved());
        let mut mended = MendedNeighbours::default();
        for key in keys {
            let before = self.mac(key);
            if let Err(error) = self.restore(key) {
                mended.failed.push((key, error));
            }
            let mac = self.mac(key);
            mended.changes.extend((before != mac).then_some(NeighbourChange { key, mac }));
        }
        mended
    }

    /// Some of the neighbours that have no MAC address, other ones each time.
    fn next_unresolved(&mut self) -> Vec<NeighbourKey> {
        let is_unresolved =
            |(_, kept): &(&NeighbourKey, &Kept)| kept.is_there && kept.mac.is_none();
        let all = self.kept.iter().filter(is_unresolved).map(|(key, _)| *key);
        let all: Vec<NeighbourKey> = all.collect();
        let begin = all.partition_point(|key| Some(*key) <= self.last_asked);
        let next = all[begin..].iter().chain(&all[..begin]).take(ASKED_AT_ONCE).copied();
        let next: Vec<NeighbourKey> = next.collect();
        self.last_asked = next.last().copied();
        next
    }

    fn restore(&mut self, key: NeighbourKey) -> Result<()> {
        let found = self.look(key)?;
        if found.as_ref().is_none_or(|found| !found.is_fixed) {
            let mut message = message(key);
            // With "use", an entry that is there keeps its state and its MAC address.
            message.header.flags = NeighbourFlags::Use | NeighbourFlags::ExtLearned;
            message.header.state = NeighbourState::None;
            message.attributes.push(NeighbourAttribute::ExtFlags(NeighbourExtFlags::Managed));
            let question = RouteNetlinkMessage::NewNeighbour(message);
            self.socket
                .change(&question.into(), NLM_F_CREATE | NLM_F_REPLACE)
                .with_context(|| format!("adding the neighbour {}", told(key)))?;
        }
        if let Some(kept) = self.kept.get_mut(&key) {
            *kept = Kept { mac: found.and_then(|found| found.mac), is_there: true };
        }
        Ok(())
    }

    fn remove(&mut self, key: NeighbourKey) -> Result<()> {
        let question = RouteNetlinkMessage::DelNeighbour(message(key));
        match self.socket.change(&question.into(), 0) {
            // It went meanwhile, or its interface did.
            Err(error) if is_missing(&error) => Ok(()),
            result => result.with_context(|| format!("removing the neighbour {}", told(key))),
        }
    }

    /// Reads all of the kernel's neighbours.
    fn dump(&mut self, mut take: impl FnMut(NeighbourNews)) -> Result<()> {
        let question = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        self.socket
            .dump(&question.into(), |message, _| {
                neighbour(message)?.into_iter().for_each(&mut take);
                Ok(())
            })
            .context("asking for neighbours")
    }

    /// The kernel's entry.
    fn look(&mut self, key: NeighbourKey) -> Result<Option<NeighbourNews>> {
        let mut found = Ok(None);
        let question = RouteNetlinkMessage::GetNeighbour(message(key));
        let asked = self.socket.get(&question.into(), |answer| {
            if answer.message_type == RTM_NEWNEIGH {
                found = neighbour(answer);
            }
        });
        match asked {
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(error.after(format!("asking for the neighbour {}", told(key)))),
            Ok(()) => found,
        }
    }
}

fn message(key: NeighbourKey) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = match key.address {
        IpAddr::V4(_) => AddressFamily::Inet,
        IpAddr::V6(_) => AddressFamily::Inet6,
    };
    message.header.ifindex = key.ifindex;
    message.attributes.push(NeighbourAttribute::Destination(key.address.into()));
    message
}

fn is_missing(error: &FeedError) -> bool {
    matches!(error.told().errno(), Some(libc::ENOENT | libc::ENODEV | libc::ENXIO))
}

fn told(key: NeighbourKey) -> String {
    format!("{} on the interface with the index {}", key.address, key.ifindex)
}
