//! Buckets go on in other tables: with as much of the burst used as before, with the flows' queues,
//! and with the policers' counters.

use std::{collections::BTreeMap, mem::offset_of};

use edge_common::abi::{
    policer::{Bucket, FlowQueues, Policer},
    qos::BurstShare,
    rate::Rate,
};

use crate::{
    kernel::{
        error::Result,
        read::occupancy::published_attachments,
        tables::{clock::now_ticks, kernel_tables::KernelTables, keys},
        write::change_rate::{in_parts, moved},
    },
    plan::PolicerKey,
};

/// Buckets that two sets of tables have, by their indices in both.
pub struct Buckets {
    policers: Vec<Both>,
    flow_queues: Vec<Queues>,
    /// Whether programs have used the new tables before.
    are_used: bool,
}

struct Both {
    from: u32,
    to: u32,
    /// The rates there and here.
    rates: Option<(Granted, Granted)>,
    /// The sum that the old bucket had sold at the last look, in ticks of its rate.
    sold_ticks: Option<u64>,
}

struct Queues {
    from: u32,
    to: u32,
    /// The circuit's rates there and here.
    rates: Option<(Granted, Granted)>,
    /// The old queues at the last look, in ticks of their rate.
    before: Option<Vec<u64>>,
}

/// A rate, and its index.
#[derive(Clone, Copy)]
struct Granted {
    index: u32,
    rate: Rate,
}

/// The rate and the queues that a policer is used with.
struct Use {
    granted: Granted,
    /// Index of the queues of the circuit's flows; 0: none.
    flow_queues: u32,
}

impl Buckets {
    /// The buckets that `old` and `new`, which hold their plans, have in common. `are_used`:
    /// programs have used those of `new` before. These go on, and are only brought to the old
    /// buckets' use where they have more of the burst free.
    #[must_use]
    pub fn in_both(old: &KernelTables, new: &KernelTables, are_used: bool) -> Self {
        let (from_uses, to_uses) = (uses(old), uses(new));
        let both =
            |from: u32, to: u32| Some((from_uses.get(&from)?.granted, to_uses.get(&to)?.granted));
        let (from, to) = (policers(old), policers(new));
        let buckets = from.iter().filter_map(|(key, from)| {
            let to = *to.get(key)?;
            Some(Both { from: *from, to, rates: both(*from, to), sold_ticks: None })
        });
        let queues = from.iter().filter_map(|(key, from)| {
            let to = *to.get(key)?;
            let (from_use, to_use) = (from_uses.get(from)?, to_uses.get(&to)?);
            let (from_queues, to_queues) = (from_use.flow_queues, to_use.flow_queues);
            (from_queues != 0 && to_queues != 0).then_some(Queues {
                from: from_queues,
                to: to_queues,
                rates: both(*from, to),
                before: None,
            })
        });
        Self { policers: buckets.collect(), flow_queues: queues.collect(), are_used }
    }

    /// Brings the buckets of `new` to the use of those of `old`. Callers do this before each
    /// program that turns from `old` to `new`, and once more when no program uses `old`. A new
    /// bucket then has sold as much as both together. The old one may sell more between a call and
    /// the turn: the next call adds that.
    pub fn copy(&mut self, old: &KernelTables, new: &KernelTables) -> Result<()> {
        for bucket in &mut self.policers {
            let sold_now_ticks = old.policers.word_at(bucket.from, SOLD_WORD);
            match bucket.sold_ticks.replace(sold_now_ticks) {
                None if self.are_used => bucket.merge(old, new),
                None => bucket.hand_over(old, new)?,
                Some(before_ticks) => bucket.settle(sold_now_ticks, before_ticks, new),
            }
        }
        for queues in &mut self.flow_queues {
            let now = old.flow_queues.words(queues.from);
            match queues.before.replace(now.clone()) {
                None => queues.hand_over(&now, new, self.are_used),
                Some(before) => queues.settle(&now, &before, new),
            }
        }
        Ok(())
    }
}

impl Both {
    /// Has the new bucket, which no program uses yet, go on where the old one is, with peaks,
    /// leases and their counters.
    fn hand_over(&self, old: &KernelTables, new: &KernelTables) -> Result<()> {
        new.policers.set(self.to, &old.policers.get(self.from));
        let rates = self.rates;
        new.leases.copy(self.to, &old.leases, self.from, |lease| {
            let Some((old, new)) = rates else { return };
            if lease.rate != old.index || old.rate != new.rate {
                lease.credit_bytes = Default::default();
            }
            lease.rate = new.index;
        })?;
        if let Some((old, Granted { rate, .. })) = &rates {
            let moved = |tat_ticks| moved(tat_ticks, now_ticks(), &old.rate, rate);
            new.policers.update(self.to, moved);
        }
        Ok(())
    }

    /// Has the new bucket, which is in use, have no more of its burst free than the old one.
    fn merge(&self, old: &KernelTables, new: &KernelTables) {
        let Some((granted, Granted { rate, .. })) = &self.rates else { return };
        let old_ticks = old.policers.word_at(self.from, TAT_WORD);
        new.policers.update(self.to, |tat_ticks| {
            let now_ticks = now_ticks();
            let moved = moved(old_ticks, now_ticks, &granted.rate, rate).unwrap_or(old_ticks);
            emptier(tat_ticks, moved, now_ticks, rate)
        });
    }

    /// Adds to the new bucket's use the bytes that the old one has sold since.
    fn settle(&self, sold_now_ticks: u64, before_ticks: u64, new: &KernelTables) {
        let sold_ticks = sold_now_ticks.wrapping_sub(before_ticks);
        if let Some((old, Granted { rate, .. })) = &self.rates
            && sold_ticks > 0
        {
            let sold_ticks = in_ticks_of(sold_ticks, &old.rate, rate);
            let sold_more = |tat_ticks| Some(sold_more(tat_ticks, now_ticks(), sold_ticks, rate));
            new.policers.update(self.to, sold_more);
        }
    }
}

impl Queues {
    fn hand_over(&self, now: &[u64], new: &KernelTables, are_used: bool) {
        for (number, ticks) in now.iter().enumerate() {
            let ticks = if number == DRAINED_WORD { *ticks } else { self.in_parts(*ticks) };
            if !are_used {
                new.flow_queues.swap(self.to, number, ticks);
            } else if number >= FIRST_QUEUE_WORD {
                new.flow_queues.update_word(self.to, number, |queued| Some(queued.max(ticks)));
            }
        }
    }

    /// Adds the bytes that have come to the old queues since.
    fn settle(&self, now: &[u64], before: &[u64], new: &KernelTables) {
        for (number, (now, before)) in now.iter().zip(before).enumerate().skip(FIRST_QUEUE_WORD) {
            let more_ticks = self.in_parts(now.saturating_sub(*before));
            if more_ticks > 0 {
                let added = |queued: u64| Some(queued.saturating_add(more_ticks));
                new.flow_queues.update_word(self.to, number, added);
            }
        }
    }

    fn in_parts(&self, ticks: u64) -> u64 {
        self.rates.and_then(|(old, new)| in_parts(ticks, &old.rate, &new.rate)).unwrap_or(ticks)
    }
}

/// Indices of the words of a policer that hold its TAT and the ticks that it has sold.
const TAT_WORD: usize = 0;
const SOLD_WORD: usize = offset_of!(Policer<u64>, sold_ticks) / size_of::<u64>();
const _: () = assert!(offset_of!(Policer<u64>, tat_ticks) == TAT_WORD);

/// Indices of words of flows' queues: the time when they were drained, and the first queue.
const DRAINED_WORD: usize = offset_of!(FlowQueues<u64>, drained_ticks) / size_of::<u64>();
const FIRST_QUEUE_WORD: usize = offset_of!(FlowQueues<u64>, queues_ticks) / size_of::<u64>();
const _: () = assert!(FIRST_QUEUE_WORD == 2 && DRAINED_WORD == 1);

/// The same bytes in ticks of another rate, and a burst at most: no bucket sells more in a moment.
fn in_ticks_of(ticks: u64, old: &Rate, new: &Rate) -> u64 {
    let (old_ticks, new_ticks) = (old.ticks(1 << 17).max(1), new.ticks(1 << 17));
    let scaled = u128::from(ticks) * u128::from(new_ticks) / u128::from(old_ticks);
    u64::try_from(scaled).unwrap_or(u64::MAX).min(new.ceiling_ticks(BurstShare::WHOLE))
}

/// The TAT of a bucket of `rate` after it has sold `sold_ticks` more. It is never so far ahead of
/// the clock that it would be taken for one behind it.
fn sold_more(tat_ticks: u64, now_ticks: u64, sold_ticks: u64, rate: &Rate) -> u64 {
    let ahead_ticks = rate.ahead_ticks(tat_ticks, now_ticks).saturating_add(sold_ticks);
    now_ticks.wrapping_add(ahead_ticks.min(rate.max_ahead_ticks()))
}

/// The TAT of that of two buckets of `rate` which has less of its burst free; `None`: the first
/// one.
fn emptier(tat_ticks: u64, other_ticks: u64, now_ticks: u64, rate: &Rate) -> Option<u64> {
    let other_is = rate.ahead_ticks(other_ticks, now_ticks);
    (other_is > rate.ahead_ticks(tat_ticks, now_ticks)).then_some(other_ticks)
}

fn policers(tables: &KernelTables) -> BTreeMap<PolicerKey, u32> {
    let keys = &tables.policer_keys;
    let known = (1..keys.len()).filter_map(|i| Some((keys::policer_key(&keys.get(i))?, i)));
    known.collect()
}

/// The rate and the queues of each policer that a frame can get to.
fn uses(tables: &KernelTables) -> BTreeMap<u32, Use> {
    let mut uses = BTreeMap::new();
    for index in published_attachments(tables) {
        let (limits, attachment) = (tables.limits.get(index), tables.attachments.get(index));
        let limits = limits.classes.into_iter().chain([limits.peering]).map(|limit| (limit, 0));
        let own = (attachment.bucket(), attachment.flow_queues);
        for (Bucket { policer, rate: index }, flow_queues) in limits.chain([own]) {
            if policer != 0 {
                let granted = Granted { index, rate: tables.rates.get(index) };
                uses.insert(policer, Use { granted, flow_queues });
            }
        }
    }
    uses
}

#[cfg(test)]
mod tests {
    use edge_common::abi::rate::TICKS_PER_NS_LOG2;

    use super::*;

    const MS: u64 = 1_000_000 << TICKS_PER_NS_LOG2;
    /// The last moment before the clock's word wraps around.
    const NOW: u64 = u64::MAX;

    fn rate(rate_bps: u64, burst_bytes: u64) -> Rate {
        Rate::new(rate_bps, burst_bytes).expect("it can be policed")
    }

    fn ahead(tat_ticks: u64) -> u64 {
        tat_ticks.wrapping_sub(NOW)
    }

    #[test]
    fn bytes_stay_bytes_at_another_rate() {
        let (slow, fast) = (rate(10_000_000, 125_000), rate(1_000_000_000, 3_125_000));
        for bytes in [0u32, 64, 1518, 9000, 125_000] {
            // To a tick of each rounding.
            let scaled = in_ticks_of(slow.ticks(bytes), &slow, &fast);
            assert!(scaled.abs_diff(fast.ticks(bytes)) <= 1, "{bytes}");
            let scaled = in_ticks_of(fast.ticks(bytes), &fast, &slow);
            let error = slow.ticks(1).div_ceil(fast.ticks(1));
            assert!(scaled.abs_diff(slow.ticks(bytes)) <= error, "{bytes}");
            assert_eq!(in_ticks_of(slow.ticks(bytes), &slow, &slow), slow.ticks(bytes));
        }
    }

    #[test]
    fn no_more_than_a_burst_is_taken_off_at_once() {
        let (slow, fast) = (rate(10_000_000, 125_000), rate(1_000_000_000, 3_125_000));
        let burst_ticks = |rate: &Rate| rate.ceiling_ticks(BurstShare::WHOLE);
        // A second of the fast one is a burst of the slow one a thousand times.
        assert_eq!(in_ticks_of(1000 * MS, &fast, &slow), burst_ticks(&slow));
        assert_eq!(in_ticks_of(u64::MAX, &slow, &slow), burst_ticks(&slow));
        let extremes = [rate(Rate::MIN_BPS, 64), rate(Rate::MAX_BPS, 64_000_000)];
        for (old, new) in [(&extremes[0], &extremes[1]), (&extremes[1], &extremes[0])] {
            assert!(in_ticks_of(u64::MAX, old, new) <= burst_ticks(new));
        }
    }

    #[test]
    fn what_the_old_one_sold_is_missing_in_the_new_one() {
        let rate = rate(10_000_000, 125_000);
        let sold = |tat_ticks, sold_ticks| ahead(sold_more(tat_ticks, NOW, sold_ticks, &rate));
        assert_eq!(sold(NOW.wrapping_add(30 * MS), 20 * MS), 50 * MS);
        // A bucket with its whole burst free, whenever it was last used, and one without use so
        // far.
        assert_eq!(sold(NOW - 500 * MS, 20 * MS), 20 * MS);
        assert_eq!(sold(NOW - (1 << 62), 20 * MS), 20 * MS);
        // A bucket that is used up owes more, but never looks free, however much it owes.
        assert_eq!(sold(NOW.wrapping_add(100 * MS), 100 * MS), 200 * MS);
        let most = sold_more(NOW.wrapping_add(190 * MS), NOW, 100 * MS, &rate);
        assert_eq!(ahead(most), rate.max_ahead_ticks());
        assert_eq!(rate.ahead_ticks(most, NOW), rate.max_ahead_ticks());
    }

    #[test]
    fn of_two_halves_the_emptier_goes_on() {
        let rate = rate(10_000_000, 125_000);
        let (full, half, empty) = (NOW - MS, NOW.wrapping_add(50 * MS), NOW.wrapping_add(100 * MS));
        for (new, old, expected) in [
            (full, half, Some(half)),
            (half, full, None),
            (half, empty, Some(empty)),
            (empty, half, None),
            (half, half, None),
            (full, NOW - 1000 * MS, None),
            // The new one was never used.
            (0, empty, Some(empty)),
            // The old one was last used weeks ago.
            (half, NOW.wrapping_add(1 << 60), None),
        ] {
            assert_eq!(emptier(new, old, NOW, &rate), expected, "{new} {old}");
        }
    }
}
