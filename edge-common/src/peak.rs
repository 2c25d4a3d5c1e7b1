//! The most that a policer sold in a moment: bursts that an average over seconds hides.
//!
//! Windows are tumbling. One begins with the first lease after the end of the one before, so that
//! a burst after silence is in one window, whole; whoever buys that lease closes the old one.

use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::{rate::TICKS_PER_NS_LOG2, tables::Word};

/// Lengths of the windows in ticks: 1 ms and 100 ms.
pub const WINDOW_TICKS: [u64; 2] =
    [1_000_000 << TICKS_PER_NS_LOG2, 100_000_000 << TICKS_PER_NS_LOG2];

/// A window, and the most that one like it has seen.
#[repr(C)]
#[derive(Debug, Default, FromBytes, Immutable, KnownLayout)]
pub struct Window<W> {
    /// When it began, in ticks.
    pub start_ticks: W,
    /// What had been sold by then, in ticks of the rate.
    pub sold_before_ticks: W,
    /// Most ticks of the rate sold in a window. Userspace may set it back to 0.
    pub peak_ticks: W,
}

/// Counts `lease_ticks` as sold at `now_ticks`.
#[inline(always)]
pub fn record<W: Word>(
    sold_ticks: &W,
    windows: &[Window<W>; WINDOW_TICKS.len()],
    now_ticks: u64,
    lease_ticks: u64,
) {
    let before_ticks = sold_ticks.fetch_add(lease_ticks);
    let [short, long] = windows;
    close(short, WINDOW_TICKS[0], now_ticks, before_ticks);
    close(long, WINDOW_TICKS[1], now_ticks, before_ticks);
}

/// Closes `window` if it is over, and begins the next.
#[inline(always)]
fn close<W: Word>(window: &Window<W>, len_ticks: u64, now_ticks: u64, sold_ticks: u64) {
    let start_ticks = window.start_ticks.load();
    // As signed: another CPU's clock may be a little behind the one that began it.
    let elapsed_ticks = now_ticks.wrapping_sub(start_ticks).cast_signed();
    if elapsed_ticks < len_ticks.cast_signed()
        || window.start_ticks.compare_exchange(start_ticks, now_ticks) != start_ticks
    {
        return;
    }
    // Nothing was sold since its end: whoever had would have closed it.
    let in_window_ticks = sold_ticks.wrapping_sub(window.sold_before_ticks.load());
    window.sold_before_ticks.store(sold_ticks);
    if in_window_ticks > window.peak_ticks.load() {
        window.peak_ticks.store(in_window_ticks);
    }
}
