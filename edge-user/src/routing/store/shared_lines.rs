//! Lines that are there once, as long as all lines of a level are equal.

use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasher, RandomState},
};

use edge_common::{abi::fib::FibLine, fib::Lines};
use zerocopy::IntoBytes;

use super::{free_lines::FreeLines, shape::LineRun};

/// The runs of lines in use, counted by the trees that refer to them. Line 0 has no owner ever.
pub(super) struct SharedLines {
    /// Customers choose contents, so the hash has a key that they can't know.
    hasher: RandomState,
    /// First lines by the hashes of contents.
    by_hash: HashMap<u64, Vec<u32>>,
    /// By their first lines.
    used: BTreeMap<u32, RunUse>,
    free: FreeLines,
    lines: u32,
}

struct RunUse {
    count: u32,
    users: u32,
    hash: u64,
}

impl SharedLines {
    /// Of an array with so many lines, none of which is used and none is free.
    pub(super) fn new(lines: u32) -> Self {
        Self {
            hasher: RandomState::new(),
            by_hash: HashMap::new(),
            used: BTreeMap::new(),
            free: FreeLines::default(),
            lines,
        }
    }

    /// The hash by which a content is found.
    pub(super) fn hash(&self, content: &[FibLine]) -> u64 {
        self.hasher.hash_one(content.as_bytes())
    }

    /// Counts one user more of the run that has this content, and returns its first line.
    pub(super) fn hold_equal(
        &mut self,
        arrays: &impl Lines,
        content: &[FibLine],
        hash: u64,
    ) -> Option<u32> {
        let first = self.find(arrays, content, hash)?;
        self.used.get_mut(&first)?.users += 1;
        Some(first)
    }

    /// Whether there is a run that has this content.
    pub(super) fn has_equal(&self, arrays: &impl Lines, content: &[FibLine], hash: u64) -> bool {
        self.find(arrays, content, hash).is_some()
    }

    /// Free lines for a content with this hash, now with their first user; `None`: there are not so many together.
    pub(super) fn place(&mut self, count: u32, hash: u64) -> Option<u32> {
        let first = self.free.take(count)?;
        self.insert(LineRun { first, count }, hash);
        Some(first)
    }

    /// Counts one user more of a run that has a content already; `None`: others use a part of it, but not all, or
    /// it has line 0.
    pub(super) fn adopt(&mut self, run: LineRun, content: &[FibLine]) -> Option<()> {
        if let Some(same) = self.used.get_mut(&run.first) {
            same.users += u32::from(same.count == run.count);
            return (same.count == run.count).then_some(());
        }
        let before = self.used.range(..run.first).next_back();
        let is_over = before.is_none_or(|(first, before)| first + before.count <= run.first);
        let next = self.used.range(run.first..).next();
        let is_clear = next.is_none_or(|(next, _)| run.first + run.count <= *next);
        if !is_over || !is_clear || run.first == 0 {
            return None;
        }
        self.insert(run, self.hash(content));
        Some(())
    }

    /// Counts one user less of a run; without users, its lines are free.
    pub(super) fn release(&mut self, first: u32) {
        let Some(run) = self.used.get_mut(&first) else { return };
        run.users -= 1;
        if run.users > 0 {
            return;
        }
        let RunUse { count, hash, .. } = *run;
        self.used.remove(&first);
        if let Some(places) = self.by_hash.get_mut(&hash) {
            places.retain(|place| *place != first);
            if places.is_empty() {
                self.by_hash.remove(&hash);
            }
        }
        self.free.give(LineRun { first, count });
    }

    /// Number of free lines.
    pub(super) fn free(&self) -> u32 {
        self.free.total()
    }

    /// The most free lines that lie one after the other.
    pub(super) fn free_together(&self) -> u32 {
        self.free.largest()
    }

    /// All lines that nobody uses. None of them is free any more.
    pub(super) fn leftovers(&mut self) -> Vec<LineRun> {
        self.free = FreeLines::default();
        let mut leftovers = Vec::new();
        let mut end = 1;
        let ends = self.used.iter().map(|(first, run)| (*first, first + run.count));
        for (first, next_end) in ends.chain([(self.lines, self.lines)]) {
            if first > end {
                leftovers.push(LineRun { first: end, count: first - end });
            }
            end = next_end;
        }
        leftovers
    }

    /// Makes lines free that nobody uses.
    pub(super) fn give(&mut self, runs: impl IntoIterator<Item = LineRun>) {
        runs.into_iter().for_each(|run| self.free.give(run));
    }

    fn find(&self, arrays: &impl Lines, content: &[FibLine], hash: u64) -> Option<u32> {
        let is_equal = |first: &u32| {
            self.used.get(first).is_some_and(|run| run.count as usize == content.len())
                && (*first..).zip(content).all(|(line, wanted)| arrays.line(line) == Some(wanted))
        };
        self.by_hash.get(&hash)?.iter().copied().find(is_equal)
    }

    fn insert(&mut self, run: LineRun, hash: u64) {
        let LineRun { first, count } = run;
        self.used.insert(first, RunUse { count, users: 1, hash });
        self.by_hash.entry(hash).or_default().push(first);
    }
}
