//! The policers' clock, as the programs read it.

use std::time::Duration;

use edge_common::abi::rate::TICKS_PER_NS_LOG2;
use nix::time::{ClockId, clock_gettime};

/// The policers' clock.
///
/// # Panics
///
/// If the machine has been up for 584 years.
#[must_use]
pub fn now_ticks() -> u64 {
    let now = clock_gettime(ClockId::CLOCK_MONOTONIC).expect("every kernel has this clock");
    let now_ns = Duration::from(now).as_nanos();
    // The shift drops the upper bits, as in the kernel.
    u64::try_from(now_ns).expect("the machine is up for less than 584 years") << TICKS_PER_NS_LOG2
}
