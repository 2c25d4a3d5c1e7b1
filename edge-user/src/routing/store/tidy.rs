//! Moving lines together, where those that are free are in too many pieces.

use std::collections::HashMap;

use edge_common::{
    abi::fib::{RouteValue, Tree},
    fib::Lines,
    host::fib::HostFib,
};

use super::{
    FibStore,
    arrays::FibArrays,
    draft::{self, Made},
    grace::Grace,
    read_back::{Start, intervals_of, is_narrow},
    shape::LineRun,
};

/// The outcome of a step of tidying.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tidied {
    /// There are as many free lines together as were asked for.
    Enough,
    /// Trees were made again, with so many lines in other places. The places before become free after a grace
    /// period.
    Moved(u32),
    /// Nothing was moved. If trees are [waiting](super::FibUsage::waiting), something may be free in a moment.
    Stuck,
}

impl<M: FibArrays, G: Grace> FibStore<M, G> {
    /// Moves lines so that, after a few calls with grace periods between them, there are `together` free ones in one
    /// piece, if there are enough in all. Each frame finds its whole table, in one place or the other. A call moves no
    /// more than `together` lines and those that change with them.
    pub fn tidy(&mut self, together: u32) -> Tidied {
        self.collect();
        if self.shared.lines.free_together() >= together {
            return Tidied::Enough;
        }
        let lines = &self.shared.lines;
        let window = cheapest(&lines.pieces(), together);
        if let Some(moved) = window.and_then(|window| self.clear_out(window)) {
            return Tidied::Moved(moved);
        }
        // What is in the window has no room outside of it. A run directly above a gap goes into any gap: into that
        // gap itself, which so moves upwards and takes in those that it meets, or into another, and the gap grows.
        for gap in self.shared.lines.gaps() {
            let above = self.shared.lines.run_at(gap.first + gap.count);
            if let Some(moved) = above.and_then(|run| self.make_all_again(run)) {
                return Tidied::Moved(moved);
            }
        }
        Tidied::Stuck
    }

    /// Moves what is in a window to outside of it.
    fn clear_out(&mut self, window: LineRun) -> Option<u32> {
        let gaps = self.shared.lines.gaps().into_iter().filter(|gap| window.overlaps(*gap));
        let gaps: Vec<_> = gaps.collect();
        for gap in &gaps {
            self.shared.lines.withhold(*gap);
        }
        let moved = self.make_all_again(window);
        self.shared.lines.give(gaps);
        moved
    }

    /// Makes the trees again that have some of these lines, without them, and returns how many lines were written;
    /// `None`: no tree was made again. Those for which there is no room stay.
    fn make_all_again(&mut self, lines: LineRun) -> Option<u32> {
        // Roots that had one tree have one again.
        let mut made_of: HashMap<u32, Option<u32>> = HashMap::new();
        let mut moved = None;
        for root in 1..self.roots.len() as u32 {
            let tree = self.roots[root as usize];
            let made = if let Some(made) = made_of.get(&tree) {
                made.inspect(|made| _ = self.shared.trees.hold(*made));
                *made
            } else {
                let made = self.make_again(tree, lines);
                if let Some(made) = made {
                    moved = Some(moved.unwrap_or(0) + made.new_lines);
                }
                let made = made.map(|made| made.tree);
                made_of.insert(tree, made);
                made
            };
            if let Some(made) = made {
                self.turn(root, made);
            }
        }
        moved
    }

    /// A copy of a tree that does not have these lines, of which the caller is a user; `None`: the tree does not have
    /// them, or there is no room for a copy.
    fn make_again(&mut self, tree: u32, lines: LineRun) -> Option<Made> {
        let shared = &mut self.shared;
        if !shared.has_some_of(tree, lines) {
            return None;
        }
        let record = shared.arrays.tree(tree).copied()?;
        let made = if is_narrow(&shared.arrays, &record)? {
            let fib = copy::<u32>(&shared.arrays, &record)?;
            draft::make::<u32, M>(shared, &fib, Some(lines))
        } else {
            let fib = copy::<u64>(&shared.arrays, &record)?;
            draft::make::<u64, M>(shared, &fib, Some(lines))
        };
        made.ok()
    }
}

/// Of neighbouring pieces that are `together` lines or more, those with the fewest lines in use; `None`: there are
/// not so many lines. A piece has its lines and whether they are free.
fn cheapest(pieces: &[(LineRun, bool)], together: u32) -> Option<LineRun> {
    let (mut begin, mut count, mut used) = (0, 0, 0);
    let mut best: Option<(u32, LineRun)> = None;
    for (piece, is_free) in pieces {
        count += piece.count;
        used += if *is_free { 0 } else { piece.count };
        while count >= together {
            let (first, is_free) = pieces[begin];
            if best.is_none_or(|(least, _)| used < least) {
                best = Some((used, LineRun { first: first.first, count }));
            }
            begin += 1;
            count -= first.count;
            used -= if is_free { 0 } else { first.count };
        }
    }
    best.map(|(_, window)| window)
}

/// A tree and its subtrees as they are in the arrays.
fn copy<A: Start>(arrays: &impl Lines, tree: &Tree) -> Option<HostFib> {
    let mut fib = HostFib::default();
    let mut intervals = intervals_of::<A>(arrays, tree)?;
    for (_, value) in &mut intervals {
        if let Some(subtree) = value.as_subtree() {
            let intervals = intervals_of::<u64>(arrays, arrays.tree(subtree)?)?;
            *value = RouteValue::subtree(fib.add(&intervals)?)?;
        }
    }
    fib.add(&intervals)?;
    Some(fib)
}
