//! Buckets go on in other tables: as empty as they were, with what flows have in their queues and
//! with what policers have counted.

use std::{collections::BTreeMap, mem::offset_of};

use anyhow::Result;
use edge_common::{police::Policer, qos::BurstShare, rate::Rate};

use super::{
    change_rate::{moved, now_ticks},
    keys,
    occupancy::occupancy,
    tables::KernelTables,
};
use crate::plan::PolicerKey;

/// Buckets that two sets of tables have, by their indices in both.
pub struct Buckets {
    policers: Vec<Bucket>,
    flow_queues: Vec<(u32, u32)>,
}

struct Bucket {
    from: u32,
    to: u32,
    /// The rates there and here.
    rates: Option<(Rate, Rate)>,
    /// What the old one had sold when it was last looked at, in ticks of its rate.
    sold_ticks: Option<u64>,
}

impl Buckets {
    /// Those that `old` and `new`, which hold their plans, have in common.
    pub fn in_both(old: &KernelTables, new: &KernelTables) -> Self {
        let (from, to) = (policers(old), policers(new));
        let (from_rates, to_rates) = (rates(old), rates(new));
        let policers = from.iter().filter_map(|(key, from)| {
            let to = *to.get(key)?;
            let rates = from_rates.get(from).copied().zip(to_rates.get(&to).copied());
            Some(Bucket { from: *from, to, rates, sold_ticks: None })
        });
        let (from, to) = (occupancy(old).flow_queues.known, occupancy(new).flow_queues.known);
        let flow_queues = from.iter().filter_map(|(key, from)| Some((*from, *to.get(key)?)));
        Self { policers: policers.collect(), flow_queues: flow_queues.collect() }
    }

    /// Makes the buckets of `new` as full as those of `old`: to be called before each program that
    /// turns from the one to the other, and once more when none is left that uses `old`. A bucket
    /// then has sold what both have, but for what one sold between a call and the turn, which the
    /// next call takes off again.
    pub fn copy(&mut self, old: &KernelTables, new: &KernelTables) -> Result<()> {
        for Bucket { from, to, rates, sold_ticks } in &mut self.policers {
            let sold_now_ticks = old.policers.word_at(*from, SOLD_WORD);
            let Some(before_ticks) = sold_ticks.replace(sold_now_ticks) else {
                // Peaks, leases and the like go on, too.
                new.policers.set(*to, &old.policers.get(*from));
                new.leases.copy(*to, &old.leases, *from)?;
                if let Some((old, rate)) = rates {
                    new.policers.update(*to, |tat_ticks| moved(tat_ticks, now_ticks(), old, rate));
                }
                continue;
            };
            let missing_ticks = sold_now_ticks.wrapping_sub(before_ticks);
            if missing_ticks > 0
                && let Some((old, rate)) = rates
            {
                let missing_ticks = in_ticks_of(missing_ticks, old, rate);
                new.policers.update(*to, |tat_ticks| {
                    let now_ticks = now_ticks();
                    let ahead_ticks = rate.ahead_ticks(tat_ticks, now_ticks);
                    Some(now_ticks.wrapping_add(ahead_ticks).wrapping_add(missing_ticks))
                });
            }
        }
        for (from, to) in self.flow_queues.drain(..) {
            new.flow_queues.set(to, &old.flow_queues.get(from));
        }
        Ok(())
    }
}

/// Which word of a policer tells how much it has sold.
const SOLD_WORD: usize = offset_of!(Policer<u64>, sold_ticks) / size_of::<u64>();
const _: () = assert!(offset_of!(Policer<u64>, tat_ticks) == 0);

/// As many bytes, in ticks of another rate; no more than a burst, which a moment can't sell.
fn in_ticks_of(ticks: u64, old: &Rate, new: &Rate) -> u64 {
    let (old_ticks, new_ticks) = (old.ticks(1 << 17).max(1), new.ticks(1 << 17));
    let scaled = u128::from(ticks) * u128::from(new_ticks) / u128::from(old_ticks);
    u64::try_from(scaled).unwrap_or(u64::MAX).min(new.ceiling_ticks(BurstShare::WHOLE))
}

fn policers(tables: &KernelTables) -> BTreeMap<PolicerKey, u32> {
    let keys = &tables.policer_keys;
    let known = (1..keys.len()).filter_map(|i| Some((keys::policer_key(&keys.get(i))?, i)));
    known.collect()
}

/// The rate of each policer that an attachment uses.
fn rates(tables: &KernelTables) -> BTreeMap<u32, Rate> {
    let mut rates = BTreeMap::new();
    for index in tables.owners().into_values() {
        let (limits, own) = (tables.limits.get(index), tables.attachments.get(index).bucket());
        for bucket in limits.classes.into_iter().chain([limits.peering, own]) {
            if bucket.policer != 0 {
                rates.insert(bucket.policer, tables.rates.get(bucket.rate));
            }
        }
    }
    rates
}
