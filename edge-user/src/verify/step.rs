//! Steps of a test: frames at a part of the rate, evenly spaced.

use std::collections::BTreeMap;

use edge_common::Reason;
use serde::Serialize;

use super::frames::TestFrame;
use crate::replay::{PathEngine, error::Result};

/// Parts of the rate in per cent; the last one is above it.
const LOADS_PERCENT: [u64; 5] = [25, 50, 75, 100, 110];
/// Frames of a step up to the rate.
const FRAMES: u64 = 2_000;
/// Frames of a step above the rate, of which the policer drops a tenth.
const OVERSHOOT_FRAMES: u64 = 10_000;
/// Between two steps, every bucket gets as full as it can: a burst lasts 16 s at most.
const PAUSE_NS: u64 = 60_000_000_000;
/// Above the rate, so much more or less than that may pass, in per mille of it.
const TOLERANCE_PERMILLE: u64 = 10;
const SECOND_NS: u128 = 1_000_000_000;

/// A step's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct StepReport {
    /// Length of the frames in bytes, tags included and without FCS.
    pub frame_bytes: usize,
    /// The part of the rate that was offered, in per cent.
    pub load_percent: u64,
    /// Offered bit/s, in the circuit's `accounting`.
    pub offered_bps: u64,
    /// Bit/s that passed.
    pub delivered_bps: u64,
    /// Frames that were offered.
    pub frames: u64,
    /// Frames that did not pass, by reason.
    pub lost: BTreeMap<String, u64>,
    /// Whether the step has passed.
    pub verdict: StepVerdict,
}

/// A step's verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepVerdict {
    /// As it should be.
    Passed,
    /// A frame within the rate was lost.
    Loss,
    /// Above the rate, less passes than was purchased.
    TooLittle,
    /// Above the rate, more passes than was purchased.
    TooMuch,
}

/// A peering on a port under test, and the time there.
pub(super) struct Service {
    rate_bps: u64,
    /// No bucket on the way has a larger burst.
    burst_bytes: u64,
    now_ns: u64,
}

/// Frames that were offered, and those of them that passed.
#[derive(Default)]
struct Offered {
    frames: u64,
    bytes: u64,
    passed_bytes: u64,
    lost: BTreeMap<String, u64>,
}

impl Offered {
    /// Offers one at `now_ns`, and returns whether it has passed.
    fn offer(&mut self, frame: &TestFrame, path: &mut dyn PathEngine, now_ns: u64) -> Result<bool> {
        let outcome = path.run(&mut frame.bytes(), now_ns)?;
        let len_bytes = u64::from(outcome.len_bytes);
        let is_ok = outcome.reason == Reason::Ok.number();
        self.frames += 1;
        self.bytes += len_bytes;
        if is_ok {
            self.passed_bytes += len_bytes;
        } else {
            let reason = Reason::of_number(outcome.reason).as_str().to_owned();
            *self.lost.entry(reason).or_default() += 1;
        }
        Ok(is_ok)
    }
}

impl Service {
    pub(super) fn new(rate_bps: u64, burst_bytes: u64) -> Self {
        Self { rate_bps, burst_bytes, now_ns: PAUSE_NS }
    }

    /// All steps with this frame.
    pub(super) fn steps(
        &mut self,
        frame: &TestFrame,
        path: &mut dyn PathEngine,
    ) -> Result<Vec<StepReport>> {
        LOADS_PERCENT.into_iter().map(|percent| self.step(frame, percent, path)).collect()
    }

    fn step(
        &mut self,
        frame: &TestFrame,
        load_percent: u64,
        path: &mut dyn PathEngine,
    ) -> Result<StepReport> {
        let is_above = load_percent > 100;
        // The rate counts the bytes of the circuit's accounting, which a frame tells when it is policed.
        let first = path.run(&mut frame.bytes(), self.now_ns)?;
        let counted_bytes = u64::from(first.len_bytes).max(1);
        self.now_ns += PAUSE_NS;
        if is_above {
            self.use_the_burst(frame, counted_bytes, path)?;
        }
        let offered_bps = self.rate_bps.saturating_mul(load_percent) / 100;
        let frames = if is_above { OVERSHOOT_FRAMES } else { FRAMES };
        let begin_ns = self.now_ns;
        let after_ns = |frames: u64| -> u64 {
            let bits = u128::from(counted_bytes) * 8 * u128::from(frames);
            u64::try_from(bits * SECOND_NS / u128::from(offered_bps.max(1))).unwrap_or(u64::MAX)
        };
        let mut offered = Offered::default();
        for number in 1..=frames {
            offered.offer(frame, path, begin_ns + after_ns(number))?;
        }
        let time_ns = after_ns(frames).max(1);
        self.now_ns = begin_ns + time_ns + PAUSE_NS;
        let per_second = |bytes: u64| {
            u64::try_from(u128::from(bytes) * 8 * SECOND_NS / u128::from(time_ns))
                .unwrap_or(u64::MAX)
        };
        let delivered_bps = per_second(offered.passed_bytes);
        let tolerance_bps = self.rate_bps / 1000 * TOLERANCE_PERMILLE;
        let verdict = if !is_above {
            if offered.lost.is_empty() { StepVerdict::Passed } else { StepVerdict::Loss }
        } else if delivered_bps + tolerance_bps < self.rate_bps {
            StepVerdict::TooLittle
        } else if delivered_bps > self.rate_bps + tolerance_bps {
            StepVerdict::TooMuch
        } else {
            StepVerdict::Passed
        };
        Ok(StepReport {
            frame_bytes: frame.len_bytes(),
            load_percent,
            offered_bps: per_second(offered.bytes),
            delivered_bps,
            frames: offered.frames,
            lost: offered.lost,
            verdict,
        })
    }

    /// Offers frames all at once until one is dropped, and then twice the rate for a while, as a flow that has its fair
    /// part (`fairness = "flow"`) is refused before the burst is used: what passes above the rate from now on is no burst.
    fn use_the_burst(
        &mut self,
        frame: &TestFrame,
        counted_bytes: u64,
        path: &mut dyn PathEngine,
    ) -> Result<()> {
        let mut offered = Offered::default();
        let most = self.burst_bytes / counted_bytes + FRAMES;
        while offered.frames < most && offered.offer(frame, path, self.now_ns)? {}
        let frame_ns = u128::from(counted_bytes) * 8 * SECOND_NS / u128::from(self.rate_bps.max(1));
        let begin_ns = self.now_ns;
        for number in 1..=OVERSHOOT_FRAMES {
            let after_ns = frame_ns * u128::from(number) / 2;
            self.now_ns = begin_ns.saturating_add(u64::try_from(after_ns).unwrap_or(u64::MAX));
            offered.offer(frame, path, self.now_ns)?;
        }
        Ok(())
    }
}
