//! The forwarding tables as the engine writes them.

use std::collections::{BTreeMap, BTreeSet};

use edge_common::{
    abi::{
        fib::RouteValue,
        routing::{LINK_UP, Mac},
    },
    host::fib::Route,
};

use super::{
    domain_tables::DomainTables,
    error::{EngineError, Result},
    places::{
        InterfaceRoots, NEXT_HOPS_PER_INTERFACE, ROOTS_PER_INTERFACE, interface_of, next_hop_v4,
        next_hop_v6,
    },
    plan::{RouterDomain, RouterPlan},
    tables::RouterTables,
    trees::{TreeRoutes, trees},
    ways::{RouteWay, WayNumbers},
};
use crate::routing::{
    bird::model::DomainSide,
    store::{
        BrokenRoot, FibStore, FibUsage, StoreError, Tidied,
        edit::{TableOfRoots, TableRoutes},
    },
};

/// The word of a link that is down.
const LINK_DOWN: u64 = 1;

/// The tables, and all that is known of their use.
pub(super) struct Forwarding<T: RouterTables> {
    store: FibStore<T, T::Grace>,
    /// Interfaces that are enabled.
    enabled: BTreeSet<u32>,
    /// Interfaces whose port has no carrier.
    without_carrier: BTreeSet<u32>,
}

impl<T: RouterTables> Forwarding<T> {
    /// Takes tables over as they are, and returns the roots that were damaged, too.
    pub(super) fn new(tables: T) -> Result<(Self, Vec<BrokenRoot>)> {
        let grace = tables.grace()?;
        let (store, broken) = FibStore::take_over(tables, grace);
        let (enabled, without_carrier) = (BTreeSet::new(), BTreeSet::new());
        Ok((Self { store, enabled, without_carrier }, broken))
    }

    /// Goes on with other tables, in which the present ones were copied.
    pub(super) fn replace(&mut self, tables: T) -> Result<Vec<BrokenRoot>> {
        let grace = tables.grace()?;
        let (store, broken) = FibStore::take_over(tables, grace);
        let before = std::mem::replace(&mut self.store, store);
        // Words that the copy may not have.
        let (old, new) = (before.arrays(), self.store.arrays());
        for next_hop in 0..old.next_hops().min(new.next_hops()) {
            write_if_other(new.neighbour(next_hop), old.neighbour(next_hop), |word| {
                new.write_neighbour(next_hop, word);
            });
        }
        for link in 0..old.links().min(new.links()) {
            write_if_other(new.link(link), old.link(link), |word| new.write_link(link, word));
        }
        Ok(broken)
    }

    /// The tables.
    pub(super) fn tables(&self) -> &T {
        self.store.arrays()
    }

    /// Free entries.
    pub(super) fn usage(&self) -> FibUsage {
        self.store.usage()
    }

    /// Number of interfaces that the tables have room for, with that of index 0.
    pub(super) fn room(&self) -> u32 {
        let tables = self.tables();
        let roots = tables.sizes().roots / ROOTS_PER_INTERFACE;
        let next_hops = tables.next_hops() / NEXT_HOPS_PER_INTERFACE;
        roots.min(next_hops).min(tables.links())
    }

    /// Refuses a plan with interfaces that the tables have no room for.
    pub(super) fn check(&self, plan: &RouterPlan) -> Result<()> {
        let room = self.room();
        match plan.interfaces().find(|(_, interface)| interface.index >= room) {
            Some((domain, interface)) => Err(EngineError::plan(format!(
                "{} has the interface {}, and the tables have room for those below {room}",
                domain.name, interface.index
            ))),
            None => Ok(()),
        }
    }

    /// Whether any root of an interface has a tree.
    pub(super) fn has_trees(&self, index: u32) -> bool {
        let roots = InterfaceRoots::of(index).all();
        roots.into_iter().any(|root| self.tables().root(root).is_some_and(|word| word != 0))
    }

    /// Takes all away that an index has: its frames have no route, and no frame goes to its neighbours.
    pub(super) fn clear(&mut self, index: u32) -> Result<(), StoreError> {
        let mut edit = self.store.edit();
        for root in InterfaceRoots::of(index).all() {
            edit.clear(root)?;
        }
        drop(edit);
        self.clear_neighbours(index);
        self.enabled.remove(&index);
        self.write_link_word(index, LINK_UP);
        Ok(())
    }

    fn clear_neighbours(&self, index: u32) {
        for next_hop in [next_hop_v4(index), next_hop_v6(index)] {
            self.write_neighbour(next_hop, None);
        }
    }

    /// Writes the MAC address of a neighbour.
    pub(super) fn write_neighbour(&self, next_hop: u32, mac: Option<[u8; 6]>) {
        let word = mac.map_or(Mac::NONE, Mac::new).to_bits();
        let tables = self.tables();
        if interface_of(next_hop) < self.room() {
            write_if_other(tables.neighbour(next_hop), word, |word| {
                tables.write_neighbour(next_hop, word);
            });
        }
    }

    /// The MAC address of a neighbour.
    pub(super) fn neighbour(&self, next_hop: u32) -> Option<Mac> {
        let is_there = interface_of(next_hop) < self.room();
        let mac = is_there.then(|| Mac::from_bits(self.tables().neighbour(next_hop)));
        mac.filter(|mac| mac.is_there())
    }

    /// Sets which of a plan's interfaces are enabled.
    pub(super) fn enable(&mut self, plan: &RouterPlan) {
        let enabled = plan.interfaces().filter(|(_, interface)| interface.is_up);
        self.enabled = enabled.map(|(_, interface)| interface.index).collect();
        for (_, interface) in plan.interfaces() {
            self.show_link(interface.index);
        }
    }

    /// Notes that the ports of interfaces have a carrier, or none.
    pub(super) fn set_carrier(&mut self, indices: &BTreeSet<u32>, is_present: bool) {
        for index in indices {
            if is_present {
                self.without_carrier.remove(index);
            } else {
                self.without_carrier.insert(*index);
            }
            // Others have no frames, and nobody may find words of theirs.
            if self.enabled.contains(index) {
                self.show_link(*index);
            }
        }
    }

    /// Whether an interface is enabled and its port has a carrier.
    pub(super) fn is_up(&self, index: u32) -> bool {
        self.enabled.contains(&index) && !self.without_carrier.contains(&index)
    }

    fn show_link(&self, index: u32) {
        self.write_link_word(index, if self.is_up(index) { LINK_UP } else { LINK_DOWN });
    }

    fn write_link_word(&self, index: u32, word: u64) {
        let tables = self.tables();
        if index < tables.links() {
            write_if_other(tables.link(index), word, |word| tables.write_link(index, word));
        }
    }

    /// Turns the roots of a domain to its tables, all or none, and returns whether any has another tree.
    pub(super) fn swap(
        &mut self,
        domain: &RouterDomain,
        tables: &DomainTables,
    ) -> Result<bool, StoreError> {
        let (trees, cleared) = trees(domain, tables);
        let mut edit = self.store.edit();
        let mut values = Vec::new();
        for way in tables.ways.iter() {
            values.push(match way {
                RouteWay::NextHops(members) => edit.group(members)?,
                RouteWay::Blackhole => RouteValue::BLACKHOLE,
            });
        }
        let routes: Vec<_> =
            trees.iter().map(|tree| valued(&tree.routes, &tables.ways, &values)).collect();
        let of_roots: Vec<_> = trees
            .into_iter()
            .zip(&routes)
            .map(|(tree, routes)| TableOfRoots {
                roots: tree.roots,
                routes: match routes {
                    ValuedRoutes::V4(routes) => TableRoutes::V4(routes),
                    ValuedRoutes::V6(routes) => TableRoutes::V6(routes),
                },
            })
            .collect();
        let mut is_changed = edit.swap_all(&of_roots)?;
        for root in cleared {
            is_changed |= edit.clear(root)?;
        }
        Ok(is_changed)
    }

    /// Number of lines of the trees in which a domain's destinations are looked up.
    pub(super) fn lines_of(&self, domain: &RouterDomain) -> u32 {
        let sides = [DomainSide::Customer, DomainSide::Cloud];
        let of_side = |side| domain.interfaces.iter().find(|interface| interface.side == side);
        let interfaces = sides.into_iter().filter_map(of_side);
        let lines = interfaces.map(|interface| {
            // All interfaces of a side have the same trees.
            let roots = InterfaceRoots::of(interface.index);
            self.store.lines_of(roots.destinations_v4) + self.store.lines_of(roots.destinations_v6)
        });
        lines.sum()
    }

    /// Makes room for a change that found too few lines together. Whether another try may succeed at once.
    pub(super) fn make_room(&mut self, error: &StoreError) -> bool {
        let StoreError::Full(full) = error else { return false };
        full.free >= full.wanted
            && full.together < full.wanted
            && matches!(self.store.tidy(full.wanted), Tidied::Enough)
    }

    /// Frees what no frame can be in any more.
    pub(super) fn collect(&mut self) {
        self.store.collect();
    }
}

/// The routes of a tree with the store's values.
enum ValuedRoutes {
    V4(Vec<Route<u32>>),
    V6(Vec<Route<u128>>),
}

fn valued(routes: &TreeRoutes<'_>, ways: &WayNumbers, values: &[RouteValue]) -> ValuedRoutes {
    let value = |value: RouteValue| match (ways.way(value), value.as_next_hop()) {
        (Some(_), Some(number)) => values[number as usize],
        _ => value,
    };
    match routes {
        TreeRoutes::V4(routes) => ValuedRoutes::V4(
            routes.iter().map(|route| Route { value: value(route.value), ..*route }).collect(),
        ),
        TreeRoutes::V6(routes) => ValuedRoutes::V6(
            routes.iter().map(|route| Route { value: value(route.value), ..*route }).collect(),
        ),
    }
}

fn write_if_other(before: u64, word: u64, write: impl FnOnce(u64)) {
    if before != word {
        write(word);
    }
}

/// The interface of each root in these, for messages.
pub(super) fn interfaces_of(broken: &[BrokenRoot]) -> BTreeMap<u32, String> {
    let of_root = |broken: &BrokenRoot| (broken.root / ROOTS_PER_INTERFACE, broken.to_string());
    broken.iter().map(of_root).collect()
}
