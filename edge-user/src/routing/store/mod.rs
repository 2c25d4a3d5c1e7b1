//! The memory of the forwarding tables: which lines, trees and groups of next hops are in use, and which are free.
//!
//! A tree is never changed. A change of a domain's routes makes another tree of free lines, and one store turns the
//! domain's root to it; the tree before is used again when no frame can be in it any more.
//!
//! ```text
//!            FibEdit::swap_v4                         ┌─ roots ── one store ──┐
//!  routes ──▶ HostFib ──▶ Draft: lines that are new ──┤                       ▼
//!            (edge-common)       (SharedLines)        └─▶ lines, trees ─▶ frames look here
//!                                                          ▲                  │
//!                          free again, when Grace says so ─┴── tree before ◀──┘
//! ```
//!
//! Equal content is there once: levels of trees, whole trees, and groups. Users of each are counted in this process
//! alone, and a new daemon counts them by a walk from the roots ([`FibStore::take_over`]).

#![expect(
    clippy::cast_possible_truncation,
    reason = "numbers of lines and other entries are below the sizes of arrays, which have 32 bits"
)]

pub mod arrays;
mod capacity;
mod draft;
pub mod edit;
pub mod error;
mod free_lines;
pub mod grace;
mod grace_thread;
mod holdings;
mod read_back;
mod records;
mod shape;
mod shared;
mod shared_lines;
mod takeover;
#[cfg(test)]
mod tests;
mod tidy;

use std::collections::VecDeque;

use self::{arrays::FibArrays, edit::FibEdit, grace::Grace, shape::LineRun, shared::SharedFib};
pub use self::{
    arrays::{FibSizes, HostArrays},
    capacity::{TableLimits, sizes_for},
    error::{BrokenRoot, Flaw, FullArray, StoreError, StoreFull},
    grace_thread::GraceThread,
    read_back::{Start, intervals_of},
    tidy::Tidied,
};

/// The one writer of an edge's forwarding tables.
pub struct FibStore<M, G: Grace> {
    shared: SharedFib<M>,
    grace: G,
    /// The tree of each root, by the root's index; 0: none.
    roots: Vec<u32>,
    /// In the order of their tickets.
    waiting: VecDeque<(G::Ticket, Waiting)>,
}

/// Memory that a frame may still be in.
enum Waiting {
    /// A root's tree of before, with the root's hold on it.
    Tree(u32),
    /// All that no root referred to when this process came.
    Leftovers(Leftovers),
}

struct Leftovers {
    lines: Vec<LineRun>,
    trees: Vec<u32>,
    groups: Vec<u32>,
}

/// Free entries of the arrays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FibUsage {
    /// Lines that nobody uses.
    pub free_lines: u32,
    /// The most of them that lie one after the other, as those of a level have to.
    pub free_lines_together: u32,
    /// Trees that nobody uses.
    pub free_trees: u32,
    /// Groups that nobody uses.
    pub free_groups: u32,
    /// Number of trees that were replaced, and that a frame may still be in.
    pub waiting: u32,
}

impl<M: FibArrays, G: Grace> FibStore<M, G> {
    /// The store of arrays that are zero and that no program has read: all of them is free at once.
    pub fn new(arrays: M, grace: G) -> Self {
        let roots = vec![0; arrays.sizes().roots as usize];
        let mut shared = SharedFib::new(arrays);
        let leftovers = Leftovers::of(&mut shared);
        leftovers.free(&mut shared);
        Self { shared, grace, roots, waiting: VecDeque::new() }
    }

    /// The store of arrays that another process has left, whenever it ended.
    ///
    /// Roots whose trees are damaged are cleared and returned. Entries to which no root leads become free after a grace
    /// period, as a frame may still be in it; until then, [`Self::collect`] returns false.
    pub fn take_over(arrays: M, mut grace: G) -> (Self, Vec<BrokenRoot>) {
        let mut shared = SharedFib::new(arrays);
        let (roots, broken) = takeover::adopt(&mut shared);
        let leftovers = Waiting::Leftovers(Leftovers::of(&mut shared));
        let waiting = VecDeque::from([(grace.start(), leftovers)]);
        (Self { shared, grace, roots, waiting }, broken)
    }

    /// Begins a change of tables.
    pub fn edit(&mut self) -> FibEdit<'_, M, G> {
        self.collect();
        FibEdit::new(self)
    }

    /// Makes free what no frame can be in any more; true: there is nothing left that waits.
    pub fn collect(&mut self) -> bool {
        while let Some((ticket, _)) = self.waiting.front()
            && self.grace.is_over(*ticket)
        {
            match self.waiting.pop_front() {
                Some((_, Waiting::Tree(tree))) => self.shared.release_tree(tree),
                Some((_, Waiting::Leftovers(leftovers))) => leftovers.free(&mut self.shared),
                None => {}
            }
        }
        self.waiting.is_empty()
    }

    /// The arrays, to look into.
    pub fn arrays(&self) -> &M {
        &self.shared.arrays
    }

    /// The free entries of the arrays.
    pub fn usage(&self) -> FibUsage {
        let lines = &self.shared.lines;
        FibUsage {
            free_lines: lines.free(),
            free_lines_together: lines.free_together(),
            free_trees: self.shared.trees.free(),
            free_groups: self.shared.groups.free(),
            waiting: self.waiting(),
        }
    }

    /// Number of lines of the root's tree and its subtrees, each once, whether others share them or not; 0: it has no
    /// tree.
    pub fn lines_of(&self, root: u32) -> u32 {
        let tree = self.roots.get(root as usize).copied().unwrap_or(0);
        self.shared.lines_of(tree)
    }

    /// Whether a tree or a group refers to the next hop with this index. The trees of before count until no frame
    /// can be in them: the index of a next hop that is not used can have another owner.
    pub fn is_next_hop_used(&self, index: u32) -> bool {
        self.shared.is_next_hop_used(index)
    }

    /// Turns a root to a tree, of which the caller hands its hold over, and returns whether it has another now.
    fn turn(&mut self, root: u32, tree: u32) -> bool {
        let before = std::mem::replace(&mut self.roots[root as usize], tree);
        if before == tree {
            self.shared.release_tree(tree);
            return false;
        }
        self.shared.arrays.publish(root, u64::from(tree));
        self.waiting.push_back((self.grace.start(), Waiting::Tree(before)));
        true
    }

    fn waiting(&self) -> u32 {
        u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }
}

impl Leftovers {
    fn of<M: FibArrays>(shared: &mut SharedFib<M>) -> Self {
        Self {
            lines: shared.lines.leftovers(),
            trees: shared.trees.leftovers(),
            groups: shared.groups.leftovers(),
        }
    }

    fn free<M: FibArrays>(self, shared: &mut SharedFib<M>) {
        shared.lines.give(self.lines);
        shared.trees.give(self.trees);
        shared.groups.give(self.groups);
    }
}
