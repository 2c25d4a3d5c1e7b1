//! Buckets go on in other tables: with as much of the burst used as before, with the flows' queues,
//! and with the policers' counters.

use std::{collections::BTreeMap, mem::offset_of};

use edge_common::abi::{
    policer::{Bucket, FlowQueues, Policer},
    rate::Rate,
};

use crate::{
    kernel::{
        error::Result,
        read::occupancy::{Published, published},
        tables::{clock::now_ticks, kernel_tables::KernelTables, keys},
        write::{
            bucket_ticks::{emptier, in_ticks_of, sold_more},
            change_rate::{in_parts, moved},
        },
    },
    plan::PolicerKey,
};

/// Buckets that two sets of tables have, by their indices in both.
pub struct CarriedBuckets {
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
struct PolicerUse {
    granted: Granted,
    /// Index of the queues of the circuit's flows; 0: none.
    flow_queues: u32,
}

impl CarriedBuckets {
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

fn policers(tables: &KernelTables) -> BTreeMap<PolicerKey, u32> {
    let keys = &tables.policer_keys;
    let known = (1..keys.len()).filter_map(|i| Some((keys::policer_key(&keys.get(i))?, i)));
    known.collect()
}

/// The rate and the queues of each policer that a frame can get to.
fn uses(tables: &KernelTables) -> BTreeMap<u32, PolicerUse> {
    let mut uses = BTreeMap::new();
    let Published { attachments, interfaces, .. } = published(tables);
    for index in attachments {
        let (limits, attachment) = (tables.limits.get(index), tables.attachments.get(index));
        let limits = limits.classes.into_iter().chain([limits.peering]).map(|limit| (limit, 0));
        let own = (attachment.bucket(), attachment.flow_queues);
        for (Bucket { policer, rate: index }, flow_queues) in limits.chain([own]) {
            if policer != 0 {
                let granted = Granted { index, rate: tables.rates.get(index) };
                uses.insert(policer, PolicerUse { granted, flow_queues });
            }
        }
    }
    for index in interfaces {
        let interface = tables.router_interfaces.get(index);
        for Bucket { policer, rate: index } in [interface.punts, interface.answers] {
            if policer != 0 {
                let granted = Granted { index, rate: tables.rates.get(index) };
                uses.insert(policer, PolicerUse { granted, flow_queues: 0 });
            }
        }
    }
    uses
}
