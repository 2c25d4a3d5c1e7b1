//! The most that a policer sold in a moment: bursts that an average over seconds hides.
//!
//! Windows are tumbling. One begins with the first lease after the end of the one before, so that
//! a burst after silence is in one window, whole; whoever buys that lease closes the old one.

use zerocopy::{FromBytes, Immutable, KnownLayout};

use crate::{rate::TICKS_PER_NS_LOG2, tables::Word, ticks::elapsed_ticks};

/// Lengths of the windows in ticks: 1 ms and 100 ms.
pub const WINDOW_TICKS: [u64; 2] =
    [1_000_000 << TICKS_PER_NS_LOG2, 100_000_000 << TICKS_PER_NS_LOG2];

/// For how long a window that nobody has closed is news: a minute. A burst before a long silence is
/// no peak of the moment in which the silence ends.
const NEWS_TICKS: u64 = 60_000_000_000 << TICKS_PER_NS_LOG2;

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

impl Window<u64> {
    /// The most that a window has seen, the one that is still open included, of a policer that has
    /// sold `sold_ticks` in all by `now_ticks`.
    #[must_use]
    pub fn most_ticks(&self, sold_ticks: u64, now_ticks: u64) -> u64 {
        let is_news = elapsed_ticks(self.start_ticks, now_ticks) <= NEWS_TICKS;
        let open_ticks = sold_ticks.wrapping_sub(self.sold_before_ticks);
        if is_news { self.peak_ticks.max(open_ticks) } else { self.peak_ticks }
    }
}

/// When the windows of a policer began, to be read before the clock: what another CPU has begun since
/// then is that CPU's to close.
#[derive(Clone, Copy, Debug)]
pub struct Starts([u64; WINDOW_TICKS.len()]);

impl Starts {
    /// Reads them.
    #[inline(always)]
    pub fn of<W: Word>([short, long]: &[Window<W>; WINDOW_TICKS.len()]) -> Self {
        Self([short.start_ticks.load(), long.start_ticks.load()])
    }
}

/// Counts `lease_ticks` as sold at `now_ticks`, which was read after `starts`, by a policer that
/// sells at most `ahead_ticks` ahead of the clock.
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

/// Closes `window`, which is over, and begins the next, unless another CPU has.
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
    // Nothing was sold since its end: whoever had would have closed it. More than a window can hold
    // is of one that began whole turns of the clock ago, or that a CPU had not quite begun when it
    // stood still.
    if in_window_ticks > window.peak_ticks.load() && in_window_ticks <= most_ticks {
        window.peak_ticks.store(in_window_ticks);
    }
}
