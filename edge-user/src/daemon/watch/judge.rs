//! The verdict on a circuit that loses frames: it is over a rate, or its bursts are larger than a bucket's.

use std::time::Duration;

use edge_api::{ConditionKind, PolicerStatus};

use super::loads::ClassLoad;
use crate::{
    config::{Circuit, Config, largest_burst_bytes},
    units::{about_bit_rate, bit_rate, count, size_up_to},
};

/// From this part of a rate on, in thousandths, it is the rate that a circuit is over.
const OVER_PERMILLE: u128 = 950;
/// Below this part of a rate, a circuit that was over it is so no more.
const UNDER_PERMILLE: u128 = 800;

/// The load of a class of a peering, in one direction on one link.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfferedClass<'a> {
    pub(super) peering: &'a str,
    pub(super) class: &'a str,
    pub(super) load: ClassLoad,
}

/// The verdict on one direction on one link.
#[derive(Debug)]
pub(super) struct Verdict<'a> {
    pub(super) kind: ConditionKind,
    /// The bucket that has the largest part of its rate in use.
    bucket: &'a PolicerStatus,
    /// Whether no bucket inside another one may have refused the frames.
    is_only: bool,
    offered_bps: u64,
    lost: ClassLoad,
    over: Duration,
}

/// The burst that a circuit's configuration gives, and the smallest part of it, in thousandths, that a class may use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Burstiness {
    burst_bytes: u64,
    least_share_permille: u64,
}

impl Burstiness {
    pub(super) fn of(config: &Config, circuit: &Circuit) -> Self {
        let profiles = circuit.peerings.iter().filter_map(|peering| config.qos.get(&peering.qos));
        let shares = profiles.flat_map(|profile| &profile.classes);
        let least = shares.map(|class| u64::from(class.burst_share_permille)).min();
        Self {
            burst_bytes: circuit.burst_bytes,
            least_share_permille: least.unwrap_or(1_000).max(1),
        }
    }
}

/// Judges the loads of some time by the buckets of the same direction and link; `None`: nothing was lost. A verdict of before
/// stays in doubt.
pub(super) fn judge<'a>(
    buckets: &[&'a PolicerStatus],
    classes: &[OfferedClass<'_>],
    over: Duration,
    before: Option<ConditionKind>,
) -> Option<Verdict<'a>> {
    let losing = || classes.iter().filter(|class| class.load.lost_frames > 0);
    let candidates = buckets.iter().filter(|bucket| losing().any(|class| has(bucket, class)));
    let us = over.as_micros().max(1);
    let offered_bps = |bucket: &PolicerStatus| {
        let own = classes.iter().filter(|class| has(bucket, class));
        let bytes = own.map(|OfferedClass { load, .. }| {
            u128::from(load.passed_bytes) + u128::from(load.lost_bytes)
        });
        bytes.sum::<u128>() * 8_000_000 / us
    };
    let permille =
        |bucket: &PolicerStatus| offered_bps(bucket) * 1_000 / u128::from(bucket.rate_bps.max(1));
    // Of two that are used alike, the inner one.
    let narrowness = |bucket: &PolicerStatus| (bucket.class.is_some(), bucket.peering.is_some());
    let bucket = *candidates.clone().max_by_key(|it| (permille(it), narrowness(it)))?;
    let least =
        if before == Some(ConditionKind::OverRate) { UNDER_PERMILLE } else { OVER_PERMILLE };
    let is_over = permille(bucket) >= least;
    let own = losing().filter(|class| has(bucket, class));
    let lost = own.fold(ClassLoad::default(), |sum, OfferedClass { load, .. }| ClassLoad {
        passed_bytes: 0,
        lost_bytes: sum.lost_bytes + load.lost_bytes,
        lost_frames: sum.lost_frames + load.lost_frames,
    });
    Some(Verdict {
        kind: if is_over { ConditionKind::OverRate } else { ConditionKind::Bursts },
        bucket,
        is_only: candidates.count() == 1,
        offered_bps: u64::try_from(offered_bps(bucket)).unwrap_or(u64::MAX),
        lost,
        over,
    })
}

/// Whether frames of a class take from a bucket.
fn has(bucket: &PolicerStatus, class: &OfferedClass<'_>) -> bool {
    bucket.peering.as_deref().is_none_or(|peering| peering == class.peering)
        && bucket.class.as_deref().is_none_or(|name| name == class.class)
}

impl Verdict<'_> {
    /// The condition, its effect, and what to do next.
    pub(super) fn sentence(&self, direction: &str, link: &str, burst: Burstiness) -> String {
        let Self { bucket, lost, over, .. } = self;
        let PolicerStatus { rate_bps, burst_bytes, peak_1ms_bps, peak_100ms_bps, .. } = bucket;
        let of = match (&bucket.peering, &bucket.class) {
            (None, _) => "the circuit".to_owned(),
            (Some(peering), None) => format!("peering {peering}"),
            (Some(peering), Some(class)) => format!("class {class} of {peering}"),
        };
        let lost_per_s = u128::from(lost.lost_frames) * 1_000_000;
        let lost_per_s = lost_per_s.div_ceil(over.as_micros().max(1));
        let lost_per_s = count(u64::try_from(lost_per_s).unwrap_or(u64::MAX));
        let offered = about_bit_rate(self.offered_bps);
        let rate = bit_rate(*rate_bps);
        if self.kind == ConditionKind::OverRate {
            let is_inner = bucket.class.is_some() || bucket.peering.is_some();
            let more = if is_inner {
                "give it a higher `bandwidth`"
            } else {
                "sell more (`edge set-bandwidth`)"
            };
            return format!(
                "{direction} on the {link} link, {offered} are offered to {of}, {rate} are purchased, and {lost_per_s} \
                 frames/s are lost; have the customer send less, or {more}"
            );
        }
        let [peak_1ms, peak_100ms] = [*peak_1ms_bps, *peak_100ms_bps].map(about_bit_rate);
        let enough = self.enough_bytes(burst).map(|bytes| {
            let seconds = over.as_secs_f64();
            format!(
                ", or set `burst = \"{}\"`, which would have passed all of the last {seconds:.1} s",
                size_up_to(bytes)
            )
        });
        format!(
            "{direction} on the {link} link, {lost_per_s} frames/s of {of} are lost, though on average {offered} of \
             {rate} are offered: bursts are larger than the burst size of {} bytes (passed: {peak_1ms} in 1 ms, {peak_100ms} \
             in 100 ms); have the customer pace{}",
            count(*burst_bytes),
            enough.unwrap_or_default()
        )
    }

    /// A burst size that would have lost nothing meanwhile, where the circuit's own bucket is the only one that may have
    /// refused the frames. With every lost byte admitted, the bucket is never fuller than before by more than
    /// those; each class may use its share of them.
    fn enough_bytes(&self, burst: Burstiness) -> Option<u64> {
        let Self { bucket, lost, .. } = self;
        let is_own = self.is_only && bucket.burst_bytes == burst.burst_bytes;
        let more = lost.lost_bytes.checked_mul(1_000)?.div_ceil(burst.least_share_permille);
        let enough = bucket.burst_bytes.checked_add(more)?;
        // It is rounded up, and must be allowed all the same.
        let largest = largest_burst_bytes(bucket.rate_bps);
        (is_own && enough.saturating_add(1_000_000) <= largest).then_some(enough)
    }
}

#[cfg(test)]
mod tests;
