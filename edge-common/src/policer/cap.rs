//! A cap on events of all CPUs together, with one shared word: the generic cell rate algorithm (ITU-T I.371, annex A).

use crate::env::Word;

/// Events that may come at once, in intervals of the cap.
const AT_ONCE: u64 = 64;
/// Tries, while other CPUs change the word.
const TRIES: u32 = 4;

/// Whether an event at `now_ns` is within one each `interval_ns`; 0: every event is. The word is the time at which the next one is due; 0 at
/// the beginning. An event that other CPUs have outrun several times counts as one too many.
#[inline(always)]
pub fn is_within(due_ns: &impl Word, now_ns: u64, interval_ns: u64) -> bool {
    if interval_ns == 0 {
        return true;
    }
    for _ in 0..TRIES {
        let before = due_ns.load();
        let due = if before > now_ns { before } else { now_ns };
        if due - now_ns > interval_ns.wrapping_mul(AT_ONCE - 1) {
            return false;
        }
        if due_ns.compare_exchange(before, due.wrapping_add(interval_ns)) == before {
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use core::cell::Cell;

    use super::*;

    #[test]
    fn events_are_capped_from_the_first_and_after_silence() {
        let word = Cell::new(0);
        let admitted = |from_ns: u64, for_ns: u64, every_ns: usize| {
            let times = (from_ns..from_ns + for_ns).step_by(every_ns);
            times.filter(|now_ns| is_within(&word, *now_ns, 1_000)).count() as u64
        };
        assert_eq!(admitted(5_000_000, 1_000_000, 10), 1_000 + AT_ONCE - 1);
        // As many as come, at the cap.
        assert_eq!(admitted(100_000_000, 1_000_000, 1_000), 1_000);
        assert_eq!(admitted(200_000_000, 10, 1), 10);
    }

    #[test]
    fn without_an_interval_nothing_is_capped() {
        let word = Cell::new(0);
        assert!((0..1_000).all(|_| is_within(&word, 7, 0)));
    }
}
