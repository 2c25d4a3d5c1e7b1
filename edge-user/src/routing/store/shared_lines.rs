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

    /// Counts one user more of a run that has this content and no line of `but`, and returns its first line.
    pub(super) fn hold_equal(
        &mut self,
        arrays: &impl Lines,
        content: &[FibLine],
        hash: u64,
        but: Option<LineRun>,
    ) -> Option<u32> {
        let first = self.find(arrays, content, hash, but)?;
        self.used.get_mut(&first)?.users += 1;
        Some(first)
    }

    /// Whether there is a run that has this content.
    pub(super) fn has_equal(&self, arrays: &impl Lines, content: &[FibLine], hash: u64) -> bool {
        self.find(arrays, content, hash, None).is_some()
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

    /// Counts one user less of each of these runs. Without users, a run's lines are free.
    pub(super) fn release_all(&mut self, runs: &[LineRun]) {
        for run in runs {
            self.release(run.first);
        }
    }

    /// Number of free lines.
    pub(super) fn free(&self) -> u32 {
        self.free.total()
    }

    /// The most free lines that lie one after the other.
    pub(super) fn free_together(&self) -> u32 {
        self.free.largest()
    }

    /// Lines in use, and free ones, in ascending order, and whether they are free.
    pub(super) fn pieces(&self) -> Vec<(LineRun, bool)> {
        let used = self.used.iter();
        let used = used.map(|(first, run)| (LineRun { first: *first, count: run.count }, false));
        let mut pieces: Vec<_> = used.chain(self.free.pieces().map(|gap| (gap, true))).collect();
        pieces.sort_unstable();
        pieces
    }

    /// The pieces of free lines, in ascending order.
    pub(super) fn gaps(&self) -> Vec<LineRun> {
        self.free.pieces().collect()
    }

    /// The run in use that begins with a line.
    pub(super) fn run_at(&self, first: u32) -> Option<LineRun> {
        self.used.get(&first).map(|run| LineRun { first, count: run.count })
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

    /// Whether all runs in a window have room outside of it, the largest ones first.
    pub(super) fn have_room_outside(&self, window: LineRun) -> bool {
        let mut outside = self.free.clone();
        for gap in self.free.pieces().filter(|gap| gap.overlaps(window)) {
            outside.withhold(gap);
        }
        let runs = self.used.range(window.first..window.first + window.count);
        let mut counts: Vec<u32> = runs.map(|(_, run)| run.count).collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts.into_iter().all(|count| outside.take(count).is_some())
    }

    /// Makes a gap be no gap, until it is given.
    pub(super) fn withhold(&mut self, gap: LineRun) {
        self.free.withhold(gap);
    }

    /// Makes lines free that nobody uses.
    pub(super) fn give(&mut self, runs: impl IntoIterator<Item = LineRun>) {
        for run in runs {
            self.free.give(run);
        }
    }

    fn release(&mut self, first: u32) {
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

    fn find(
        &self,
        arrays: &impl Lines,
        content: &[FibLine],
        hash: u64,
        but: Option<LineRun>,
    ) -> Option<u32> {
        let is_equal = |first: &u32| {
            self.used.get(first).is_some_and(|run| {
                let place = LineRun { first: *first, count: run.count };
                run.count as usize == content.len() && but.is_none_or(|but| !but.overlaps(place))
            }) && (*first..).zip(content).all(|(line, wanted)| arrays.line(line) == Some(wanted))
        };
        self.by_hash.get(&hash)?.iter().copied().find(is_equal)
    }

    fn insert(&mut self, run: LineRun, hash: u64) {
        let LineRun { first, count } = run;
        self.used.insert(first, RunUse { count, users: 1, hash });
        self.by_hash.entry(hash).or_default().push(first);
    }
}
