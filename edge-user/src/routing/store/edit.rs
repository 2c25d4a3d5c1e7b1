//! Changes of tables.

use std::collections::HashSet;

use edge_common::{
    abi::{
        fib::RouteValue,
        routing::{MAX_MEMBERS, NextHopGroup},
    },
    fib::Address,
    host::fib::{HostFib, Route, intervals},
};

use super::{
    FibStore,
    arrays::FibArrays,
    draft::{self, Made, Unmade},
    error::{FullArray, StoreError, StoreFull},
    grace::Grace,
};

/// A change of one or more tables. Each swap is seen by frames at once, and whole.
///
/// Groups that it hands out are there until it ends, and after that as long as a table has a route to them.
pub struct FibEdit<'a, M: FibArrays, G: Grace> {
    store: &'a mut FibStore<M, G>,
    /// Groups that this edit is a user of.
    groups: HashSet<u32>,
}

/// A table, and all roots that turn to it.
#[derive(Clone, Debug)]
pub struct TableOfRoots<'r> {
    /// The roots.
    pub roots: Vec<u32>,
    /// The routes.
    pub routes: TableRoutes<'r>,
}

/// Routes of a family.
#[derive(Clone, Copy, Debug)]
pub enum TableRoutes<'r> {
    /// IPv4.
    V4(&'r [Route<u32>]),
    /// IPv6.
    V6(&'r [Route<u128>]),
}

/// A table that was swapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Swapped {
    /// Whether the root has another tree now. False: the routes make the tree that it had.
    pub is_changed: bool,
    /// Lines that were written.
    pub new_lines: u32,
    /// Lines of the table that were there already.
    pub shared_lines: u32,
}

impl<'a, M: FibArrays, G: Grace> FibEdit<'a, M, G> {
    pub(super) fn new(store: &'a mut FibStore<M, G>) -> Self {
        Self { store, groups: HashSet::new() }
    }

    /// The value of routes to these next hops, by their indices: a group that flows are spread over in this order, or
    /// the only one of them.
    pub fn group(&mut self, next_hops: &[u32]) -> Result<RouteValue, StoreError> {
        for index in next_hops {
            RouteValue::next_hop(*index).ok_or(StoreError::NextHop { index: *index })?;
        }
        if let [index] = next_hops {
            return RouteValue::next_hop(*index).ok_or(StoreError::NextHop { index: *index });
        }
        let count = next_hops.len();
        if count == 0 || count > MAX_MEMBERS {
            return Err(StoreError::Members { members: count });
        }
        let mut group = NextHopGroup { count: count as u32, ..NextHopGroup::default() };
        group.members[..count].copy_from_slice(next_hops);
        let index = self.hold_group(&group).ok_or_else(|| self.full(FullArray::Groups, 1))?;
        RouteValue::group(index).ok_or_else(|| self.full(FullArray::Groups, 1))
    }

    /// Turns a root to the tree of these IPv4 routes.
    pub fn swap_v4(&mut self, root: u32, routes: &[Route<u32>]) -> Result<Swapped, StoreError> {
        self.check(root, routes)?;
        let mut fib = HostFib::default();
        let top = fib.add(&intervals(routes));
        self.swap::<u32>(root, top.map(|_| fib), routes.len())
    }

    /// Turns a root to the tree of these IPv6 routes.
    pub fn swap_v6(&mut self, root: u32, routes: &[Route<u128>]) -> Result<Swapped, StoreError> {
        self.check(root, routes)?;
        let mut fib = HostFib::default();
        let top = fib.add_v6(routes);
        self.swap::<u64>(root, top.map(|_| fib), routes.len())
    }

    /// Turns roots to the trees of their tables, once all trees are made: after an error, each root has the tree that it
    /// had. Returns whether any has another one.
    pub fn swap_all(&mut self, tables: &[TableOfRoots<'_>]) -> Result<bool, StoreError> {
        let mut trees = Vec::with_capacity(tables.len());
        for table in tables {
            match self.make_one(table) {
                Ok(made) => trees.push(made.tree),
                Err(error) => {
                    // No frame has seen them.
                    for tree in trees {
                        self.store.shared.release_tree(tree);
                    }
                    return Err(error);
                }
            }
        }
        let mut is_changed = false;
        for (table, tree) in tables.iter().zip(trees) {
            for root in &table.roots {
                self.store.shared.trees.hold(tree);
                is_changed |= self.store.turn(*root, tree);
            }
            self.store.shared.release_tree(tree);
        }
        Ok(is_changed)
    }

    /// Takes a root's tree away: no address has a route there. Returns whether it had one.
    pub fn clear(&mut self, root: u32) -> Result<bool, StoreError> {
        self.check::<u32>(root, &[])?;
        Ok(self.store.turn(root, 0))
    }

    /// Turns a root to the last tree of `fib`, whose starts are like `A`.
    fn swap<A: Address>(
        &mut self,
        root: u32,
        fib: Option<HostFib>,
        routes: usize,
    ) -> Result<Swapped, StoreError> {
        let Made { tree, new_lines, shared_lines } = self.make::<A>(fib, routes)?;
        let is_changed = self.store.turn(root, tree);
        Ok(Swapped { is_changed, new_lines, shared_lines })
    }

    /// The tree of a table, of which the caller is a user.
    fn make_one(&mut self, table: &TableOfRoots<'_>) -> Result<Made, StoreError> {
        let mut fib = HostFib::default();
        match table.routes {
            TableRoutes::V4(routes) => {
                table.roots.iter().try_for_each(|root| self.check(*root, routes))?;
                let top = fib.add(&intervals(routes));
                self.make::<u32>(top.map(|_| fib), routes.len())
            }
            TableRoutes::V6(routes) => {
                table.roots.iter().try_for_each(|root| self.check(*root, routes))?;
                let top = fib.add_v6(routes);
                self.make::<u64>(top.map(|_| fib), routes.len())
            }
        }
    }

    /// The last tree of `fib`, whose starts are like `A`, of which the caller is a user.
    fn make<A: Address>(
        &mut self,
        fib: Option<HostFib>,
        routes: usize,
    ) -> Result<Made, StoreError> {
        let fib = fib.ok_or(StoreError::TooManyRoutes { routes })?;
        let made = draft::make::<A, M>(&mut self.store.shared, &fib, None);
        made.map_err(|unmade| match unmade {
            Unmade::Levels => StoreError::TooManyRoutes { routes },
            Unmade::Room(array, wanted) => self.full(array, wanted),
        })
    }

    /// Refuses roots and values that don't exist.
    fn check<A>(&self, root: u32, routes: &[Route<A>]) -> Result<(), StoreError> {
        let roots = self.store.roots.len() as u32;
        if root == 0 || root >= roots {
            return Err(StoreError::NoRoot { root, roots });
        }
        let is_known = |value: RouteValue| {
            value.as_subtree().is_none()
                && value.as_group().is_none_or(|group| self.groups.contains(&group))
        };
        match routes.iter().find(|route| !is_known(route.value)) {
            Some(route) => Err(StoreError::UnknownValue { value: route.value }),
            None => Ok(()),
        }
    }

    /// A group of which this edit is a user.
    fn hold_group(&mut self, group: &NextHopGroup) -> Option<u32> {
        let shared = &mut self.store.shared;
        let index = if let Some(index) = shared.groups.hold_equal(group) {
            index
        } else {
            let index = shared.groups.place(group)?;
            shared.arrays.write_group(index, group);
            shared.hold_members(group);
            index
        };
        if !self.groups.insert(index) {
            shared.release_group(index);
        }
        Some(index)
    }

    fn full(&self, array: FullArray, wanted: u32) -> StoreError {
        let usage = self.store.usage();
        let (free, together) = match array {
            FullArray::Lines => (usage.free_lines, usage.free_lines_together),
            FullArray::Trees => (usage.free_trees, usage.free_trees),
            FullArray::Groups => (usage.free_groups, usage.free_groups),
        };
        StoreFull { array, wanted, free, together, waiting: usage.waiting }.into()
    }
}

impl<M: FibArrays, G: Grace> Drop for FibEdit<'_, M, G> {
    fn drop(&mut self) {
        // No frame can be in a group that no tree has had, and those of trees wait with them.
        for group in self.groups.drain() {
            self.store.shared.release_group(group);
        }
    }
}
