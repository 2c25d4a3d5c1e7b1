//! The changes of the word by all CPUs in one interleaving, and the properties that they must have.

use edge_common::abi::rate::{Rate, TICKS_PER_NS_LOG2};

use super::cpu::{Change, Ran};

/// One interleaving.
pub(crate) struct Trace {
    pub(crate) rate: Rate,
    /// The time in ticks, and how far ahead of it the word was.
    pub(crate) started: (u64, u64),
    /// The word at the start and at the end.
    pub(crate) words: (u64, u64),
    pub(crate) skew_ns: u64,
    pub(crate) ran: Vec<Ran>,
}

impl Trace {
    pub(crate) fn debts(&self) -> u64 {
        self.ran.iter().map(|ran| ran.lease.debts).sum()
    }

    /// Holds it against `docs/policer.md`.
    pub(crate) fn check(&self) {
        let changes = self.in_order();
        self.nothing_is_lost(&changes);
        self.credit_is_less_than_a_lease();
        self.every_window_is_within_the_bound(&changes);
    }

    /// The changes as the word went through them: each from where the one before left it, to the
    /// last, so that none was overwritten.
    fn in_order(&self) -> Vec<Change> {
        let mut left: Vec<Change> = self.ran.iter().flat_map(|ran| &ran.changes).copied().collect();
        let mut ordered = Vec::new();
        let mut word = self.words.0;
        while let Some(next) = left.iter().position(|change| change.old == word) {
            let change = left.swap_remove(next);
            word = change.new;
            ordered.push(change);
        }
        assert!(left.is_empty(), "changes were lost: {left:?} after {ordered:?}");
        assert_eq!(word, self.words.1, "after {ordered:?}");
        ordered
    }

    /// The bytes sold and owed are those that were admitted, and those that CPUs still hold.
    fn nothing_is_lost(&self, changes: &[Change]) {
        let sold_ticks: u64 = changes.iter().map(sold_ticks).sum();
        let held_bytes =
            |ran: &Ran| ran.lease.credit_bytes.iter().copied().map(u64::from).sum::<u64>();
        let bytes: u64 = self.ran.iter().map(|ran| ran.admitted_bytes + held_bytes(ran)).sum();
        assert_eq!(sold_ticks, bytes << TICKS_PER_NS_LOG2, "{changes:?}");
    }

    fn credit_is_less_than_a_lease(&self) {
        let (lease_bytes, _) = self.rate.lease(0, 0, u64::MAX);
        for credit_bytes in self.ran.iter().flat_map(|ran| ran.lease.credit_bytes) {
            assert!(credit_bytes < lease_bytes, "{credit_bytes} bytes");
        }
    }

    /// For all pairs of clock readings: what was sold between them.
    fn every_window_is_within_the_bound(&self, changes: &[Change]) {
        let (start_ticks, ahead_ticks) = self.started;
        // The ticks that the word was ahead at the start were sold then.
        let before = Change {
            old: start_ticks,
            new: start_ticks + ahead_ticks,
            now_ticks: start_ticks,
            is_debt: false,
            ceiling_ticks: ahead_ticks,
        };
        let changes: Vec<Change> = std::iter::once(before).chain(changes.iter().copied()).collect();
        for from in &changes {
            for to in &changes {
                let within: Vec<&Change> = changes
                    .iter()
                    .filter(|one| (from.now_ticks..=to.now_ticks).contains(&one.now_ticks))
                    .collect();
                let sold: u64 = within.iter().map(|one| sold_ticks(one)).sum();
                assert!(sold <= self.bound_ticks(&within), "{sold} ticks: {within:?}");
            }
        }
    }

    /// Time, skew, burst, what the last lease overshot, and debts.
    fn bound_ticks(&self, within: &[&Change]) -> u64 {
        let times = within.iter().map(|change| change.now_ticks);
        let time_ticks = times.clone().max().unwrap_or(0) - times.min().unwrap_or(0);
        let ceiling_ticks = within.iter().map(|change| change.ceiling_ticks).max().unwrap_or(0);
        let debts: u64 =
            within.iter().filter(|change| change.is_debt).map(|change| sold_ticks(change)).sum();
        let (_, lease_ticks) = self.rate.lease(0, 0, ceiling_ticks);
        time_ticks + (self.skew_ns << TICKS_PER_NS_LOG2) + ceiling_ticks + lease_ticks + debts
    }
}

/// Ticks by which the change moved the word on: from the word's old value, or from the CPU's time
/// where it took the policer for idle. Debts are added to the old value.
fn sold_ticks(change: &Change) -> u64 {
    let Change { old, new, now_ticks, is_debt, .. } = *change;
    let was_idle = old < now_ticks || new < old;
    if was_idle && !is_debt { new - now_ticks } else { new - old }
}
