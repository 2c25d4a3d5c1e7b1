//! The most that a policer sold in a moment, for bursts that an average over seconds hides.
//!
//! Windows don't overlap. One begins with the first lease after the end of the one before, so that
//! a burst after a silence is in one window. The CPU that buys this lease closes the old window.

use crate::{
    abi::{
        policer::{NEWS_TICKS, WINDOW_TICKS, Window},
        ticks::elapsed_ticks,
    },
    env::Word,
};

/// The times when the windows of a policer began. They are read before the clock: a window that
/// another CPU has begun later is closed by that CPU.
#[derive(Clone, Copy, Debug)]
pub struct Starts([u64; WINDOW_TICKS.len()]);

impl Starts {
    /// Reads them.
    #[inline(always)]
    pub fn of<W: Word>([short, long]: &[Window<W>; WINDOW_TICKS.len()]) -> Self {
        Self([short.start_ticks.load(), long.start_ticks.load()])
    }
}

/// Counts `lease_ticks` as sold at `now_ticks`, which was read after `starts`. The policer sells at
/// most `ahead_ticks` ahead of the clock.
#[inline(always)]
pub fn record<W: Word>(
    sold_ticks: &W,
    windows: &[Window<W>; WINDOW_TICKS.len()],
    starts: Starts,
    now_ticks: u64,
    ahead_ticks: u64,
    lease_ticks: u64,
) {
    let before_ticks = sold_ticks.fetch_add(lease_ticks);
    let [short, long] = windows;
    let Starts([short_start, long_start]) = starts;
    let close = |window, start_ticks, len_ticks: u64| {
        let elapsed_ticks = elapsed_ticks(start_ticks, now_ticks);
        if elapsed_ticks >= len_ticks {
            let most_ticks = if elapsed_ticks > NEWS_TICKS { 0 } else { len_ticks + ahead_ticks };
            close(window, start_ticks, now_ticks, before_ticks, most_ticks);
        }
    };
    close(short, short_start, WINDOW_TICKS[0]);
    close(long, long_start, WINDOW_TICKS[1]);
}

/// Closes `window`, which is over, and begins the next one, unless another CPU has.
#[inline(always)]
fn close<W: Word>(
    window: &Window<W>,
    start_ticks: u64,
    now_ticks: u64,
    sold_ticks: u64,
    most_ticks: u64,
) {
    if window.start_ticks.compare_exchange(start_ticks, now_ticks) != start_ticks {
        return;
    }
    let in_window_ticks = sold_ticks.wrapping_sub(window.sold_before_ticks.load());
    window.sold_before_ticks.store(sold_ticks);
    // Nothing was sold since the window's end, as a sale would have closed it. A sum above the most
    // that a window can hold is void: the window began whole turns of the clock ago, or a CPU stood
    // still while it began the window.
    if in_window_ticks > window.peak_ticks.load() && in_window_ticks <= most_ticks {
        window.peak_ticks.store(in_window_ticks);
    }
}
