//! Lines that nobody uses, in pieces.

use std::collections::{BTreeMap, BTreeSet};

use super::shape::LineRun;

/// The free pieces, none of which is next to another.
///
/// The crate `range-alloc` does the same, but goes through all pieces at each step: here are as many as there are
/// long IPv6 prefixes.
#[derive(Clone, Debug, Default)]
pub(super) struct FreeLines {
    /// Lengths by first lines.
    by_first: BTreeMap<u32, u32>,
    /// Lengths and first lines.
    by_count: BTreeSet<(u32, u32)>,
    total: u32,
}

impl FreeLines {
    /// Takes lines of the smallest piece that has so many, the lowest of several, and returns the first one. So
    /// large pieces last.
    pub(super) fn take(&mut self, count: u32) -> Option<u32> {
        let (piece, first) = *self.by_count.range((count, 0)..).next()?;
        self.remove(first, piece);
        self.insert(first + count, piece - count);
        Some(first)
    }

    /// Gives back lines that are not free.
    pub(super) fn give(&mut self, run: LineRun) {
        let LineRun { mut first, mut count } = run;
        if let Some((before, length)) = self.by_first.range(..first).next_back()
            && before + length == first
        {
            let (before, length) = (*before, *length);
            self.remove(before, length);
            (first, count) = (before, count + length);
        }
        if let Some(length) = self.by_first.get(&(first + count)).copied() {
            self.remove(first + count, length);
            count += length;
        }
        self.insert(first, count);
    }

    /// Takes a piece.
    pub(super) fn withhold(&mut self, piece: LineRun) {
        self.remove(piece.first, piece.count);
    }

    /// Number of free lines.
    pub(super) fn total(&self) -> u32 {
        self.total
    }

    /// Length of the largest piece.
    pub(super) fn largest(&self) -> u32 {
        self.by_count.last().map_or(0, |(count, _)| *count)
    }

    /// The pieces, in ascending order.
    pub(super) fn pieces(&self) -> impl Iterator<Item = LineRun> {
        self.by_first.iter().map(|(first, count)| LineRun { first: *first, count: *count })
    }

    fn insert(&mut self, first: u32, count: u32) {
        if count > 0 {
            self.by_first.insert(first, count);
            self.by_count.insert((count, first));
            self.total += count;
        }
    }

    fn remove(&mut self, first: u32, count: u32) {
        self.by_first.remove(&first);
        self.by_count.remove(&(count, first));
        self.total -= count;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The pieces of a list of which lines are free.
    fn pieces(free: &[bool]) -> Vec<(u32, u32)> {
        let mut pieces: Vec<(u32, u32)> = Vec::new();
        for (line, _) in (0u32..).zip(free).filter(|(_, is_free)| **is_free) {
            match pieces.last_mut() {
                Some((first, count)) if *first + *count == line => *count += 1,
                _ => pieces.push((line, 1)),
            }
        }
        pieces
    }

    proptest! {
        /// Against a list: no line has two owners, and the pieces are those that the list has.
        #[test]
        fn lines_have_one_owner(
            steps in prop::collection::vec((1u32..20, any::<prop::sample::Index>()), 1..200),
        ) {
            let mut lines = FreeLines::default();
            lines.give(LineRun { first: 1, count: 99 });
            let mut free = vec![true; 100];
            free[0] = false;
            let mut taken: Vec<LineRun> = Vec::new();
            for (count, which) in steps {
                let smallest = pieces(&free).into_iter().filter(|piece| piece.1 >= count);
                let smallest = smallest.min_by_key(|(first, count)| (*count, *first));
                let first = lines.take(count);
                prop_assert_eq!(first, smallest.map(|piece| piece.0));
                if let Some(first) = first {
                    taken.push(LineRun { first, count });
                    free[first as usize..][..count as usize].fill(false);
                } else {
                    let run = taken.swap_remove(which.index(taken.len()));
                    lines.give(run);
                    free[run.first as usize..][..run.count as usize].fill(true);
                }
                let pieces = pieces(&free);
                prop_assert_eq!(lines.total(), pieces.iter().map(|piece| piece.1).sum::<u32>());
                prop_assert_eq!(lines.largest(), pieces.iter().map(|piece| piece.1).max().unwrap_or(0));
                let found: Vec<_> = lines.pieces().map(|run| (run.first, run.count)).collect();
                prop_assert_eq!(found, pieces);
            }
        }
    }
}
