//! Peaks on their way to the ledger.

use std::collections::BTreeMap;

use crate::{
    billing::ledger::PeakReading,
    config::Config,
    model::{Direction, Link},
    plan::PolicerKey,
    time::Moment,
};

/// Seconds of a sample.
const SAMPLE_S: i64 = 5 * 60;
/// Samples that wait at most: a ledger that fails for longer has no peaks of before.
const MOST_SAMPLES: usize = 12;

/// Circuit, direction and link.
type PeakPlace = (String, Direction, Link);

/// The greatest peaks of each sample that the ledger does not have yet.
#[derive(Debug, Default)]
pub(super) struct PendingPeaks(BTreeMap<i64, BTreeMap<PeakPlace, PeakReading>>);

impl PendingPeaks {
    /// Adds peaks. Those of one sample, by the wall clock, become one.
    pub(super) fn add(&mut self, peaks: impl IntoIterator<Item = PeakReading>) {
        for peak in peaks {
            let sample = peak.taken.wall.as_second().div_euclid(SAMPLE_S);
            let place = (peak.circuit.clone(), peak.direction, peak.link);
            let of_sample = self.0.entry(sample).or_default();
            let known = of_sample.entry(place).or_insert_with(|| peak.clone());
            let [short, long] = peak.peaks_bps;
            let [known_short, known_long] = known.peaks_bps;
            *known =
                PeakReading { peaks_bps: [short.max(known_short), long.max(known_long)], ..peak };
        }
        while self.0.len() > MOST_SAMPLES {
            self.0.pop_first();
        }
    }

    /// Takes all of them.
    pub(super) fn take(&mut self) -> Vec<PeakReading> {
        let samples = std::mem::take(&mut self.0);
        samples.into_values().flat_map(BTreeMap::into_values).collect()
    }
}

/// Peaks in bit/s, from those in parts of the bandwidths of a configuration's circuits.
pub(super) fn readings(
    config: &Config,
    taken: Moment,
    peaks: Vec<(PolicerKey, [u64; 2])>,
    in_bps: impl Fn([u64; 2], u64) -> [u64; 2],
) -> Vec<PeakReading> {
    if peaks.is_empty() {
        return Vec::new();
    }
    let circuits = config.circuits.iter();
    let bandwidths: BTreeMap<&str, u64> =
        circuits.map(|circuit| (circuit.name.as_str(), circuit.bandwidth_bps)).collect();
    let reading = |(key, ticks): (PolicerKey, [u64; 2])| {
        let bandwidth_bps = *bandwidths.get(key.circuit.as_str())?;
        Some(PeakReading {
            taken,
            edge: config.edge.name.clone(),
            circuit: key.circuit,
            direction: key.direction,
            link: key.link,
            peaks_bps: in_bps(ticks, bandwidth_bps),
        })
    };
    peaks.into_iter().filter_map(reading).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time;

    fn peak(taken: Moment, after_s: i64, peaks_bps: [u64; 2]) -> PeakReading {
        let wall = taken.wall.saturating_add(jiff::SignedDuration::from_secs(after_s));
        PeakReading {
            taken: Moment { wall: wall.expect("a date"), ..taken },
            edge: "edge".to_owned(),
            circuit: "contoso".to_owned(),
            direction: Direction::Inbound,
            link: Link::Primary,
            peaks_bps,
        }
    }

    #[test]
    fn the_greatest_of_a_sample_wait_and_no_more_than_an_hours() {
        let mut now = time::now().unwrap();
        now.wall = "2026-01-01T00:00:00Z".parse().unwrap();
        let mut pending = PendingPeaks::default();
        pending.add([peak(now, 0, [5, 4]), peak(now, 10, [3, 9]), peak(now, 290, [1, 1])]);
        pending.add([peak(now, 300, [2, 2])]);
        let taken = pending.take();
        let peaks: Vec<_> = taken.iter().map(|peak| peak.peaks_bps).collect();
        assert_eq!(peaks, [[5, 9], [2, 2]]);
        assert_eq!(pending.take(), []);
        // A booking that fails gives them back, beside later ones.
        pending.add([peak(now, 295, [7, 1])]);
        pending.add(taken);
        assert_eq!(pending.take()[0].peaks_bps, [7, 9]);
        for sample in 0..20 {
            pending.add([peak(now, 300 * sample, [1, 1])]);
        }
        assert_eq!(pending.take().len(), MOST_SAMPLES);
    }
}
