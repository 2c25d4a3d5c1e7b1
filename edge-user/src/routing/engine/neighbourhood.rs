//! The neighbours of all interfaces, and the words of the tables that they are in.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Instant,
};

use super::{forwarding::Forwarding, places, plan::RouterPlan, tables::RouterTables};
use crate::routing::feed::{
    error::Result,
    namespace::Namespace,
    neighbours::{NeighbourChange, Neighbours},
    news::{NeighbourKey, NeighbourNews},
};

/// The neighbours that the kernel keeps for the engine.
pub(super) struct Neighbourhood {
    neighbours: Neighbours,
    /// The next hop that each kept neighbour is.
    hops: BTreeMap<NeighbourKey, u32>,
    /// Next hops that were resolved since this was opened. The word of another stays as it was found, until
    /// `hold_until`.
    resolved: BTreeSet<u32>,
    hold_until: Option<Instant>,
    /// The last error with the neighbours of each interface.
    failed: BTreeMap<u32, String>,
}

impl Neighbourhood {
    pub(super) fn open(namespace: &Namespace, hold_until: Instant) -> Result<Self> {
        Ok(Self {
            neighbours: Neighbours::open(namespace)?,
            hops: BTreeMap::new(),
            resolved: BTreeSet::new(),
            hold_until: Some(hold_until),
            failed: BTreeMap::new(),
        })
    }

    /// Keeps the words as they are for a while, though the kernel may have lost the neighbours.
    pub(super) fn hold(&mut self, hold_until: Instant) {
        self.resolved.clear();
        self.hold_until = Some(hold_until);
    }

    /// Keeps the neighbours of a plan's enabled interfaces, whose devices are given by their indices, and no
    /// others.
    pub(super) fn keep(&mut self, plan: &RouterPlan, ifindexes: &BTreeMap<u32, u32>) {
        let mut wanted = BTreeMap::new();
        for (_, interface) in plan.interfaces().filter(|(_, interface)| interface.is_up) {
            if let Some(ifindex) = ifindexes.get(&interface.index) {
                wanted.extend(interface.peers().map(|peer| {
                    let key = NeighbourKey { ifindex: *ifindex, address: peer };
                    (key, places::next_hop(interface.index, peer))
                }));
            }
        }
        self.failed.clear();
        let gone: Vec<_> =
            self.hops.keys().filter(|key| !wanted.contains_key(key)).copied().collect();
        for key in gone {
            if let Some(hop) = self.hops.remove(&key)
                && let Err(error) = self.neighbours.release(key)
            {
                self.failed.insert(places::interface_of(hop), format!("{error:#}"));
            }
        }
        for (key, hop) in &wanted {
            if !self.hops.contains_key(key)
                && let Err(error) = self.neighbours.keep(*key)
            {
                self.failed.insert(places::interface_of(*hop), format!("{error:#}"));
            }
        }
        self.hops = wanted;
    }

    /// Takes in messages, and writes the words that they change. Returns the interfaces.
    pub(super) fn hear<T: RouterTables>(
        &mut self,
        news: &[NeighbourNews],
        forwarding: &Forwarding<T>,
    ) -> BTreeSet<u32> {
        let changes: Vec<_> = news.iter().filter_map(|news| self.neighbours.hear(news)).collect();
        self.show_changes(changes, forwarding)
    }

    /// Reads all neighbours again.
    pub(super) fn read_again(&mut self) -> Result<()> {
        self.neighbours.read_again().map(drop)
    }

    /// Adds neighbours again that the kernel has dropped, asks for those without a MAC address, and writes the words that this
    /// changes. Returns the interfaces.
    pub(super) fn mend<T: RouterTables>(&mut self, forwarding: &Forwarding<T>) -> BTreeSet<u32> {
        self.failed.clear();
        let mended = self.neighbours.mend();
        for (key, error) in mended.failed {
            if let Some(hop) = self.hops.get(&key) {
                self.failed.insert(places::interface_of(*hop), format!("{error:#}"));
            }
        }
        self.show_changes(mended.changes, forwarding)
    }

    /// Has the kernel ask no more for neighbours of these devices that nobody keeps.
    pub(super) fn forget_others(&mut self, ifindexes: &BTreeMap<u32, u32>) -> Result<()> {
        self.neighbours.forget_others(&ifindexes.values().copied().collect())
    }

    /// Writes the words of all interfaces of a plan.
    pub(super) fn show_all<T: RouterTables>(
        &mut self,
        plan: &RouterPlan,
        forwarding: &Forwarding<T>,
    ) {
        let mut macs: BTreeMap<u32, [u8; 6]> = BTreeMap::new();
        for (key, mac) in self.neighbours.iter() {
            if let (Some(hop), Some(mac)) = (self.hops.get(&key), mac) {
                macs.insert(*hop, mac);
            }
        }
        for (_, interface) in plan.interfaces() {
            let peers: BTreeSet<u32> =
                interface.peers().map(|peer| places::next_hop(interface.index, peer)).collect();
            for hop in [places::next_hop_v4(interface.index), places::next_hop_v6(interface.index)]
            {
                if interface.is_up && peers.contains(&hop) {
                    self.show(hop, macs.get(&hop).copied(), forwarding);
                } else {
                    forwarding.write_neighbour(hop, None);
                }
            }
        }
    }

    /// Whether the time is over for which words stay as they were found. True once.
    pub(super) fn ends_hold(&mut self, now: Instant) -> bool {
        self.hold_until.take_if(|until| *until <= now).is_some()
    }

    /// The last errors, by interface.
    pub(super) fn failed(&self) -> &BTreeMap<u32, String> {
        &self.failed
    }

    fn show_changes<T: RouterTables>(
        &mut self,
        changes: Vec<NeighbourChange>,
        forwarding: &Forwarding<T>,
    ) -> BTreeSet<u32> {
        let mut interfaces = BTreeSet::new();
        for change in changes {
            if let Some(hop) = self.hops.get(&change.key).copied() {
                self.show(hop, change.mac, forwarding);
                interfaces.insert(places::interface_of(hop));
            }
        }
        interfaces
    }

    fn show<T: RouterTables>(
        &mut self,
        hop: u32,
        mac: Option<[u8; 6]>,
        forwarding: &Forwarding<T>,
    ) {
        let is_held = self.hold_until.is_some() && !self.resolved.contains(&hop);
        if mac.is_some() {
            self.resolved.insert(hop);
        } else if is_held {
            return;
        }
        forwarding.write_neighbour(hop, mac);
    }
}
