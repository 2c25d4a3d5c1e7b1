//! The course of a circuit's traffic in one direction: its figures, and the cause of its losses.

use std::collections::BTreeMap;

use edge_api::{CircuitHistory, CircuitStatus, DirectionTraffic, HistoryPoint};
use jiff::Timestamp;
use serde::Serialize;

/// The reason of frames above a rate.
const OVER_RATE: &str = "over-rate";
/// The reason of frames that a device has refused.
const REFUSED: &str = "egress-refused";
/// From this part of the purchased bandwidth on, five minutes of offered traffic are too much for it, and not its bursts
/// alone.
const SUSTAINED_PERMILLE: u64 = 970;

/// The course of a circuit's traffic in a direction.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Course {
    /// Mean of the offered bit/s over the time that the meters were read; null: nothing is known.
    pub offered_bps: Option<u64>,
    /// Mean of the delivered bit/s.
    pub delivered_bps: Option<u64>,
    /// The step with the most dropped bytes; null: none was dropped.
    pub worst: Option<Worst>,
    /// Dropped frames by class and reason, the most first.
    pub lost: Vec<Lost>,
    /// The highest rate that a link's bucket let through within 1 ms, in bit/s.
    pub peak_1ms_bps: u64,
    /// The highest rate within 100 ms.
    pub peak_100ms_bps: u64,
    /// The burst of the circuit's own bucket in bytes.
    pub burst_bytes: u64,
    /// The cause of frames above a rate; null: there were none.
    pub cause: Option<DropCause>,
}

/// A step of the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Worst {
    /// Its beginning.
    pub start: Timestamp,
    /// Its length in seconds.
    pub step_s: u64,
    /// Offered bit/s.
    pub offered_bps: u64,
    /// Dropped bytes above the rate.
    pub over_rate_bytes: u64,
}

/// Frames that were dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Lost {
    /// The reason.
    pub reason: String,
    /// The class, where the reason is counted by class.
    pub class: Option<String>,
    /// Frames.
    pub frames: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// The cause of frames above a rate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum DropCause {
    /// More is offered than was purchased, for minutes.
    Sustained,
    /// Less is offered than was purchased, and its bursts are larger than the bucket.
    Bursts {
        /// A burst with which nothing would have been lost in the worst step in a class that may use all of it, in
        /// bytes.
        enough_bytes: u64,
    },
    /// A class or a peering has a rate of its own below the circuit's, and is above that.
    OwnRate {
        /// The rate of the slowest of these buckets, in bit/s.
        rate_bps: u64,
    },
}

impl Lost {
    /// Whether a device refused these frames.
    pub(super) fn is_refused(&self) -> bool {
        self.reason == REFUSED
    }

    /// Whether the frames were above a rate.
    pub(super) fn is_over_rate(&self) -> bool {
        self.reason == OVER_RATE
    }
}

impl Course {
    pub(super) fn new(direction: &str, circuit: &CircuitStatus, history: &CircuitHistory) -> Self {
        let traffic = |point: &HistoryPoint| -> DirectionTraffic {
            let both = [&point.inbound, &point.outbound];
            both[usize::from(direction == "outbound")].clone()
        };
        let covered_s: u64 = history.points.iter().map(|point| point.covered_s).sum();
        let all: Vec<_> = history.points.iter().map(|point| (point, traffic(point))).collect();
        let sum =
            |figure: fn(&DirectionTraffic) -> u64| all.iter().map(|(_, one)| figure(one)).sum();
        let delivered_bytes: u64 = sum(|one| one.delivered_bytes);
        let dropped_bytes: u64 = sum(|one| one.dropped_bytes);
        let mean = |bytes: u64| (covered_s > 0).then(|| bytes.saturating_mul(8) / covered_s);
        let most = |figure: fn(&DirectionTraffic) -> u64| {
            all.iter().map(|(_, one)| figure(one)).max().unwrap_or(0)
        };
        let own = circuit.policers.iter();
        let own = own.filter(|bucket| bucket.direction == direction && bucket.peering.is_none());
        let mut course = Self {
            offered_bps: mean(delivered_bytes + dropped_bytes),
            delivered_bps: mean(delivered_bytes),
            worst: worst(history.step_s, &all),
            lost: lost(all.iter().map(|(_, one)| one)),
            peak_1ms_bps: most(|one| one.peak_1ms_bps),
            peak_100ms_bps: most(|one| one.peak_100ms_bps),
            burst_bytes: own.map(|bucket| bucket.burst_bytes).max().unwrap_or(0),
            cause: None,
        };
        course.cause = course.find_cause(direction, circuit);
        course
    }

    fn find_cause(&self, direction: &str, circuit: &CircuitStatus) -> Option<DropCause> {
        let worst = self.worst.as_ref().filter(|worst| worst.over_rate_bytes > 0)?;
        if worst.offered_bps >= circuit.bandwidth_bps / 1000 * SUSTAINED_PERMILLE {
            return Some(DropCause::Sustained);
        }
        // A bucket of a peering or a class that is slower than the circuit, and that has let through as much as it may.
        let slower = circuit.policers.iter().filter(|bucket| {
            bucket.direction == direction
                && bucket.peering.is_some()
                && bucket.rate_bps < circuit.bandwidth_bps
        });
        let above = slower.filter(|bucket| {
            bucket.class.as_ref().is_none_or(|class| {
                self.lost
                    .iter()
                    .any(|lost| lost.is_over_rate() && lost.class.as_ref() == Some(class))
            }) && self.peak_100ms_bps >= bucket.rate_bps
        });
        if let Some(rate_bps) = above.map(|bucket| bucket.rate_bps).min() {
            return Some(DropCause::OwnRate { rate_bps });
        }
        // The dropped frames would have fitted into a bucket that is larger by their bytes.
        Some(DropCause::Bursts { enough_bytes: self.burst_bytes + worst.over_rate_bytes })
    }

    /// Dropped frames for all reasons.
    pub(super) fn lost_frames(&self) -> u64 {
        self.lost.iter().map(|lost| lost.frames).sum()
    }
}

fn over_rate_bytes(traffic: &DirectionTraffic) -> u64 {
    traffic.drops.iter().filter(|drops| drops.reason == OVER_RATE).map(|drops| drops.bytes).sum()
}

fn worst(step_s: u64, all: &[(&HistoryPoint, DirectionTraffic)]) -> Option<Worst> {
    let with_drops = all.iter().filter(|(_, one)| one.dropped_bytes > 0);
    let (point, traffic) =
        with_drops.max_by_key(|(_, one)| (over_rate_bytes(one), one.dropped_bytes))?;
    let bytes = traffic.delivered_bytes + traffic.dropped_bytes;
    Some(Worst {
        start: point.start,
        step_s,
        offered_bps: bytes.saturating_mul(8) / point.covered_s.max(1),
        over_rate_bytes: over_rate_bytes(traffic),
    })
}

fn lost<'a>(all: impl Iterator<Item = &'a DirectionTraffic>) -> Vec<Lost> {
    let mut sums: BTreeMap<(&str, Option<&str>), (u64, u64)> = BTreeMap::new();
    for drops in all.flat_map(|one| &one.drops) {
        let sum = sums.entry((&drops.reason, drops.class.as_deref())).or_default();
        *sum = (sum.0 + drops.frames, sum.1 + drops.bytes);
    }
    let mut lost: Vec<Lost> = sums
        .into_iter()
        .map(|((reason, class), (frames, bytes))| Lost {
            reason: reason.to_owned(),
            class: class.map(str::to_owned),
            frames,
            bytes,
        })
        .collect();
    lost.sort_by_key(|lost| std::cmp::Reverse(lost.frames));
    lost
}
