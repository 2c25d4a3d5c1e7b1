//! Moving lines together, where those that are free are in too many pieces.

use std::collections::{BTreeMap, BTreeSet};

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

/// Windows that are looked at: the cheapest of many are much alike.
const MOST_TRIALS: usize = 64;

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
        self.clear_a_window(together).or_else(|| self.slide()).map_or(Tidied::Stuck, Tidied::Moved)
    }

    /// Moves all that is in some window of so many lines to outside of it; `None`: there is no room.
    fn clear_a_window(&mut self, together: u32) -> Option<u32> {
        let lines = &self.shared.lines;
        let windows = windows(&lines.pieces(), together).into_iter().take(MOST_TRIALS);
        let possible: Vec<_> = windows.filter(|window| lines.have_room_outside(*window)).collect();
        let clear = |window: LineRun| self.move_out(window, |gap| !gap.overlaps(window), |_| true);
        possible.into_iter().find_map(clear)
    }

    /// Moves a run that is directly above a gap; `None`: there is none that has room in a gap.
    ///
    /// It goes downwards: into that gap itself, which so moves upwards and takes in the next one, or into a lower
    /// one. Only a run above the lowest gap goes anywhere, so that this gap grows. This ends: each step lengthens the
    /// lines in use below all gaps, or else the lowest gap, or else it moves lines downwards.
    fn slide(&mut self) -> Option<u32> {
        let gaps = self.shared.lines.gaps();
        let mut largest = 0;
        for gap in &gaps {
            largest = largest.max(gap.count);
            let above = self.shared.lines.run_at(gap.first + gap.count);
            let moved = above.filter(|run| run.count <= largest).and_then(|run| {
                // With a subtree's lines, those of the values around it change, too.
                let is_above = |left: &LineRun| left.first > gap.first;
                self.move_out(run, |other| other.first <= gap.first, is_above)
            });
            if moved.is_some() {
                return moved;
            }
        }
        let lowest = gaps.first()?;
        let run = self.shared.lines.run_at(lowest.first + lowest.count)?;
        let is_small = run.count <= self.shared.lines.free_together();
        if is_small { self.move_out(run, |_| true, |left| *left == run) } else { None }
    }

    /// Makes the trees again that have some of these lines, in other lines and gaps that they may use, and returns how
    /// many lines were written. `None`: nothing has changed, as there are no such trees, or no room for all of them,
    /// or one would leave a run that it may not leave.
    fn move_out(
        &mut self,
        lines: LineRun,
        may_use: impl Fn(&LineRun) -> bool,
        may_leave: impl Fn(&LineRun) -> bool,
    ) -> Option<u32> {
        let mut withheld = self.shared.lines.gaps();
        withheld.retain(|gap| !may_use(gap));
        for gap in &withheld {
            self.shared.lines.withhold(*gap);
        }
        let (copies, are_all) = self.copy_all(lines);
        self.shared.lines.give(withheld);
        let shared = &mut self.shared;
        let are_left = |(tree, copy): (&u32, &Made)| {
            let before = shared.runs_of(*tree);
            before.difference(&shared.runs_of(copy.tree)).all(&may_leave)
        };
        if !are_all || !copies.iter().all(are_left) {
            // No frame has seen them.
            for copy in copies.values() {
                shared.release_tree(copy.tree);
            }
            return None;
        }
        for root in 1..self.roots.len() as u32 {
            if let Some(copy) = copies.get(&self.roots[root as usize]) {
                self.shared.trees.hold(copy.tree);
                self.turn(root, copy.tree);
            }
        }
        for copy in copies.values() {
            self.shared.release_tree(copy.tree);
        }
        (!copies.is_empty()).then(|| copies.values().map(|copy| copy.new_lines).sum())
    }

    /// Copies of roots' trees that have some of these lines, by those trees, and whether there was room for all. The
    /// caller is a user of each.
    fn copy_all(&mut self, lines: LineRun) -> (BTreeMap<u32, Made>, bool) {
        let trees: BTreeSet<u32> = self.roots.iter().copied().collect();
        let mut copies = BTreeMap::new();
        for tree in trees.into_iter().filter(|tree| *tree != 0) {
            if self.shared.has_some_of(tree, lines) {
                let Some(made) = self.copy(tree, lines) else { return (copies, false) };
                copies.insert(tree, made);
            }
        }
        (copies, true)
    }

    /// A copy of a tree that does not have these lines, of which the caller is a user; `None`: there is no room.
    fn copy(&mut self, tree: u32, lines: LineRun) -> Option<Made> {
        let shared = &mut self.shared;
        let record = shared.arrays.tree(tree).copied()?;
        let made = if is_narrow(&shared.arrays, &record)? {
            let fib = read::<u32>(&shared.arrays, &record)?;
            draft::make::<u32, M>(shared, &fib, Some(lines))
        } else {
            let fib = read::<u64>(&shared.arrays, &record)?;
            draft::make::<u64, M>(shared, &fib, Some(lines))
        };
        made.ok()
    }
}

/// Neighbouring pieces that are `together` lines or a few more, those with the fewest lines in use first. A piece has
/// its lines and whether they are free.
fn windows(pieces: &[(LineRun, bool)], together: u32) -> Vec<LineRun> {
    let (mut begin, mut count, mut used) = (0, 0, 0);
    let mut found = Vec::new();
    for (piece, is_free) in pieces {
        count += piece.count;
        used += if *is_free { 0 } else { piece.count };
        while count >= together {
            let (first, is_free) = pieces[begin];
            found.push((used, LineRun { first: first.first, count }));
            begin += 1;
            count -= first.count;
            used -= if is_free { 0 } else { first.count };
        }
    }
    found.sort_unstable();
    found.into_iter().map(|(_, window)| window).collect()
}

/// A tree and its subtrees as they are in the arrays.
fn read<A: Start>(arrays: &impl Lines, tree: &Tree) -> Option<HostFib> {
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
