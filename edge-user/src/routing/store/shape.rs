//! The places of a tree's lines.

use edge_common::{
    abi::fib::{LEVELS, Tree, VALUES},
    fib::Address,
};

/// Lines that lie one after the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct LineRun {
    /// The first one.
    pub(super) first: u32,
    /// Their number.
    pub(super) count: u32,
}

impl LineRun {
    /// Whether a line is in both.
    pub(super) fn overlaps(self, other: Self) -> bool {
        self.first < other.first + other.count && other.first < self.first + self.count
    }
}

/// The lines of each level of a tree by starts like `A`, from the top, and of its values at the end; `None`: the
/// numbers of its levels and intervals don't belong together.
pub(super) fn runs<A: Address>(tree: &Tree) -> Option<Vec<LineRun>> {
    let intervals = tree.last_interval.checked_add(1)?;
    let counts = level_counts::<A>(intervals);
    if counts.len() != tree.levels as usize || counts.len() > LEVELS {
        return None;
    }
    let levels = tree.level_lines.iter().zip(counts);
    let mut runs: Vec<LineRun> =
        levels.map(|(first, count)| LineRun { first: *first, count }).collect();
    runs.push(LineRun { first: tree.value_lines, count: intervals.div_ceil(VALUES) });
    Some(runs)
}

/// The same tree with its runs in other places.
pub(super) fn moved(tree: &Tree, firsts: &[u32]) -> Tree {
    let mut level_lines = [0; LEVELS];
    let (values, levels) = firsts.split_last().unwrap_or((&0, &[]));
    level_lines.iter_mut().zip(levels).for_each(|(place, first)| *place = *first);
    Tree::new(level_lines, tree.levels, *values, tree.last_interval)
}

/// Numbers of lines by level, from the top.
pub(super) fn level_counts<A: Address>(intervals: u32) -> Vec<u32> {
    let mut counts = Vec::new();
    let mut entries = intervals;
    while entries > 1 {
        entries = entries.div_ceil(1 << A::STARTS_LOG2);
        counts.push(entries);
    }
    counts.reverse();
    counts
}
