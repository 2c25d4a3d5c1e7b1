//! The status of policers: how much of each burst is used, what they cost, and the bursts that
//! averages hide.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    mem,
    sync::{Mutex, PoisonError},
};

use edge_api::PolicerStatus;
use edge_common::abi::{
    policer::WINDOW_TICKS,
    rate::{Rate, TICKS_PER_NS_LOG2},
};

use crate::{
    config::{Circuit, Config, default_burst_bytes},
    kernel::{KernelTables, PolicerState, now_ticks},
    plan::{Plan, PolicerKey, Scope},
};

/// Number of periods whose peaks are kept: a minute in all.
const PERIODS: usize = 6;
/// Length of a period.
pub const PERIOD: std::time::Duration = std::time::Duration::from_secs(10);

/// Peaks in ticks of the policer's rate, by window.
type PeakTicks = [u64; WINDOW_TICKS.len()];

/// Peaks that are in the tables no more, by policer.
#[derive(Debug, Default)]
pub struct Peaks {
    /// Those of the periods before this one.
    periods: BTreeMap<u32, VecDeque<PeakTicks>>,
    /// Those that were taken within this period.
    taken: Mutex<HashMap<u32, PeakTicks>>,
}

impl Peaks {
    /// Ends a period: takes the peaks out of the tables, and moves the TAT of idle policers. Returns the
    /// peaks of circuits' purchased bandwidths in this period, where anything was let through.
    pub fn roll(&mut self, plan: &Plan, tables: &KernelTables) -> Vec<(PolicerKey, PeakTicks)> {
        let taken = mem::take(self.taken.get_mut().unwrap_or_else(PoisonError::into_inner));
        let mut rolled = BTreeMap::new();
        let mut purchased = Vec::new();
        for (key, claim) in &plan.policers {
            let index = claim.index;
            let mut periods = self.periods.remove(&index).unwrap_or_default();
            periods.truncate(PERIODS - 1);
            let before = taken.get(&index).copied().unwrap_or_default();
            let peaks = greater(tables.take_peaks(index), before);
            periods.push_front(peaks);
            tables.settle(index);
            rolled.insert(index, periods);
            if is_purchased(key) && peaks != PeakTicks::default() {
                purchased.push((key.clone(), peaks));
            }
        }
        // Peaks of policers that are gone are dropped.
        self.periods = rolled;
        purchased
    }

    /// Takes a policer's peaks out of the tables within a period. Others see them as before.
    pub(super) fn take(&self, tables: &KernelTables, index: u32) -> PeakTicks {
        // In this order: a status that reads the tables first finds a peak at one place or at both.
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let peaks = tables.take_peaks(index);
        let known = taken.entry(index).or_default();
        *known = greater(*known, peaks);
        peaks
    }

    fn of(&self, index: u32, now: PeakTicks) -> PeakTicks {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner).get(&index).copied();
        let periods = self.periods.get(&index).into_iter().flatten().copied();
        periods.chain(taken).fold(now, greater)
    }
}

fn greater([short, long]: PeakTicks, [other_short, other_long]: PeakTicks) -> PeakTicks {
    [short.max(other_short), long.max(other_long)]
}

/// Whether a bucket is that of a circuit's purchased bandwidth.
pub(super) fn is_purchased(key: &PolicerKey) -> bool {
    key.scope == Scope::Purchased && key.vnet.is_none()
}

/// Peaks of a bucket of that rate in bit/s.
pub(super) fn peaks_bps(ticks: PeakTicks, rate_bps: u64) -> PeakTicks {
    std::array::from_fn(|window| scaled(ticks[window], rate_bps, WINDOW_TICKS[window]))
}

/// States of policers by index.
pub(super) type PolicerStates = HashMap<u32, PolicerState>;

/// The status of a circuit's policers, given by key and index.
pub(super) fn policers<'p>(
    config: &Config,
    circuit: &Circuit,
    own: impl Iterator<Item = (&'p PolicerKey, u32)>,
    states: &PolicerStates,
    peaks: &Peaks,
) -> Vec<PolicerStatus> {
    let read = own.filter_map(|(key, index)| {
        let state = states.get(&index)?;
        let (class, rate_bps, burst_bytes) = bucket(config, circuit, key);
        let peaks = peaks.of(index, state.peak_ticks);
        let [peak_1ms_bps, peak_100ms_bps] = peaks_bps(peaks, rate_bps);
        Some(PolicerStatus {
            peering: key.peering.map(|peering| peering.as_str().to_owned()),
            class,
            direction: key.direction.as_str().to_owned(),
            link: key.link.as_str().to_owned(),
            rate_bps,
            burst_bytes,
            used_bytes: used_bytes(state, rate_bps, burst_bytes),
            peak_1ms_bps,
            peak_100ms_bps,
            leases: state.leases,
            retries: state.retries,
            debts: state.debts,
        })
    });
    read.collect()
}

/// Class, rate in bit/s and burst in bytes of a bucket.
fn bucket(config: &Config, circuit: &Circuit, key: &PolicerKey) -> (Option<String>, u64, u64) {
    let peering = circuit.peerings.iter().find(|peering| Some(peering.kind) == key.peering);
    let limit = |class: Option<String>, rate_bps: Option<u64>| {
        let rate_bps = rate_bps.unwrap_or(circuit.bandwidth_bps);
        (class, rate_bps, default_burst_bytes(rate_bps))
    };
    match key.scope {
        // The router's own are not asked for.
        Scope::Purchased | Scope::Punts | Scope::Answers => {
            (None, circuit.bandwidth_bps, circuit.burst_bytes)
        }
        Scope::Peering => limit(None, peering.and_then(|peering| peering.bandwidth_bps)),
        Scope::Class(number) => {
            let profile = peering.map(|peering| &config.qos[&peering.qos]);
            let class = profile.and_then(|profile| profile.classes.get(usize::from(number)));
            limit(
                class.map(|class| class.name.clone()),
                class.and_then(|class| class.bandwidth_bps),
            )
        }
    }
}

fn used_bytes(state: &PolicerState, rate_bps: u64, burst_bytes: u64) -> u64 {
    // The policer's own view: only it knows whether a TAT is ahead of the clock or behind it.
    let ahead_ticks = Rate::new(rate_bps, burst_bytes)
        .map_or(0, |rate| rate.ahead_ticks(state.tat_ticks, now_ticks()));
    scaled(ahead_ticks, rate_bps, 8_000_000_000 << TICKS_PER_NS_LOG2)
}

/// `ticks * rate_bps / per_ticks`.
fn scaled(ticks: u64, rate_bps: u64, per_ticks: u64) -> u64 {
    let scaled = u128::from(ticks) * u128::from(rate_bps) / u128::from(per_ticks);
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_behind_the_clock_is_unused() {
        let state = |tat_ticks| PolicerState {
            tat_ticks,
            peak_ticks: [0; 2],
            leases: 0,
            retries: 0,
            debts: 0,
        };
        let (rate_bps, burst_bytes) = (1_000_000_000, 3_125_000);
        assert_eq!(used_bytes(&state(0), rate_bps, burst_bytes), 0);
        // Ten milliseconds ahead, less what this test takes.
        let ahead = now_ticks().wrapping_add(10_000_000 << TICKS_PER_NS_LOG2);
        assert!(used_bytes(&state(ahead), rate_bps, burst_bytes) <= 1_250_000);
    }
}
