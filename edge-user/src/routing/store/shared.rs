//! The arrays, with the number of users of each entry.

use std::collections::{BTreeSet, HashMap};

use edge_common::abi::{fib::Tree, routing::NextHopGroup};

use super::{
    arrays::FibArrays,
    holdings::{Holdings, Referent},
    records::SharedRecords,
    shape::LineRun,
    shared_lines::SharedLines,
};

/// The arrays and the users of their entries. A user of a tree is a root, a tree that has it as a subtree, or somebody
/// who is about to make it one of these or to forget it.
pub(super) struct SharedFib<M> {
    pub(super) arrays: M,
    pub(super) lines: SharedLines,
    pub(super) trees: SharedRecords<Tree>,
    pub(super) groups: SharedRecords<NextHopGroup>,
    /// By the tree's index.
    holdings: HashMap<u32, Holdings>,
    /// Numbers of trees and groups that refer to a next hop.
    next_hops: HashMap<u32, u32>,
}

impl<M: FibArrays> SharedFib<M> {
    /// Arrays without users. No entry is free, either.
    pub(super) fn new(arrays: M) -> Self {
        let sizes = arrays.sizes();
        Self {
            arrays,
            lines: SharedLines::new(sizes.lines),
            trees: SharedRecords::new(sizes.trees),
            groups: SharedRecords::new(sizes.groups),
            holdings: HashMap::new(),
            next_hops: HashMap::new(),
        }
    }

    /// Counts one user more of an entry, as there is a tree now that refers to it. Subtrees and groups are used
    /// already.
    pub(super) fn hold(&mut self, target: Referent) {
        match target {
            Referent::Subtree(index) => _ = self.trees.hold(index),
            Referent::Group(index) => _ = self.groups.hold(index),
            Referent::NextHop(index) => *self.next_hops.entry(index).or_default() += 1,
        }
    }

    /// Counts one user less of a tree. Without users, it is free, and what it refers to has one user less.
    pub(super) fn release_tree(&mut self, index: u32) {
        if !self.trees.release(index) {
            return;
        }
        if let Some(holdings) = self.holdings.remove(&index) {
            self.release_all(holdings);
        }
    }

    /// Counts one user less of each of these.
    pub(super) fn release_all(&mut self, Holdings { runs, targets }: Holdings) {
        self.lines.release_all(&runs);
        for target in targets {
            self.release(target);
        }
    }

    /// Hands over to a tree what it refers to.
    pub(super) fn set_holdings(&mut self, tree: u32, holdings: Holdings) {
        self.holdings.insert(tree, holdings);
    }

    /// Counts the next hops of a group that has its first user.
    pub(super) fn hold_members(&mut self, group: &NextHopGroup) {
        for member in members(group) {
            self.hold(Referent::NextHop(*member));
        }
    }

    /// Counts one user less of a group. Without users, it is free.
    pub(super) fn release_group(&mut self, index: u32) {
        if self.groups.release(index)
            && let Some(group) = self.arrays.group(index).copied()
        {
            for member in members(&group) {
                self.release(Referent::NextHop(*member));
            }
        }
    }

    /// Number of lines of a tree and its subtrees.
    pub(super) fn lines_of(&self, tree: u32) -> u32 {
        self.runs_of(tree).iter().map(|run| run.count).sum()
    }

    /// The runs of a tree and its subtrees.
    pub(super) fn runs_of(&self, tree: u32) -> BTreeSet<LineRun> {
        let mut found = BTreeSet::new();
        let mut trees = vec![tree];
        while let Some(tree) = trees.pop() {
            let Some(Holdings { runs, targets }) = self.holdings.get(&tree) else { continue };
            found.extend(runs);
            trees.extend(targets.iter().filter_map(|target| target.as_subtree()));
        }
        found
    }

    /// Whether a tree or one of its subtrees has some of these lines.
    pub(super) fn has_some_of(&self, tree: u32, lines: LineRun) -> bool {
        let Some(Holdings { runs, targets }) = self.holdings.get(&tree) else { return false };
        let mut subtrees = targets.iter().filter_map(|target| target.as_subtree());
        runs.iter().any(|run| run.overlaps(lines))
            || subtrees.any(|subtree| self.has_some_of(subtree, lines))
    }

    /// Whether a tree or a group refers to a next hop.
    pub(super) fn is_next_hop_used(&self, index: u32) -> bool {
        self.next_hops.contains_key(&index)
    }

    fn release(&mut self, target: Referent) {
        match target {
            Referent::Subtree(index) => self.release_tree(index),
            Referent::Group(index) => self.release_group(index),
            Referent::NextHop(index) => {
                if let Some(users) = self.next_hops.get_mut(&index) {
                    *users -= 1;
                    if *users == 0 {
                        self.next_hops.remove(&index);
                    }
                }
            }
        }
    }
}

fn members(group: &NextHopGroup) -> &[u32] {
    let count = group.members.len().min(group.count as usize);
    &group.members[..count]
}
