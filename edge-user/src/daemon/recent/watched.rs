//! A circuit that is read every second, and its seconds.

use std::{collections::VecDeque, time::Instant};

use edge_api::{RecentSecond, SecondTraffic};
use jiff::Timestamp;

use super::counts::{CircuitCounts, CircuitPlace, WayCounts};

/// Seconds that are kept.
const MOST_SECONDS: usize = 900;

/// A circuit that is read every second.
#[derive(Debug)]
pub(super) struct WatchedCircuit {
    /// The time of the last request for it.
    pub(super) asked: Instant,
    pub(super) since: Timestamp,
    pub(super) place: CircuitPlace,
    /// The last counts, and their time; `None`: they could not be read.
    last: Option<(CircuitCounts, Instant)>,
    seconds: VecDeque<RecentSecond>,
}

impl WatchedCircuit {
    pub(super) fn new(since: Timestamp) -> Self {
        Self {
            asked: Instant::now(),
            since,
            place: CircuitPlace::default(),
            last: None,
            seconds: VecDeque::with_capacity(MOST_SECONDS),
        }
    }

    /// The counts from which the next second begins.
    pub(super) fn begin(&mut self, counts: CircuitCounts, at: Instant) {
        self.last = Some((counts, at));
    }

    /// The next second begins anew.
    pub(super) fn interrupt(&mut self) {
        self.last = None;
    }

    /// Adds the second that ends with these counts.
    pub(super) fn add(&mut self, counts: CircuitCounts, at: Instant, end: Timestamp) {
        let Some((before, since)) = self.last.replace((counts, at)) else { return };
        if before.generation != counts.generation {
            return;
        }
        let ways = before.ways.iter().zip(&counts.ways);
        let mut ways = ways.map(|(before, after)| traffic(before, after));
        let (Some(Some(inbound)), Some(Some(outbound))) = (ways.next(), ways.next()) else {
            return;
        };
        let ms = u32::try_from(at.saturating_duration_since(since).as_millis()).unwrap_or(u32::MAX);
        if self.seconds.len() == MOST_SECONDS {
            self.seconds.pop_front();
        }
        self.seconds.push_back(RecentSecond { end, ms, inbound, outbound });
    }

    /// The seconds that end after a moment, or all.
    pub(super) fn seconds(&self, after: Option<Timestamp>) -> Vec<RecentSecond> {
        let is_asked = |second: &&RecentSecond| after.is_none_or(|after| second.end > after);
        self.seconds.iter().filter(is_asked).copied().collect()
    }
}

/// The traffic between two counts; `None`: they are not of the same counters.
fn traffic(before: &WayCounts, after: &WayCounts) -> Option<SecondTraffic> {
    let more = |before: (u64, u64), after: (u64, u64)| {
        Some((after.0.checked_sub(before.0)?, after.1.checked_sub(before.1)?))
    };
    let (delivered_frames, delivered_bytes) = more(before.delivered, after.delivered)?;
    let (dropped_frames, dropped_bytes) = more(before.dropped, after.dropped)?;
    Some(SecondTraffic {
        offered_frames: delivered_frames + dropped_frames,
        offered_bytes: delivered_bytes + dropped_bytes,
        delivered_frames,
        delivered_bytes,
        dropped_frames,
        dropped_bytes,
        peak_1ms_bps: after.peak_1ms_bps,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn counts(generation: u64, delivered: u64, dropped: u64) -> CircuitCounts {
        let way = WayCounts {
            delivered: (delivered, 100 * delivered),
            dropped: (dropped, 100 * dropped),
            peak_1ms_bps: delivered,
        };
        CircuitCounts { generation, ways: [way, WayCounts::default()] }
    }

    #[test]
    fn seconds_are_of_the_same_tables_and_no_more_than_fifteen_minutes() {
        let (begun, date) = (Instant::now(), "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let mut watched = WatchedCircuit::new(date);
        let mut number = 0;
        let mut add = |watched: &mut WatchedCircuit, counts| {
            number += 1;
            let after = Duration::from_secs(number);
            watched.add(counts, begun + after, date + after);
        };
        watched.begin(counts(1, 10, 0), begun);
        add(&mut watched, counts(1, 15, 2));
        let [second] = watched.seconds(None)[..] else { panic!("one second") };
        assert_eq!((second.ms, second.end), (1_000, date + Duration::from_secs(1)));
        let SecondTraffic { offered_frames, delivered_frames, dropped_bytes, .. } = second.inbound;
        assert_eq!((offered_frames, delivered_frames, dropped_bytes), (7, 5, 200));
        assert_eq!((second.inbound.peak_1ms_bps, second.outbound.offered_frames), (15, 0));
        // Other tables, counters that are fewer, and a time in which nothing could be read.
        add(&mut watched, counts(2, 900, 2));
        add(&mut watched, counts(2, 100, 2));
        watched.interrupt();
        add(&mut watched, counts(2, 200, 2));
        assert_eq!(watched.seconds(None).len(), 1);
        for delivered in 0..1_000 {
            add(&mut watched, counts(2, 200 + delivered, 2));
        }
        assert_eq!(watched.seconds(None).len(), MOST_SECONDS);
        let last = watched.seconds(None)[MOST_SECONDS - 1].end;
        assert_eq!(watched.seconds(Some(last - Duration::from_secs(2))).len(), 2);
        assert!(watched.seconds.capacity() <= 2 * MOST_SECONDS && size_of::<RecentSecond>() <= 136);
    }
}
