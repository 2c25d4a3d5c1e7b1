//! Time as the path keeps it: in ticks of 2^-12 ns, of which a 64-bit word holds 52.12 days.
//!
//! A word that was written longer ago looks like one that was written whole turns of the clock
//! later. So only differences are used, and each use says what happens around a whole turn.

/// The most that another CPU's clock may be ahead: 2^20 ns, about a millisecond. The clocks of two CPUs
/// differ by nanoseconds, and code reads the words that it compares before the clock.
pub const MAX_SKEW_TICKS: u64 = 1 << 32;

/// Ticks from `then_ticks` to `now_ticks`, short of whole turns of the clock: 0 where `then_ticks`
/// is up to [`MAX_SKEW_TICKS`] ahead.
///
/// If the upper half of all differences counted as ahead, everything that waits for time to pass
/// would stop for 26 of 52 days.
#[inline(always)]
#[must_use]
pub const fn elapsed_ticks(then_ticks: u64, now_ticks: u64) -> u64 {
    let elapsed_ticks = now_ticks.wrapping_sub(then_ticks);
    if elapsed_ticks > u64::MAX - MAX_SKEW_TICKS { 0 } else { elapsed_ticks }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_passes_wherever_the_clock_stands_and_however_long_it_takes() {
        let gaps = [0, 1, MAX_SKEW_TICKS, 1 << 62, (1 << 63) - 1, 1 << 63, (1 << 63) + 1, 3 << 62];
        for then in [0, 1, 1 << 62, 1 << 63, u64::MAX - 1, u64::MAX] {
            for gap in gaps {
                assert_eq!(elapsed_ticks(then, then.wrapping_add(gap)), gap, "{then} and {gap}");
            }
            for ahead in [1, 1000, MAX_SKEW_TICKS] {
                assert_eq!(elapsed_ticks(then, then.wrapping_sub(ahead)), 0, "{then} and {ahead}");
            }
            let further = MAX_SKEW_TICKS + 1;
            assert_eq!(elapsed_ticks(then, then.wrapping_sub(further)), further.wrapping_neg());
        }
    }
}
