//! Ranges of VIDs, each with its owner.

use std::collections::BTreeMap;

use super::CTags;

/// Ranges that don't overlap, by their first VID.
pub(super) struct Intervals<T> {
    ranges: BTreeMap<u16, (u16, T)>,
}

impl<T> Default for Intervals<T> {
    fn default() -> Self {
        Self { ranges: BTreeMap::new() }
    }
}

impl<T: Copy> Intervals<T> {
    /// The parts of `wanted` that have an owner, from the lowest VID.
    pub(super) fn overlaps(&self, wanted: CTags) -> Vec<(CTags, T)> {
        let below = self.ranges.range(..wanted.first).next_back();
        let within = self.ranges.range(wanted.first..=wanted.last);
        let overlaps = below.into_iter().chain(within).filter_map(|(first, (last, owner))| {
            let first = wanted.first.max(*first);
            let last = wanted.last.min(*last);
            (first <= last).then_some((CTags { first, last }, *owner))
        });
        overlaps.collect()
    }

    /// Gives `owner` the parts of `wanted` that have no owner, and returns the others.
    pub(super) fn claim(&mut self, wanted: CTags, owner: T) -> Vec<(CTags, T)> {
        let overlaps = self.overlaps(wanted);
        let mut first = wanted.first;
        for (taken, _) in &overlaps {
            if first < taken.first {
                self.ranges.insert(first, (taken.first - 1, owner));
            }
            first = taken.last + 1;
        }
        if first <= wanted.last {
            self.ranges.insert(first, (wanted.last, owner));
        }
        overlaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(first: u16, last: u16) -> CTags {
        CTags { first, last }
    }

    #[test]
    fn touching_is_not_overlapping() {
        let mut intervals = Intervals::default();
        assert_eq!(intervals.claim(tags(100, 199), 'a'), []);
        assert_eq!(intervals.claim(tags(200, 200), 'b'), []);
        assert_eq!(intervals.claim(tags(1, 99), 'c'), []);
        assert_eq!(intervals.claim(tags(201, 4094), 'd'), []);
        assert_eq!(
            intervals.overlaps(tags(199, 201)),
            [(tags(199, 199), 'a'), (tags(200, 200), 'b'), (tags(201, 201), 'd')]
        );
    }

    #[test]
    fn the_first_keeps_what_it_has() {
        let mut intervals = Intervals::default();
        assert_eq!(intervals.claim(tags(10, 20), 'a'), []);
        assert_eq!(intervals.claim(tags(15, 25), 'b'), [(tags(15, 20), 'a')]);
        assert_eq!(intervals.claim(tags(12, 13), 'c'), [(tags(12, 13), 'a')]);
        assert_eq!(intervals.claim(CTags::ANY, 'd'), [(tags(10, 20), 'a'), (tags(21, 25), 'b')]);
        assert_eq!(intervals.overlaps(tags(9, 9)), [(tags(9, 9), 'd')]);
        assert_eq!(intervals.overlaps(tags(4094, 4094)), [(tags(4094, 4094), 'd')]);
        assert_eq!(intervals.claim(CTags::ANY, 'e').len(), 4);
    }
}
