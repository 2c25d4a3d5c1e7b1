//! A replay's time: the capture's, as long as that goes forward.

/// The time of a replay. It never goes back, as the clock of a live edge never does: at an earlier
/// time, a policer would take its TAT for one of long ago, and its whole burst for free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayTime {
    now_ns: u64,
    first_ns: u64,
    frames: u64,
    back_frames: u64,
    most_back_ns: u64,
}

impl ReplayTime {
    /// The time in nanoseconds at which a frame with this timestamp is policed: the timestamp, or
    /// the latest one so far, if that is later.
    pub fn of_frame(&mut self, timestamp_ns: u64) -> u64 {
        if self.frames == 0 {
            (self.first_ns, self.now_ns) = (timestamp_ns, timestamp_ns);
        }
        self.frames += 1;
        if let Some(back_ns) = self.now_ns.checked_sub(timestamp_ns).filter(|back| *back > 0) {
            self.back_frames += 1;
            self.most_back_ns = self.most_back_ns.max(back_ns);
        }
        self.now_ns = self.now_ns.max(timestamp_ns);
        self.now_ns
    }

    /// Number of frames with an earlier time than a frame before them, and the largest difference
    /// in nanoseconds.
    #[must_use]
    pub fn back(&self) -> (u64, u64) {
        (self.back_frames, self.most_back_ns)
    }

    /// Whether several frames have come and no time has passed.
    #[must_use]
    pub fn stands_still(&self) -> bool {
        self.frames > 1 && self.now_ns == self.first_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_never_goes_back_and_counts_who_would_have_it_so() {
        let day_ns = 86_400_000_000_000;
        for (timestamps, expected, back) in [
            (vec![5, 6, 6, 7], vec![5, 6, 6, 7], (0, 0)),
            (vec![5, 9, 6, 8, 10], vec![5, 9, 9, 9, 10], (2, 3)),
            (vec![9, 0, 0], vec![9, 9, 9], (2, 9)),
            (vec![0, u64::MAX, 1], vec![0, u64::MAX, u64::MAX], (1, u64::MAX - 1)),
            // Beyond the time at which a policer's ticks wrap around.
            (
                vec![1, 53 * day_ns, 27 * day_ns],
                vec![1, 53 * day_ns, 53 * day_ns],
                (1, 26 * day_ns),
            ),
        ] {
            let mut time = ReplayTime::default();
            let policed: Vec<u64> = timestamps.iter().map(|at| time.of_frame(*at)).collect();
            assert_eq!((policed, time.back()), (expected, back), "{timestamps:?}");
        }
    }

    #[test]
    fn one_frame_is_no_standstill() {
        let mut time = ReplayTime::default();
        assert!(!time.stands_still());
        for (timestamp_ns, expected) in [(3, false), (3, true), (2, true), (4, false)] {
            time.of_frame(timestamp_ns);
            assert_eq!(time.stands_still(), expected);
        }
    }
}
